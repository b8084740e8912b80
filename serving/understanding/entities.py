"""What a message names: treks, dates, prices and group sizes, as exact substrings."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from serving.types import Entity, EntityType, JsonValue
from serving.understanding import dates, groups, prices
from serving.understanding.quantities import numbers
from serving.understanding.script import Token
from serving.understanding.treks import TrekFinder

_Span = tuple[int, int]


def extract(
    text: str, words: Sequence[Token], timestamp: datetime, finder: TrekFinder
) -> tuple[Entity, ...]:
    """Entities in order of appearance, none overlapping: treks, dates, prices, then groups.

    What is named twice, as in "solo, I come alone", is one entity.
    """
    found: list[Entity] = []
    for kind, start, end, value in _candidates(text, words, timestamp, finder):
        said = any(kind == other.type and value == other.value for other in found)
        if not said and all(end <= other.start or other.end <= start for other in found):
            found.append(Entity(kind, text[start:end], start, end, value))
    return tuple(sorted(found, key=lambda entity: entity.start))


def _candidates(
    text: str, words: Sequence[Token], timestamp: datetime, finder: TrekFinder
) -> Iterator[tuple[EntityType, int, int, JsonValue]]:
    for trek in finder.find(text, words):
        yield "trek", words[trek.start].start, words[trek.end - 1].end, trek.name
    counts = numbers(text, words)
    days = dates.find(text, words, timestamp.date(), counts)
    sums = prices.find(text, words, counts)
    for day in days:
        yield "date", day.start, day.end, day.value
    for price in sums:
        yield "price", price.start, price.end, price.value
    taken = [(day.start, day.end) for day in days] + [(sum_.start, sum_.end) for sum_ in sums]
    for group in groups.find(text, words, taken, counts):
        yield "group_size", group.start, group.end, group.value
