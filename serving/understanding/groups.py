"""How many people a message says are going."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from serving.understanding.quantities import small_number
from serving.understanding.script import Token, plain
from serving.understanding.wordlists import word_list

MAX_GROUP = 60
_Word = Literal[
    "people",
    "companions",
    "me",
    "and",
    "mine",
    "kin",
    "not_before",
    "not_after",
    "adjectives",
    "seats",
    "before_one",
    "after_count",
    "after_only",
]


@dataclass(frozen=True, slots=True)
class FoundGroup:
    start: int
    end: int
    value: int


def find(words: Sequence[Token], taken: Sequence[tuple[int, int]]) -> list[FoundGroup]:
    """Group sizes outside the spans that are `taken` by dates and prices."""
    reader = _Reader(words, taken)
    chosen: list[FoundGroup] = []
    for rule in (reader.me_and_others, reader.summed, reader.counted, reader.named):
        for found in rule():
            if all(found.end <= one.start or one.end <= found.start for one in chosen):
                chosen.append(found)
    return sorted(chosen, key=lambda found: found.start)


class _Reader:
    def __init__(self, words: Sequence[Token], taken: Sequence[tuple[int, int]]) -> None:
        self._words = words
        self._keys = [word.word for word in words]
        self._free = [
            all(word.end <= start or end <= word.start for start, end in taken) for word in words
        ]

    def me_and_others(self) -> Iterator[FoundGroup]:
        """`me and my wife`, `moi et 3 amis`, `mi esposa y yo`, `main aur meri wife`."""
        for place in range(len(self._keys)):
            if self._is(place, "me") and self._is(place + 1, "and"):
                if (count := self._number(place + 2)) and self._is(place + 3, "companions"):
                    yield self._found(place, place + 3, count + 1)
                elif self._is(place + 2, "mine") and self._is(place + 3, "kin"):
                    yield self._found(place, place + 3, 2)
                elif self._is(place + 2, "kin"):
                    yield self._found(place, place + 2, 2)
            first = place - 1 if self._is(place - 1, "mine") else place
            if self._is(place, "kin") and self._is(place + 1, "and") and self._is(place + 2, "me"):
                yield self._found(first, place + 2, 2)

    def summed(self) -> Iterator[FoundGroup]:
        """`2 adults and 3 kids`, `2 adults 3 kids`."""
        for place in range(len(self._keys)):
            one, other = self._number(place), self._number(place + 3)
            people = self._is_people(place + 1) and self._is_people(place + 4)
            if one and other and people and self._is(place + 2, "and"):
                yield self._found(place, place + 4, one + other)
            other = self._number(place + 2)
            if one and other and self._is_people(place + 1) and self._is_people(place + 3):
                yield self._found(place, place + 3, one + other)

    def counted(self) -> Iterator[FoundGroup]:
        """`4 people`, `we are 6`, `group of 8`, `para dos`."""
        for place in range(len(self._keys)):
            count = self._number(place)
            if not count or count > MAX_GROUP or not self._free[place] or self._is_excluded(place):
                continue
            if self._is_somebody(place):
                continue
            if self._is_people(place + 1) and not self._is(place + 2, "not_after"):
                yield self._found(place, place + 1, count)
            elif self._is_people(place + 2) and self._is(place + 1, "adjectives"):
                yield self._found(place, place + 2, count)
            elif length := self._being_before(place):
                yield self._found(place - length, place, count)

    def named(self) -> Iterator[FoundGroup]:
        for place in range(len(self._keys)):
            for length in (4, 3, 2, 1):
                size = _named().get(" ".join(self._keys[place : place + length]))
                if size and place + length <= len(self._keys) and not self._is_quoted(place):
                    yield self._found(place, place + length - 1, size)
                    break

    def _is_somebody(self, place: int) -> bool:
        """A count of one, as in "talk to one person", needs "for", "only" or "ke liye"."""
        spelt = self._number(place) == 1 and not self._keys[place].isdecimal()
        if not spelt or self._is(place + 1, "seats"):
            return False
        return not (self._is(place - 1, "before_one") or self._key(place + 3) in ("liye", "लिए"))

    def _being_before(self, place: int) -> int:
        """Words of `we are` or `group of` right before a number that counts no other thing."""
        following = self._key(place + 1)
        if following is not None and following not in _words("after_count"):
            return 0
        for length in (2, 1):
            if " ".join(self._keys[max(0, place - length) : place]) in _being():
                return length
        return 0

    def _is_excluded(self, place: int) -> bool:
        return self._is(place - 1, "not_before") or self._is(place + 1, "not_after")

    def _is_quoted(self, place: int) -> bool:
        # "solo quiero saber": Spanish "only"; the list holds the phrases that mean alone.
        return self._keys[place] == "solo" and self._is(place + 1, "after_only")

    def _is_people(self, place: int) -> bool:
        return (
            self._is(place, "people")
            or self._is(place, "companions")
            or (self._key(place) == "of" and self._key(place + 1) == "us")
        )

    def _number(self, place: int) -> int | None:
        key = self._key(place)
        number = small_number(key) if key else None
        return number if number and self._free[place] else None

    def _is(self, place: int, kind: _Word) -> bool:
        return self._key(place) in _words(kind)

    def _key(self, place: int) -> str | None:
        return self._keys[place] if 0 <= place < len(self._keys) else None

    def _found(self, first: int, last: int, value: int) -> FoundGroup:
        if self._keys[last] == "of":
            last += 1
        return FoundGroup(self._words[first].start, self._words[last].end, value)


@cache
def _words(kind: _Word) -> frozenset[str]:
    return frozenset(plain(word) for word in word_list("groups")[kind])


@cache
def _being() -> frozenset[str]:
    return frozenset(plain(phrase) for phrase in word_list("groups")["being"])


@cache
def _named() -> dict[str, int]:
    table = word_list("groups")
    return {plain(word): size for kind, size in (("one", 1), ("two", 2)) for word in table[kind]}
