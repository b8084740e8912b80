"""Proving that a text is nowhere any more: not in the live epoch, the store of vectors, the
quarantine, reports, what runs staged, or the copies that serving keeps.

Every file is looked into, whatever it is called; Parquet, being compressed, column by column.
Epochs that are kept to roll back to may still hold the text of a deleted document. That is said,
and counts as a fault only where no tombstone hides it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.epochs import EpochStore
from models.tombstones import Tombstones, read_tombstones
from pipelines.ingest.blocks import clean
from pipelines.ingest.errors import InputError
from pipelines.ingest.storage import Storage

# A text longer than a passage lies in several; then each of its sentences is looked for.
_WHOLE_CHARS = 120
_SENTENCE_CHARS = 30
_MIN_CHARS = 3
_PIECE_BYTES = 16 * 1024 * 1024
_SENTENCE_END = re.compile(r"(?<=[.!?।])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that still holds the text."""

    file: str
    doc: str | None
    """Whose passage or list entry it is; None where that cannot be told."""
    hidden: bool
    """In an epoch that is not live, and kept from answers by a tombstone."""


@dataclass(frozen=True, slots=True)
class Absence:
    """What the search found."""

    files: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing that can be answered from, or that stays, holds the text."""
        return all(finding.hidden for finding in self.findings)


def prove_absent(storage: Storage, text: str, caches: Iterable[Path] = ()) -> Absence:
    """Look for the text in every file under the index root and in serving's caches."""
    needles = _needles(text)
    stones = read_tombstones(storage.root)
    live = EpochStore(storage.root).live()
    findings: list[Finding] = []
    names = storage.files("")
    for name in names:
        with storage.open(name) as file:
            for doc, revision in _found(name, file, needles):
                of_old = name.startswith("epochs/") and not name.startswith(f"epochs/{live}/")
                hidden = of_old and _is_hidden(stones, doc, revision)
                findings.append(Finding(name, doc, hidden))
    cached = [path for folder in caches for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in cached:
        with path.open("rb") as file:
            findings += [
                Finding(str(path), doc, hidden=False) for doc, _ in _found(path.name, file, needles)
            ]
    return Absence(len(names) + len(cached), tuple(dict.fromkeys(findings)))


def _is_hidden(stones: Tombstones, doc: str | None, revision: str | None) -> bool:
    """Of a word list nobody can tell whose words they are: it answers through its passages only."""
    return doc is None or stones.hides(doc, revision or "")


def _needles(text: str) -> list[str]:
    whole = _plain(clean(text))
    if len(whole) < _MIN_CHARS:
        raise InputError(f"--absent {text!r}: needs at least {_MIN_CHARS} characters")
    if len(whole) <= _WHOLE_CHARS:
        return [whole]
    sentences = (_plain(part) for part in _SENTENCE_END.split(clean(text)))
    return [whole, *(part for part in sentences if len(part) >= _SENTENCE_CHARS)]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _found(
    name: str, file: IO[bytes], needles: list[str]
) -> Iterator[tuple[str | None, str | None]]:
    if name.endswith(".parquet"):
        yield from _in_parquet(file, needles)
    elif _in_bytes(file, needles):
        yield None, None


def _in_parquet(file: IO[bytes], needles: list[str]) -> Iterator[tuple[str | None, str | None]]:
    try:
        opened = pq.ParquetFile(file)
    except pa.ArrowInvalid:  # cut short by a crash: nobody can read it, nor answer from it
        return
    for batch in opened.iter_batches(batch_size=4096):
        for row in batch.to_pylist():
            if any(needle in text for text in _texts(row.values()) for needle in needles):
                yield row.get("doc"), row.get("revision")


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield _plain(value)
        elif isinstance(value, list):
            yield from _texts(value)


def _in_bytes(file: IO[bytes], needles: list[str]) -> bool:
    """As UTF-8 and as JSON escapes it; a piece overlaps the next by the longest needle."""
    wanted = [form for needle in needles for form in (needle, json.dumps(needle)[1:-1].lower())]
    overlap = max(len(form.encode()) for form in wanted)
    tail = b""
    while piece := file.read(_PIECE_BYTES):
        text = _plain((tail + piece).decode("utf-8", "ignore"))
        if any(form in text for form in wanted):
            return True
        tail = (tail + piece)[-2 * overlap :]
    return False
