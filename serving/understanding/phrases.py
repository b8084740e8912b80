"""Phrases of several words with what they mean, found by their first or last word."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from serving.understanding.script import plain

T = TypeVar("T")
Phrases = Mapping[str, Sequence[tuple[list[str], T]]]


def table(pairs: Iterable[tuple[str, T]], *, by_last: bool = False) -> Phrases[T]:
    """The phrases by their first or last word, the longest first."""
    found: dict[str, list[tuple[list[str], T]]] = {}
    for phrase, value in pairs:
        parts = plain(phrase).split()
        found.setdefault(parts[-1 if by_last else 0], []).append((parts, value))
    for listed in found.values():
        listed.sort(key=lambda pair: -len(pair[0]))
    return found


def starting(keys: Sequence[str], place: int, phrases: Phrases[T]) -> tuple[int, T] | None:
    """Length and value of the longest phrase that begins with the word at `place`."""
    if not 0 <= place < len(keys):
        return None
    for parts, value in phrases.get(keys[place], ()):
        if keys[place : place + len(parts)] == parts:
            return len(parts), value
    return None


def ending(keys: Sequence[str], end: int, phrases: Phrases[T]) -> tuple[int, T] | None:
    """As `starting`, of the phrase whose last word stands right before `end`."""
    if not 0 < end <= len(keys):
        return None
    for parts, value in phrases.get(keys[end - 1], ()):
        if len(parts) <= end and keys[end - len(parts) : end] == parts:
            return len(parts), value
    return None
