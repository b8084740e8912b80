"""The list of an epoch's documents, kept beside its shards: where each passage comes from, which
documents are kept out of answers and why, and what a run changed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from models.epochs import EpochStore
from models.shard import IndexShard
from models.tombstones import Tombstones
from models.types import ChunkRecord, Epoch, ShardId
from pipelines.ingest import revisions, rows
from pipelines.ingest.documents import Reading, shard_of
from pipelines.ingest.staged import QuarantineEntry, write_withheld
from pipelines.ingest.storage import Storage

NAME = "documents.parquet"
ANSWERING = "answering"
SCHEMA = pa.schema(
    [
        pa.field("doc", pa.string()),
        pa.field("revision", pa.string()),
        pa.field("status", pa.string()),
        pa.field("winner", pa.string()),
        pa.field("uri", pa.string()),
        pa.field("title", pa.string()),
        pa.field("doc_type", pa.string()),
        pa.field("language", pa.string()),
        pa.field("trek", pa.string()),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("valid_from", pa.string()),
        pa.field("valid_to", pa.string()),
        pa.field("digest", pa.string()),
        pa.field("num_chars", pa.int64()),
        pa.field("num_chunks", pa.int64()),
    ]
)
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class DocumentsSummary:
    """All documents of a run, in figures."""

    num_docs: int
    """Those that answer."""
    num_chunks: int
    added: int
    changed: int
    removed: Mapping[str, str]
    """Documents of the live epoch that are not at the source any more, and their revision."""
    changes: Mapping[str, tuple[str, ...]]
    """The first names of those added, changed and removed."""
    withheld: Mapping[str, int]
    """Documents kept out of answers, by reason."""
    withheld_first: tuple[tuple[str, str, str | None], ...]
    """The first of them: document, reason, the one that answers instead."""
    languages: Mapping[str, tuple[int, int]]
    """Documents by language: in the live epoch, now."""
    formats: Mapping[str, int]
    """Documents by the ending of their file's name."""
    named_treks: tuple[Mapping[str, Any], ...]
    """Rows with `trek` and `aliases`."""
    good_until: str | None
    """See revisions.Choice."""


def name_in(epoch: Epoch) -> str:
    """Where an epoch's list lies, relative to the index root."""
    return f"epochs/{epoch}/{NAME}"


@dataclass(frozen=True, slots=True)
class ListOrder:
    """What listing the documents of a run goes by."""

    folder: str
    """The run's."""
    staged: str
    live: Epoch | None
    deleted: Tombstones
    date: str


def list_documents(storage: Storage, order: ListOrder) -> DocumentsSummary:
    """Choose which documents answer, write the list into the run's folder, compare it with the live
    epoch's.
    """
    names = storage.parquet_files(f"{order.staged}/documents")
    found = [row for name in names for row in storage.read_table(name).to_pylist()]
    found.sort(key=lambda row: (row["doc"], row["revision"]))
    choice = revisions.choose(found, order.deleted, order.date)
    write_withheld(storage, order.folder, choice)
    listed = _listed(found, choice)
    table = pa.Table.from_pylist(listed, schema=SCHEMA)
    storage.write_table(f"{order.folder}/{NAME}", table)
    return _compared(listed, documents_of(storage, order.live), choice)


def _listed(found: Sequence[Mapping[str, Any]], choice: revisions.Choice) -> list[dict[str, Any]]:
    """Rows of SCHEMA. Of a deleted document nothing is kept but its id."""
    kept_out = {(w.doc, w.revision): w for w in choice.withheld if w.drops}
    listed: dict[tuple[str, str], dict[str, Any]] = {}
    for row in found:
        pair = row["doc"], row["revision"]
        withheld = kept_out.get(pair)
        status = withheld.why if withheld is not None else ANSWERING
        known = {name: row.get(name) for name in SCHEMA.names}
        if status == "deleted":
            known = {"doc": row["doc"], "revision": row["revision"]}
        winner = withheld.winner if withheld is not None else None
        listed[pair] = {**known, "status": status, "winner": winner}
    return list(listed.values())


def _compared(
    listed: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    choice: revisions.Choice,
) -> DocumentsSummary:
    new = {row["doc"]: row for row in listed if row["status"] == ANSWERING}
    old = {row["doc"]: row for row in before if row["status"] == ANSWERING}
    present = {row["doc"] for row in listed}
    changes = {
        "added": sorted(new.keys() - old.keys()),
        "changed": sorted(d for d in new.keys() & old.keys() if _said(new[d]) != _said(old[d])),
        "removed": sorted(old.keys() - present),
    }
    of_language = [Counter(row["language"] for row in rows_.values()) for rows_ in (old, new)]
    languages = sorted({*of_language[0], *of_language[1]})
    return DocumentsSummary(
        num_docs=len(new),
        num_chunks=sum(row["num_chunks"] for row in new.values()),
        added=len(changes["added"]),
        changed=len(changes["changed"]),
        removed={doc: old[doc]["revision"] for doc in changes["removed"]},
        changes={name: tuple(docs[:_SHOWN]) for name, docs in changes.items()},
        withheld=dict(Counter(w.why for w in choice.withheld)),
        withheld_first=tuple((w.doc, w.why, w.winner) for w in choice.withheld[:_SHOWN]),
        languages={name: (of_language[0][name], of_language[1][name]) for name in languages},
        formats=dict(Counter(_format(row["doc"]) for row in new.values())),
        named_treks=_named_treks(list(new.values())),
        good_until=choice.good_until,
    )


def _said(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["revision"], row["title"], row["num_chars"], row["num_chunks"]


def _format(doc: str) -> str:
    return PurePosixPath(doc.partition("#")[0]).suffix.lower() or "(none)"


def _named_treks(found: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple({"trek": r["trek"], "aliases": r["aliases"] or []} for r in found if r["trek"])


def documents_of(storage: Storage, epoch: Epoch | None) -> list[dict[str, Any]]:
    """The list of an epoch; empty for none, or where another program built it."""
    if epoch is None or not storage.exists(name_in(epoch)):
        return []
    found = storage.read_table(name_in(epoch)).to_pylist()
    return [{"status": ANSWERING, "winner": None, **row} for row in found]


def answering_docs(storage: Storage, epoch: Epoch | None) -> dict[str, str]:
    """Documents that answer in an epoch, and their revision."""
    found = documents_of(storage, epoch)
    return {row["doc"]: row["revision"] for row in found if row["status"] == ANSWERING}


def carry_over(
    storage: Storage, staged: str, live: Epoch, refused: Sequence[QuarantineEntry], reading: Reading
) -> dict[str, int]:
    """Stage again what the live epoch holds of documents that can no longer be read.

    A document that somebody saved half-written must not vanish from answers. Returns passages by
    refused document.
    """
    names = {entry.doc for entry in refused}
    kept = [
        row
        for row in documents_of(storage, live)
        if row["status"] == ANSWERING and _is_of(row["doc"], names)
    ]
    if not kept:
        return {}
    columns = rows.DOCUMENTS.names
    documents = [{name: row.get(name) for name in columns} for row in kept]
    table = pa.Table.from_pylist(documents, schema=rows.DOCUMENTS)
    storage.write_table(f"{staged}/documents/carried.parquet", table)
    records = _live_records(storage, live, {row["doc"] for row in kept})
    by_shard: dict[int, list[dict[str, Any]]] = {}
    for record in records:
        shard = shard_of(record.doc, reading.num_shards)
        by_shard.setdefault(shard, []).append(rows.passage_row(record, reading))
    for shard, passages in by_shard.items():
        table = pa.Table.from_pylist(passages, schema=rows.PASSAGES)
        storage.write_table(f"{staged}/passages/shard={shard}/carried.parquet", table)
    return {name: sum(_is_of(record.doc, {name}) for record in records) for name in names}


def _is_of(doc: str, names: set[str]) -> bool:
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
