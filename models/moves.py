"""Every move of the pointer, one numbered file each: what makes compare-and-swap possible without a
lock.

    ROOT/moves/00000007.json    {"epoch", "previous", "at"}

A move is made by creating the next number, which succeeds for one writer only, on every storage
that `models.small_files.create` knows. CURRENT repeats the latest move for readers.
"""

import json
from dataclasses import dataclass
from typing import Any

from models import small_files
from models.errors import ManifestError
from models.types import Epoch

FOLDER = "moves"


@dataclass(frozen=True, slots=True)
class Move:
    """The pointer went from one epoch to another."""

    number: int
    """Counts up from 1 without gaps."""
    epoch: Epoch
    previous: Epoch | None
    at: str
    """ISO 8601, UTC."""


class Moves:
    """All moves under one index root."""

    def __init__(self, fs: Any, root: str) -> None:
        self._fs = fs
        self._folder = f"{root}/{FOLDER}"

    def latest(self) -> Move | None:
        """The last one made; None when the pointer was never moved."""
        numbers = self._numbers()
        return self._read(numbers[-1]) if numbers else None

    def history(self) -> list[Move]:
        """Those still on record, oldest first."""
        return [self._read(number) for number in self._numbers()]

    def make(self, move: Move) -> bool:
        """False when another writer has made the move of this number."""
        content = {"epoch": move.epoch, "previous": move.previous, "at": move.at}
        return small_files.create(self._fs, self._path(move.number), json.dumps(content) + "\n")

    def forget(self, keep: int) -> None:
        """Remove all but the newest."""
        for number in self._numbers()[:-keep]:
            self._fs.rm_file(self._path(number))

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:08d}.json"

    def _numbers(self) -> list[int]:
        self._fs.invalidate_cache(self._folder)
        try:
            found = self._fs.ls(self._folder, detail=False)
        except FileNotFoundError:
            return []
        names = (str(path).rpartition("/")[2].removesuffix(".json") for path in found)
        return sorted(int(name) for name in names if name.isdigit())

    def _read(self, number: int) -> Move:
        path = self._path(number)
        try:
            content = json.loads(self._fs.cat_file(path))
            return Move(number, content["epoch"], content["previous"], content["at"])
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"{path}: not a move of the pointer: {error!r}") from error
