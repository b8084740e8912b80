"""What a run staged, seen shard by shard: counts, digests, documents, refusals. Each function runs
as a Ray task.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from models import chunk_table
from pipelines.ingest import rows
from pipelines.ingest.errors import InputError
from pipelines.ingest.storage import Storage


@dataclass(frozen=True, slots=True)
class Part:
    """The passages of one shard: which files hold them, and which of their rows."""

    shard: int
    files: tuple[str, ...]
    nth: int = 0
    of: int = 1
    """`of` 1: every row. Else the rows whose place by chunk id leaves `nth` when divided by `of`.
    """


@dataclass(frozen=True, slots=True)
class PartSummary:
    """What a part holds."""

    shard: int
    num_chunks: int
    num_docs: int
    languages: dict[str, int]
    """Passages by language."""
    treks: tuple[str, ...]
    digest: str
    """Of every record, in order of id: equal exactly when the shard's content is."""


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A document that could not be read, and why."""

    doc: str
    uri: str
    reason: str
    counts: bool
    carried: int = 0
    """Passages of its last readable revision that stay searchable."""


def files_of_shard(storage: Storage, staged: str, shard: int) -> list[str]:
    """Names of the staged files of a shard, or of DOCUMENTS or FAILURES."""
    return storage.parquet_files(f"{staged}/shard={shard}")


def read_part(storage: Storage, part: Part) -> pa.Table:
    """The passages of a part in order of chunk id, each once, with the key of its vector."""
    columns = [*chunk_table.SCHEMA.names, "vector_key"]
    tables = [storage.read_table(name, columns) for name in part.files]
    if not tables:
        return rows.SCHEMA.empty_table().select(columns)
    table = pa.concat_tables(tables, promote_options="permissive").sort_by("chunk_id")
    ids = table["chunk_id"].to_pylist()
    kept = [row for row, value in enumerate(ids) if row == 0 or ids[row - 1] != value]
    return table.take([row for place, row in enumerate(kept) if place % part.of == part.nth])


def summarise(storage: Storage, part: Part) -> PartSummary:
    """Count and hash a part."""
    table = read_part(storage, part).select(chunk_table.SCHEMA.names)
    digest = hashlib.sha256()
    languages: dict[str, int] = {}
    docs: set[str] = set()
    treks: set[str] = set()
    for row in table.to_pylist():
        digest.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode())
        languages[row["language"]] = languages.get(row["language"], 0) + 1
        docs.add(row["doc"])
        treks.update([row["trek"]] if row["trek"] else [])
    named = tuple(sorted(treks))
    return PartSummary(part.shard, table.num_rows, len(docs), languages, named, digest.hexdigest())


def document_rows(storage: Storage, staged: str) -> list[dict[str, Any]]:
    """Rows of all documents that were read, in order of name."""
    files = files_of_shard(storage, staged, rows.DOCUMENTS)
    columns = [
        "doc", "revision", "uri", "title", "language", "trek", "aliases", "num_chars", "num_chunks",
    ]  # fmt: skip
    found = [row for name in files for row in storage.read_table(name, columns).to_pylist()]
    return sorted(found, key=lambda row: str(row["doc"]))


def failures(storage: Storage, staged: str) -> list[QuarantineEntry]:
    """All documents that could not be read, in order of name."""
    files = files_of_shard(storage, staged, rows.FAILURES)
    columns = ["doc", "uri", "reason", "counts"]
    found = [row for name in files for row in storage.read_table(name, columns).to_pylist()]
    return sorted((QuarantineEntry(**row) for row in found), key=lambda entry: entry.doc)


def divide(storage: Storage, staged: str, num_shards: int) -> list[Part]:
    """The passages of each shard.

    By document, so that an edit changes one shard. A corpus of a few documents may leave a shard
    empty that way, and is divided by passage instead; one with fewer passages than shards gets
    fewer shards.
    """
    files = {shard: tuple(files_of_shard(storage, staged, shard)) for shard in range(num_shards)}
    if all(files.values()):
        return [Part(shard, names) for shard, names in files.items()]
    names = tuple(name for group in files.values() for name in group)
    if not names:
        raise InputError("the corpus holds no passage that could be indexed")
    ids = {
        i for name in names for i in storage.read_table(name, ["chunk_id"])["chunk_id"].to_pylist()
    }
    of = min(num_shards, len(ids))
    return [Part(shard, names, nth=shard, of=of) for shard in range(of)]
