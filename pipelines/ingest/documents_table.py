"""The list of an epoch's documents, kept beside its shards: where each passage comes from, and what
a run changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from models.epochs import EpochStore
from models.shard import IndexShard
from models.types import ChunkRecord, Epoch, ShardId
from pipelines.ingest import rows
from pipelines.ingest.documents import Reading
from pipelines.ingest.staged import QuarantineEntry, document_rows
from pipelines.ingest.storage import Storage

NAME = "documents.parquet"
SCHEMA = pa.schema(
    [
        pa.field("doc", pa.string()),
        pa.field("revision", pa.string()),
        pa.field("uri", pa.string()),
        pa.field("title", pa.string()),
        pa.field("language", pa.string()),
        pa.field("trek", pa.string()),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("num_chars", pa.int64()),
        pa.field("num_chunks", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class DocumentsSummary:
    """All documents of a run, in figures."""

    num_docs: int
    num_chunks: int
    added: int
    changed: int
    removed: int
    duplicates: tuple[str, ...]
    """Ids that two documents claim."""
    named_treks: tuple[Mapping[str, Any], ...]
    """Rows with `trek` and `aliases`."""


def name_in(epoch: Epoch) -> str:
    """Where an epoch's list lies, relative to the index root."""
    return f"epochs/{epoch}/{NAME}"


def summarise_documents(storage: Storage, staged: str, live: Epoch | None) -> DocumentsSummary:
    """Count the documents and compare them with the live epoch's."""
    found = document_rows(storage, staged)
    new = {row["doc"]: _identity(row) for row in found}
    old = {row["doc"]: _identity(row) for row in documents_of(storage, live)}
    ids = [row["doc"] for row in found]
    return DocumentsSummary(
        num_docs=len(found),
        num_chunks=sum(row["num_chunks"] for row in found),
        added=len(new.keys() - old.keys()),
        changed=sum(old[doc] != new[doc] for doc in new.keys() & old.keys()),
        removed=len(old.keys() - new.keys()),
        duplicates=tuple(sorted({a for a, b in pairwise(ids) if a == b})),
        named_treks=_named_treks(found),
    )


def write_documents(storage: Storage, staged: str, epoch: Epoch) -> None:
    """Put the list beside the epoch's shards."""
    table = pa.Table.from_pylist(document_rows(storage, staged), schema=SCHEMA)
    storage.write_table(name_in(epoch), table)


def carry_over(
    storage: Storage, staged: str, live: Epoch, refused: Sequence[QuarantineEntry], reading: Reading
) -> dict[str, int]:
    """Stage again what the live epoch holds of documents that can no longer be read.

    A document that somebody saved half-written must not vanish from answers. Returns passages by
    refused document.
    """
    names = [entry.doc for entry in refused]
    kept = [row for row in documents_of(storage, live) if _covers(names, row["doc"])]
    if not kept:
        return {}
    documents = [{**row, "shard": rows.DOCUMENTS} for row in kept]
    _stage(storage, staged, rows.DOCUMENTS, documents)
    wanted = {row["doc"] for row in kept}
    records = _live_records(storage, live, wanted)
    by_shard: dict[int, list[dict[str, Any]]] = {}
    for record in records:
        row = rows.passage_row(record, reading)
        by_shard.setdefault(row["shard"], []).append(row)
    for shard, passages in by_shard.items():
        _stage(storage, staged, shard, passages)
    return {name: sum(_covers([name], record.doc) for record in records) for name in names}


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["revision"], row["title"], row["num_chars"], row["num_chunks"]


def documents_of(storage: Storage, epoch: Epoch | None) -> list[dict[str, Any]]:
    """The list of an epoch; empty for none, or where another program built it."""
    if epoch is None or not storage.exists(name_in(epoch)):
        return []
    found: list[dict[str, Any]] = storage.read_table(name_in(epoch)).to_pylist()
    return found


def _named_treks(found: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple({"trek": r["trek"], "aliases": r["aliases"] or []} for r in found if r["trek"])


def _covers(names: Sequence[str], doc: str) -> bool:
    """A refused file covers its rows' documents, `file#row`, too."""
    return doc in names or doc.partition("#")[0] in names


def _live_records(storage: Storage, live: Epoch, wanted: set[str]) -> list[ChunkRecord]:
    store = EpochStore(storage.root)
    manifest = store.manifest(live)
    found: list[ChunkRecord] = []
    for number in range(len(manifest.shards)):
        with storage.local_cache() as cache:
            shard = IndexShard.load(store.local_shard(manifest, ShardId(number), cache))
            found += [record for record in shard.chunks() if record.doc in wanted]
    return found


def _stage(storage: Storage, staged: str, shard: int, found: list[dict[str, Any]]) -> None:
    table = rows.table_of(found).drop_columns(["shard"])
    storage.write_table(f"{staged}/shard={shard}/carried.parquet", table)
