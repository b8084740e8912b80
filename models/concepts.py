"""The words of a question in the other languages that its answer may be written in.

An encoder bridges languages by meaning, but romanised Hindi only in part, and word search not at
all. So each word that stands for a known concept (data/concepts.txt) brings the words that pages
use for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from models.lexical import words

Variant = Literal["en", "es", "fr", "hi", "latn"]
VARIANTS: tuple[Variant, ...] = ("en", "es", "fr", "hi", "latn")

_DATA = Path(__file__).parent / "data"
_MAX_WORDS = 4
_MIN_PREFIX = 3
_TOPIC_WEIGHT = 0.5  # topics are borrowed between languages more than function words are


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that people ask about, named in each language; the first name is the usual one."""

    names: Mapping[Variant, tuple[tuple[str, ...], ...]]

    def words(self, variant: Variant, most: int) -> tuple[str, ...]:
        """Words of its first `most` names, forms that stand for a stem left out."""
        whole = [name for name in self.names[variant] if not name[-1].endswith("*")]
        return tuple(dict.fromkeys(word for name in whole[:most] for word in name))


def variant_of(tokens: Sequence[str]) -> Variant:
    """The language of a question by its function words and topics; `en` where they do not tell."""
    if any("\u0900" <= token[0] <= "\u097f" for token in tokens):
        return "hi"
    order: tuple[Variant, ...] = ("en", "es", "fr", "latn")
    scores = {name: _evidence(tokens, name) for name in order}
    return max(order, key=lambda name: scores[name])


def _evidence(tokens: Sequence[str], variant: Variant) -> float:
    known = sum(token in function_words()[variant] for token in tokens)
    return known + _TOPIC_WEIGHT * len(find(tokens, variant))


def find(tokens: Sequence[str], variant: Variant) -> list[Concept]:
    """The concepts that the tokens name in this language, each once, in order of appearance."""
    (names, stems), heads = _index(variant), _heads(variant)
    found: dict[int, Concept] = {}
    for first in range(len(tokens)):
        for length in range(min(_MAX_WORDS, len(tokens) - first), 0, -1):
            window = tuple(tokens[first : first + length])
            for number in names.get(window, ()):
                found[number] = _concepts()[number]
            if window[:-1] in heads:
                for number in _by_prefix(window, stems):
                    found[number] = _concepts()[number]
    return list(found.values())


@cache
def function_words() -> Mapping[Variant, frozenset[str]]:
    """Words without a topic, by language, spelt as word search spells them."""
    content: dict[Variant, str] = yaml.safe_load((_DATA / "function_words.yaml").read_text("utf-8"))
    return {variant: frozenset(words(content[variant])) for variant in VARIANTS}


def is_function_word(word: str) -> bool:
    """Whether it carries no topic in one of the languages."""
    return any(word in known for known in function_words().values())


def is_ordinary(word: str) -> bool:
    """Whether the word means something in any of the languages, so that it names no place."""
    return word in _ordinary()


@cache
def _ordinary() -> frozenset[str]:
    lists = [*function_words().values(), *(map("".join, _index(v)[0]) for v in VARIANTS)]
    stems = (name for v in VARIANTS for name in map("".join, _index(v)[1]))
    return frozenset(word for one in lists for word in one) | frozenset(stems)


@cache
def _concepts() -> tuple[Concept, ...]:
    lines = (_DATA / "concepts.txt").read_text("utf-8").splitlines()
    return tuple(_concept(line) for line in lines if line.strip() and not line.startswith("#"))


def _concept(line: str) -> Concept:
    columns = line.split("|")
    if len(columns) != len(VARIANTS):
        raise ValueError(f"concepts.txt: {line!r} has {len(columns)} columns")
    return Concept({v: tuple(_names(c)) for v, c in zip(VARIANTS, columns, strict=True)})


def _names(column: str) -> Iterator[tuple[str, ...]]:
    for form in column.split(","):
        name = words(form)
        if name:
            stem = "*" if form.strip().endswith("*") else ""
            yield (*name[:-1], name[-1] + stem)


Index = dict[tuple[str, ...], list[int]]


@cache
def _index(variant: Variant) -> tuple[Index, Index]:
    """Concepts by whole name, and by name whose last word is a stem."""
    whole: Index = {}
    stems: Index = {}
    for number, concept in enumerate(_concepts()):
        for name in concept.names[variant]:
            if name[-1].endswith("*"):
                stems.setdefault((*name[:-1], name[-1][:-1]), []).append(number)
            else:
                whole.setdefault(name, []).append(number)
    return whole, stems


@cache
def _heads(variant: Variant) -> frozenset[tuple[str, ...]]:
    """What stands before the stem in any name; most often nothing."""
    return frozenset(name[:-1] for name in _index(variant)[1])


def _by_prefix(window: tuple[str, ...], stems: Index) -> Iterator[int]:
    *before, last = window
    for end in range(min(_MIN_PREFIX, len(last)), len(last) + 1):
        yield from stems.get((*before, last[:end]), ())
