"""Trek names and their aliases, made ready once, found in a text with one pass over its words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from serving.sentences import normalise

WORD = re.compile(r"[\w\u0900-\u097f]+")


class TrekNames:
    """Immutable; compared by identity, so that what was read with it can be cached under it."""

    def __init__(self, names: Mapping[str, Sequence[str]] | None = None) -> None:
        self._aliases = {name: tuple(aliases) for name, aliases in (names or {}).items()}
        # By the first word of an alias: where in the alias that word begins, the alias, the trek.
        self._by_word: dict[str, list[tuple[int, str, str]]] = {}
        for name, aliases in self._aliases.items():
            for alias in {_plain(one) for one in (name, *aliases)}:
                if first := WORD.search(alias):
                    entry = (first.start(), alias, name)
                    self._by_word.setdefault(first[0], []).append(entry)

    def __contains__(self, name: object) -> bool:
        return name in self._aliases

    def __bool__(self) -> bool:
        return bool(self._aliases)

    def aliases(self, name: str) -> tuple[str, ...]:
        return self._aliases.get(name, ())

    def find(self, text: str) -> frozenset[str]:
        """Canonical names of the treks that a text names, by any alias, as whole words."""
        if not self._by_word:
            return frozenset()
        plain = _plain(text)
        return frozenset(
            name
            for word in WORD.finditer(plain)
            for offset, alias, name in self._by_word.get(word[0], ())
            if _stands_at(plain, word.start() - offset, alias)
        )


def _plain(text: str) -> str:
    return normalise(text).casefold()


def _stands_at(plain: str, start: int, alias: str) -> bool:
    end = start + len(alias)
    return start >= 0 and plain.startswith(alias, start) and WORD.match(plain, end) is None


@lru_cache(maxsize=256)
def trek_names_of(names: frozenset[str]) -> TrekNames:
    """Names without aliases; the same object for the same names."""
    return TrekNames(dict.fromkeys(names, ()))


def names_about(treks: Iterable[str | None]) -> TrekNames:
    """Of passages that are about these treks."""
    return trek_names_of(frozenset(trek for trek in treks if trek))
