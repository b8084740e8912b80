"""Weighted phrases found in a message, whatever its typos.

A phrase is written as words: `refund*` is a prefix, `a|b` an alternative, `..` up to three words
between. An unknown word of five letters or more is read as the nearest word of the list.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from serving.types import Language
from serving.understanding.script import Token, fold

MAX_GAP = 3
MIN_PREFIX = 2
LONG = 8  # letters from which a word may hold two typos
MIN_CORRECTED = 5  # letters; shorter words have too many neighbours


@dataclass(frozen=True, slots=True)
class Phrase:
    label: str
    weight: float
    source: str  # as it is written in the word list: names the rule
    parts: tuple[tuple[str, ...], ...]  # alternatives per word; () is a gap
    variety: str = ""  # language it belongs to, "hi_latn" for romanised Hindi; "": all


@dataclass(frozen=True, slots=True)
class Match:
    label: str
    weight: float
    source: str
    variety: str


SPOKEN: dict[Language, tuple[str, ...]] = {
    "en": ("en",),
    "hi": ("hi", "hi_latn", "en"),  # Hindi borrows its business words from English
    "es": ("es",),
    "fr": ("fr",),
}


class Lexicon:
    """Phrases by label, indexed by their first word."""

    def __init__(
        self, phrases: Iterable[Phrase], known: Iterable[str] = (), *, typos: bool = True
    ) -> None:
        self._typos = typos
        self._words: dict[str, list[Phrase]] = defaultdict(list)
        self._prefixes: dict[str, list[Phrase]] = defaultdict(list)
        literals: set[str] = set()
        for phrase in phrases:
            for word in phrase.parts[0]:
                index = self._prefixes if word.endswith("*") else self._words
                index[word.rstrip("*")].append(phrase)
            literals.update(word for part in phrase.parts for word in part)
        self._stems = tuple(word[:-1] for word in literals if word.endswith("*"))
        exact = {word for word in literals if not word.endswith("*")}
        self._known = exact | set(known)
        self._vocabulary = sorted(
            word
            for word in exact | {stem for stem in self._stems if len(stem) > MIN_CORRECTED}
            if len(word) >= MIN_CORRECTED
        )

    def find(self, words: Sequence[Token]) -> list[Match]:
        """Every phrase that occurs, once each, in order of appearance."""
        keys = contracted([self._correct(word.key) for word in words])
        found: dict[tuple[str, str], Match] = {}
        for start in range(len(keys)):
            for phrase in self._starting_with(keys[start]):
                if _matches(phrase.parts, keys, start):
                    match = Match(phrase.label, phrase.weight, phrase.source, phrase.variety)
                    found.setdefault((phrase.label, phrase.source), match)
        return list(found.values())

    def _starting_with(self, key: str) -> Iterator[Phrase]:
        yield from self._words.get(key, ())
        for length in range(MIN_PREFIX, len(key) + 1):
            yield from self._prefixes.get(key[:length], ())

    def _correct(self, key: str) -> str:
        if (
            not self._typos
            or len(key) < MIN_CORRECTED
            or key in self._known
            or key.startswith(self._stems)
        ):
            return key
        allowed = 1 if len(key) < LONG else 2
        candidates = [word for word in self._vocabulary if word[0] == key[0]]
        best = process.extractOne(key, candidates, scorer=OSA.distance, score_cutoff=allowed)
        return best[0] if best else key


_NEGATED = ("do", "does", "did", "can", "could", "will", "would", "have", "has", "is", "are", "was")


def contracted(keys: Sequence[str]) -> list[str]:
    """`do not` as `dont`, so that phrases need one spelling."""
    merged: list[str] = []
    for key in keys:
        if key == "not" and merged and merged[-1] in _NEGATED:
            before = merged.pop()
            merged.append({"can": "cant", "will": "wont"}.get(before, f"{before}nt"))
        else:
            merged.append({"cannot": "cant", "canot": "cant", "donot": "dont"}.get(key, key))
    return merged


Weighted = Mapping[str, Mapping[float, Sequence[str]]]  # variety, weight, phrases


def phrases(label: str, by_variety: Weighted) -> Iterator[Phrase]:
    """The phrases of one label."""
    for variety, weighted in by_variety.items():
        for weight, sources in weighted.items():
            for source in sources:
                yield phrase(label, float(weight), source, variety)


def phrase(label: str, weight: float, source: str, variety: str = "") -> Phrase:
    if not isinstance(source, str):  # YAML reads a bare no, yes or on as a truth value
        raise TypeError(f"phrase {source!r} of {label!r} must be quoted")
    parts = tuple(() if part == ".." else _alternatives(part) for part in source.split())
    if not parts or not parts[0] or not parts[-1]:
        raise ValueError(f"phrase {source!r} of {label!r} must begin and end with a word")
    return Phrase(label, weight, source, parts, variety)


def _alternatives(part: str) -> tuple[str, ...]:
    return tuple(
        fold(word.rstrip("*")) + ("*" if word.endswith("*") else "") for word in part.split("|")
    )


def _matches(parts: Sequence[tuple[str, ...]], keys: Sequence[str], start: int) -> bool:
    if not parts:
        return True
    if not parts[0]:
        return any(_matches(parts[1:], keys, start + skipped) for skipped in range(MAX_GAP + 1))
    fits = start < len(keys) and fits_part(parts[0], keys[start])
    return fits and _matches(parts[1:], keys, start + 1)


def fits_part(alternatives: Sequence[str], key: str) -> bool:
    return any(_fits(word, key) for word in alternatives)


def _fits(word: str, key: str) -> bool:
    return key.startswith(word[:-1]) if word.endswith("*") else key == word
