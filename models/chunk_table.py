"""Chunk records as an Arrow table, row i belonging to vector i, and filters over its columns."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.types import ChunkRecord, SearchFilter

Mask = NDArray[np.bool_]

SCHEMA = pa.schema(
    [
        pa.field("chunk_id", pa.string(), nullable=False),
        pa.field("doc", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        pa.field("span_start", pa.int32(), nullable=False),
        pa.field("span_end", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("doc_type", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("trek", pa.string()),
        pa.field("valid_from", pa.string()),
        pa.field("valid_to", pa.string()),
        pa.field("url", pa.string()),
        pa.field("heading", pa.list_(pa.string()), nullable=False),
    ]
)


def to_table(chunks: Sequence[ChunkRecord]) -> pa.Table:
    """The records as a table of SCHEMA."""
    return pa.Table.from_pylist([_row(chunk) for chunk in chunks], schema=SCHEMA)


def to_records(table: pa.Table) -> list[ChunkRecord]:
    """The rows of a table of SCHEMA as records."""
    return [_record(row) for row in table.to_pylist()]


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write it so that equal tables give equal bytes."""
    # Row groups of this size keep the pages needed for one hit small.
    pq.write_table(table, path, compression="zstd", row_group_size=16_384)


def read_parquet(path: Path) -> pa.Table:
    """Read a table of SCHEMA, in one chunk per column so that rows are cheap to pick."""
    return pq.read_table(path, schema=SCHEMA).combine_chunks()


class Records:
    """The rows of a table as records. Those read lately are kept: questions ask for the same pages.

    A record that answers several questions of a batch is then one object, which crosses a process
    once.
    """

    _KEPT = 4_096  # about 1.5 KB each

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._kept: dict[int, ChunkRecord] = {}

    def at(self, rows: Sequence[int]) -> list[ChunkRecord]:
        """In the given order. Safe in several threads: at worst a row is read twice."""
        kept = self._kept
        if len(kept) > self._KEPT:
            kept = self._kept = {}
        unread = [row for row in rows if row not in kept]
        if unread:
            kept.update(zip(unread, to_records(self._table.take(unread)), strict=True))
        return [kept[row] for row in rows]


class FilterColumns:
    """The columns that filters look at, as arrays; masks of recent filters are kept."""

    _KEPT = 64

    def __init__(self, table: pa.Table) -> None:
        self._rows = table.num_rows
        self._text = {name: _strings(table, name) for name in ("doc_type", "language", "trek")}
        self._valid_from = _strings(table, "valid_from", none="")
        # Sorts after every ISO date.
        self._valid_to = _strings(table, "valid_to", none="9999-12-31")
        self._masks: dict[SearchFilter, Mask] = {}
        self._lock = Lock()

    def mask(self, wanted: SearchFilter) -> Mask | None:
        """True where a row satisfies the filter; None when every row does."""
        if wanted == SearchFilter():
            return None
        with self._lock:
            mask = self._masks.get(wanted)
        return self._remember(wanted) if mask is None else mask

    def _remember(self, wanted: SearchFilter) -> Mask:
        mask = self._compute(wanted)
        with self._lock:
            if len(self._masks) >= self._KEPT:
                del self._masks[next(iter(self._masks))]
            self._masks[wanted] = mask
        return mask

    def _compute(self, wanted: SearchFilter) -> Mask:
        mask = np.ones(self._rows, np.bool_)
        if wanted.doc_types is not None:
            mask &= np.isin(self._text["doc_type"], wanted.doc_types)
        if wanted.languages is not None:
            mask &= np.isin(self._text["language"], wanted.languages)
        if wanted.treks is not None:
            # A passage about no trek in particular (insurance, payment) answers for every trek.
            mask &= np.isin(self._text["trek"], (*wanted.treks, ""))
        if wanted.valid_on is not None:
            mask &= (self._valid_from <= wanted.valid_on) & (self._valid_to >= wanted.valid_on)
        return mask


def _strings(table: pa.Table, name: str, none: str = "") -> NDArray[np.str_]:
    values = [none if value is None else value for value in table[name].to_pylist()]
    return np.array(values, dtype=np.str_)


def _row(chunk: ChunkRecord) -> dict[str, Any]:
    return {
        "chunk_id": chunk.chunk_id,
        "doc": chunk.doc,
        "revision": chunk.revision,
        "span_start": chunk.span[0],
        "span_end": chunk.span[1],
        "text": chunk.text,
        "title": chunk.title,
        "doc_type": chunk.doc_type,
        "language": chunk.language,
        "trek": chunk.trek,
        "valid_from": chunk.valid_from,
        "valid_to": chunk.valid_to,
        "url": chunk.url,
        "heading": list(chunk.heading),
    }


def _record(row: dict[str, Any]) -> ChunkRecord:
    span = (row.pop("span_start"), row.pop("span_end"))
    heading = tuple(row.pop("heading"))
    return ChunkRecord(span=span, heading=heading, **row)
