"""What a run staged, seen shard by shard: counts, digests, documents, refusals. Each function runs
as a Ray task.
"""

import hashlib
import json
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models import chunk_table
from pipelines.ingest import revisions, rows
from pipelines.ingest.errors import InputError
from pipelines.ingest.storage import Storage

WITHHELD = "withheld.parquet"
_SLICE_ROWS = 4_096
# Width of the bars of the report's histogram of passage lengths.
LENGTH_STEP_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Part:
    """The passages of one shard: which files hold them, and which of their rows."""

    shard: int
    files: tuple[str, ...]
    withheld: str
    """Name of the file with the document revisions that are kept out."""
    nth: int = 0
    of: int = 1
    """`of` 1: every row. Else the rows whose place by chunk id leaves `nth` when divided by `of`.
    """


@dataclass(frozen=True, slots=True)
class PartSummary:
    """What a part holds."""

    shard: int
    num_chunks: int
    languages: dict[str, int]
    """Passages by language."""
    treks: tuple[str, ...]
    digest: str
    """Of every record, in order of id: equal exactly when the shard's content is."""
    lengths: dict[int, int] = field(default_factory=dict)
    """Passages by length: tokens from k times LENGTH_STEP_TOKENS on."""


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A document that could not be read, and why."""

    doc: str
    uri: str
    reason: str
    counts: bool
    carried: int = 0
    """Passages of its last readable revision that stay searchable."""


def passage_files(storage: Storage, staged: str) -> list[str]:
    """Names of all staged files with passages."""
    return storage.parquet_files(f"{staged}/passages")


def read_part(storage: Storage, part: Part) -> pa.Table:
    """The passages of a part in order of chunk id, each once, with key and length."""
    columns = [*chunk_table.SCHEMA.names, "vector_key", "num_tokens"]
    tables = [storage.read_table(name, columns) for name in part.files]
    if not tables:
        return rows.PASSAGES.empty_table().select(columns)
    table = pa.concat_tables(tables).filter(answering(storage, part.withheld, tables))
    table = table.sort_by("chunk_id").combine_chunks()
    ids = table["chunk_id"]
    if table.num_rows > 1:
        differs = pc.not_equal(ids.slice(1), ids.slice(0, table.num_rows - 1)).to_numpy()
        table = table.filter(pa.array(np.concatenate(([True], differs))))
    places = np.arange(table.num_rows)
    return table.take(pa.array(places[places % part.of == part.nth]))


def answering(storage: Storage, withheld: str, tables: list[pa.Table]) -> pa.Array:
    """True for each passage whose document revision is not kept out."""
    table = pa.concat_tables(table.select(["doc", "revision"]) for table in tables)
    listed = storage.read_table(withheld)
    listed = listed.filter(listed["drops"])
    return pc.invert(pc.is_in(_pairs(table), value_set=_pairs(listed)))


def _pairs(table: pa.Table) -> pa.Array:
    joined = pc.binary_join_element_wise(table["doc"], table["revision"], "\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def summarise(storage: Storage, part: Part) -> PartSummary:
    """Count and hash a part."""
    table = read_part(storage, part)
    digest = hashlib.sha256()
    for start in range(0, table.num_rows, _SLICE_ROWS):
        for row in table.select(chunk_table.SCHEMA.names).slice(start, _SLICE_ROWS).to_pylist():
            digest.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode())
    counted = pc.value_counts(table["language"]).to_pylist()
    treks = pc.unique(table["trek"].drop_null()).to_pylist()
    return PartSummary(
        part.shard,
        table.num_rows,
        {row["values"]: row["counts"] for row in counted},
        tuple(sorted(trek for trek in treks if trek)),
        digest.hexdigest(),
        _histogram(table["num_tokens"].to_numpy()),
    )


def _histogram(lengths: NDArray[np.int32]) -> dict[int, int]:
    steps, counts = np.unique(lengths // LENGTH_STEP_TOKENS, return_counts=True)
    return {int(step): int(count) for step, count in zip(steps, counts, strict=True)}


def failures(storage: Storage, staged: str) -> list[QuarantineEntry]:
    """All documents that could not be read, in order of name."""
    names = storage.parquet_files(f"{staged}/refused")
    found = [row for name in names for row in storage.read_table(name).to_pylist()]
    return sorted((QuarantineEntry(**row) for row in found), key=lambda entry: entry.doc)


def divide(storage: Storage, folder: str, staged: str, num_shards: int) -> list[Part]:
    """The passages of each shard.

    By document, so that an edit changes one shard. A corpus of a few documents may leave a shard
    empty that way, and is divided by passage instead; one with fewer passages than shards gets
    fewer shards.
    """
    withheld = f"{folder}/{WITHHELD}"
    parts = [
        Part(shard, tuple(storage.parquet_files(f"{staged}/passages/shard={shard}")), withheld)
        for shard in range(num_shards)
    ]
    counts = [_count(storage, part) for part in parts]
    if all(counts):
        return parts
    if not any(counts):
        raise InputError("the corpus holds no passage that could be indexed")
    names = tuple(name for part in parts for name in part.files)
    of = min(num_shards, read_part(storage, Part(0, names, withheld)).num_rows)
    return [Part(shard, names, withheld, nth=shard, of=of) for shard in range(of)]


def _count(storage: Storage, part: Part) -> int:
    """Passages that are not kept out."""
    found = 0
    for name in part.files:
        table = storage.read_table(name, ["doc", "revision"])
        found += pc.sum(answering(storage, part.withheld, [table])).as_py() or 0
    return found


def write_withheld(storage: Storage, folder: str, choice: revisions.Choice) -> None:
    """Leave for the following stages which revisions have no passages in the index."""
    columns = [
        {"doc": w.doc, "revision": w.revision, "why": w.why, "winner": w.winner, "drops": w.drops}
        for w in choice.withheld
    ]
    storage.write_table(f"{folder}/{WITHHELD}", pa.Table.from_pylist(columns, revisions.SCHEMA))
