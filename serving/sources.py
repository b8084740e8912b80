"""What a reply may rely on, read once: a text cut into sentences with their facts, words and treks.

Passages of the index are read by many turns, so their reading is kept; what a customer or a model
wrote is personal and never is. Pure.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from serving.facts import MONEY, Fact, facts_of
from serving.records import readable
from serving.sentences import content_words, sentences, words
from serving.trek_names import TrekNames
from serving.types import Booking, Passage

IN_CUSTOMERS_VOICE = re.compile(r"\b(?:I|I['’](?:m|ve|ll|d)|my|me)\b")
MONTH_LIST_GAP = 12  # characters between two months of one list: ", ", " and ", " y ", " और "
PASSAGES_KEPT = 2_048  # about 20 KB each


@dataclass(frozen=True, slots=True)
class Segment:
    """One sentence, read once."""

    text: str
    facts: tuple[Fact, ...]
    treks: frozenset[str]
    words: frozenset[str]  # stems of the words that carry its subject
    months: frozenset[int]  # every month that it names
    month_groups: tuple[tuple[int, frozenset[int]], ...]  # months listed together, with offset

    def season(self, fact: Fact) -> frozenset[int]:
        """The months that a price of this sentence is for; empty: it names none.

        "₹10,500 in September and ₹11,500 in July" and "in September ₹10,500, in July ₹11,500" put
        the month on different sides; which one, the beginning of the sentence tells.
        """
        groups = self.month_groups
        if not groups:
            return frozenset()
        first_price = min(one.start for one in self.facts if one.unit in MONEY)
        if first_price < groups[0][0]:
            return next((months for start, months in groups if start > fact.start), groups[-1][1])
        return [months for start, months in groups if start < fact.start or start == groups[0][0]][
            -1
        ]


@dataclass(frozen=True, slots=True)
class Source:
    """A text that a reply may rely on."""

    segments: tuple[Segment, ...]
    treks: frozenset[str]  # what the whole source is about; empty: no trek in particular
    words: frozenset[str]  # of all its sentences
    spelled: frozenset[str]  # every word as it is written, in lower case
    numbers: Mapping[float, tuple["Statement", ...]]  # by each reading of the number
    days: tuple["Statement", ...]  # dates and months
    links: tuple["Statement", ...]
    passage: int | None = None  # its place among the passages; None: our own words
    relevance: tuple[float, ...] = ()  # of each sentence to the question; empty: unknown

    def about(self, said: Segment) -> frozenset[str]:
        """The treks that a sentence of it speaks of."""
        return said.treks or self.treks

    def near(self, claim: Fact) -> Iterator["Statement"]:
        """The only statements that could be the same as a claim."""
        if claim.kind == "link":
            yield from self.links
            return
        for value in claim.values:
            yield from self.numbers.get(value, ())
        if claim.day or claim.kind == "number":  # a number may be the year of a date
            yield from self.days


Statement = tuple[Segment, Fact]


def segment(text: str, known: TrekNames) -> Segment:
    facts = tuple(facts_of(text))
    groups = _month_groups(facts)
    months = frozenset(month for _, group in groups for month in group)
    return Segment(text, facts, known.find(text), content_words(text), months, groups)


def _month_groups(facts: Iterable[Fact]) -> tuple[tuple[int, frozenset[int]], ...]:
    """Months that are listed together, with the offset of the first, in order."""
    groups: list[tuple[int, frozenset[int]]] = []
    end = -MONTH_LIST_GAP
    named = (fact for fact in facts if fact.kind == "month")
    for fact in sorted(named, key=lambda fact: fact.start):
        month = frozenset({fact.day[1]} if fact.day else ())
        if groups and fact.start - end < MONTH_LIST_GAP:
            groups[-1] = (groups[-1][0], groups[-1][1] | month)
        else:
            groups.append((fact.start, month))
        end = max(end, fact.start + len(fact.text))
    return tuple(groups)


def segments_of(text: str, known: TrekNames) -> tuple[Segment, ...]:
    """A reply's sentences."""
    return tuple(segment(one, known) for one in sentences(text))


@lru_cache(maxsize=PASSAGES_KEPT)
def told_sentences(text: str) -> tuple[str, ...]:
    """A page's sentences; table rows become sentences first."""
    return tuple(one for line in text.splitlines() for one in (readable(line) or sentences(line)))


def asks(sentence: str) -> bool:
    """A page's question, also in a customer's voice ("I was charged twice"): it tells nothing."""
    return sentence.rstrip(" *").endswith("?") or IN_CUSTOMERS_VOICE.search(sentence) is not None


def source_of(text: str, known: TrekNames, treks: Iterable[str] = ()) -> Source:
    """A text's sentences, read."""
    said = [one for line in text.splitlines() for one in (readable(line) or sentences(line))]
    segments = tuple(segment(one, known) for one in said)
    stated = [(one, fact) for one in segments for fact in one.facts]
    numbers: defaultdict[float, list[Statement]] = defaultdict(list)
    for one, fact in stated:
        for value in fact.values:
            numbers[value].append((one, fact))
    return Source(
        segments,
        frozenset(treks),
        words=frozenset(word for one in segments for word in one.words),
        spelled=frozenset(word for one in said for word in words(one)),
        numbers={value: tuple(found) for value, found in numbers.items()},
        days=tuple(statement for statement in stated if statement[1].day),
        links=tuple(statement for statement in stated if statement[1].kind == "link"),
    )


def sources_of(passages: Sequence[Passage], known: TrekNames) -> list[Source]:
    return [
        replace(
            _page(passage.text, passage.title, passage.trek, known),
            passage=place,
            relevance=passage.relevance,
        )
        for place, passage in enumerate(passages)
    ]


@lru_cache(maxsize=PASSAGES_KEPT)
def _page(text: str, title: str, trek: str | None, known: TrekNames) -> Source:
    return source_of(text, known, {trek} if trek else known.find(title))


@lru_cache(maxsize=PASSAGES_KEPT)
def public_source(text: str, known: TrekNames) -> Source:
    """Our own sentences and titles of pages: nobody's personal data."""
    return source_of(text, known)


def source_of_bookings(bookings: Sequence[Booking], known: TrekNames) -> Source:
    """The customer's own bookings, as sentences: their dates and amounts may be told to them."""
    lines = (
        f"{booking.reference} {booking.trek} {booking.departs_on} {booking.status} "
        f"{booking.seats} seats, INR {booking.amount_inr}, INR {booking.paid_inr}, "
        f"INR {booking.amount_inr - booking.paid_inr}"
        for booking in bookings
    )
    return source_of("\n".join(lines), known)
