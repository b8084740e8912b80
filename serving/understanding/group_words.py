"""A message as its people are read: each word with the lists of `groups.yaml` it stands in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from serving.understanding.phrases import Phrases, ending, starting, table
from serving.understanding.quantities import Number
from serving.understanding.script import Token, plain
from serving.understanding.wordlists import word_list

MAX_GROUP = 60
Kind = Literal[
    "people", "couples", "adjectives", "past_were", "me", "we", "and", "mine", "traits", "kin",
    "kins", "pairs", "going", "going_after", "not_before", "not_after", "changes",
    "changes_after", "tents", "after_count", "circles", "of", "after_only", "before_single",
    "before_alone", "negations", "not_after_couple", "before_couple", "seats", "before_one",
    "not_two", "verb_stems", "ages",
]  # fmt: skip
_KINDS: tuple[Kind, ...] = get_args(Kind)
_NONE: frozenset[Kind] = frozenset()


@dataclass(frozen=True, slots=True)
class FoundGroup:
    start: int
    end: int
    value: int


class GroupWords:
    """The words of one message, their kinds, and the counts that are no date or price."""

    def __init__(
        self,
        text: str,
        words: Sequence[Token],
        taken: Sequence[tuple[int, int]],
        numbers: Mapping[int, Number],
    ) -> None:
        self._text = text
        self._words = words
        self._taken = taken
        kinds = _by_word()
        self.keys = [word.word for word in words]
        self._kinds = [kinds.get(key, _NONE) for key in self.keys]
        self.counts = {
            first: number
            for first, number in numbers.items()
            if 0 < number.value <= MAX_GROUP
            and number.value % 1 == 0
            and self.is_free(first)
            and not self._is_giving(first)
        }

    def __len__(self) -> int:
        return len(self.keys)

    def is_a(self, place: int, kind: Kind) -> bool:
        return 0 <= place < len(self._kinds) and kind in self._kinds[place]

    def are_any(self, first: int, end: int, kind: Kind) -> bool:
        return any(kind in kinds for kinds in self._kinds[max(0, first) : max(0, end)])

    def said_before(self, place: int, reach: int, kind: Kind) -> bool:
        """Whether one of the last words of the same clause is of the kind."""
        for at in range(place - 1, max(-1, place - reach - 1), -1):
            if self.starts_clause(at + 1):
                return False
            if kind in self._kinds[at]:
                return True
        return False

    def key(self, place: int) -> str | None:
        return self.keys[place] if 0 <= place < len(self.keys) else None

    def is_free(self, place: int) -> bool:
        if not 0 <= place < len(self._words):
            return True
        word = self._words[place]
        return all(word.end <= start or end <= word.start for start, end in self._taken)

    def _is_giving(self, place: int) -> bool:
        """`band kar do bhai`: the Hindi verb that is spelt like two."""
        return self.keys[place] in ("do", "दो") and self.is_a(place - 1, "verb_stems")

    def gap(self, place: int) -> str:
        """What stands before the word, after the one before it."""
        if 0 < place < len(self._words):
            return self._text[self._words[place - 1].end : self._words[place].start]
        return ""

    def is_capital(self, place: int) -> bool:
        return place < len(self._words) and self._text[self._words[place].start].isupper()

    def starts_clause(self, place: int) -> bool:
        return not 0 < place < len(self._words) or bool(set(self.gap(place)) & set(",.;:!?()\n।"))

    def found(self, first: int, end: int, value: int) -> FoundGroup:
        return FoundGroup(self._words[first].start, self._words[end - 1].end, value)

    def phrase_at(self, place: int, phrases: Phrases[int]) -> tuple[int, int] | None:
        """Length and value of the longest listed phrase that begins here."""
        return starting(self.keys, place, phrases)

    def phrase_before(self, place: int, phrases: Phrases[int]) -> int:
        """Length of the longest listed phrase that ends right before the word, else nought."""
        found = ending(self.keys, place, phrases)
        return found[0] if found else 0


@cache
def phrases(*names: str, by_last: bool = False) -> Phrases[int]:
    """Phrases of the lists, with the sizes they state."""
    return table((pair for name in names for pair in _sized(name)), by_last=by_last)


def _sized(name: str) -> Iterator[tuple[str, int]]:
    listed: list[str] | dict[int, list[str]] = word_list("groups")[name]
    groups = listed if isinstance(listed, dict) else {{"one": 1, "two": 2}.get(name, 0): listed}
    return ((phrase, size) for size, written in groups.items() for phrase in written)


@cache
def _by_word() -> dict[str, frozenset[Kind]]:
    found: dict[str, set[Kind]] = {}
    for kind in _KINDS:
        for word in word_list("groups")[kind]:
            found.setdefault(plain(word), set()).add(kind)
    return {word: frozenset(kinds) for word, kinds in found.items()}
