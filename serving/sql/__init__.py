"""SQL lives in files beside this one, in named blocks; Python only knows their names.

A block starts with `-- name: claim_turns`, followed by a comment that says what it is for.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_HEAD = re.compile(rb"^-- name: (\w+)[ \t]*$", re.MULTILINE)


class Queries:
    """The blocks of one file, as attributes."""

    def __init__(self, room: str, blocks: dict[str, bytes]) -> None:
        self._room = room
        self._blocks = blocks

    def __getattr__(self, name: str) -> bytes:
        try:
            return self._blocks[name]
        except KeyError:
            raise AttributeError(f"serving/sql/{self._room}.sql has no block {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._blocks)


@cache
def queries(room: str) -> Queries:
    """The named blocks of `serving/sql/<room>.sql`."""
    parts = _HEAD.split((_FOLDER / f"{room}.sql").read_bytes())
    names = [name.decode() for name in parts[1::2]]
    if len(names) != len(set(names)):
        raise ValueError(f"serving/sql/{room}.sql names a block twice")
    return Queries(room, dict(zip(names, (part.strip() for part in parts[2::2]), strict=True)))
