"""Lineage both ways: from a passage to the document, run and settings that made it; from a document
to the passages that answer from it.
"""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from models.epochs import EpochStore
from models.tombstones import read_tombstones
from models.types import Epoch
from pipelines.ingest.documents_table import documents_of
from pipelines.ingest.errors import InputError
from pipelines.ingest.lineage import read_lineage
from pipelines.ingest.search import EpochSearch
from pipelines.ingest.storage import Storage


def trace(storage: Storage, epoch: Epoch, name: str) -> dict[str, Any]:
    """What is known of a chunk id or document id in an epoch; raises InputError for neither."""
    store = EpochStore(storage.root)
    with TemporaryDirectory(prefix="sbi-trace-") as cache:
        shards = EpochSearch.open(store, epoch, Path(cache)).shards
        chunks = [chunk for shard in shards for chunk in shard.chunks()]
    listed = {(row["doc"], row["revision"]): row for row in documents_of(storage, epoch)}
    found = [chunk for chunk in chunks if name in (chunk.chunk_id, chunk.doc)]
    docs = {chunk.doc for chunk in found} or {doc for doc, _ in listed if doc == name}
    if not docs:
        raise InputError(f"epoch {epoch!r} knows no chunk and no document {name!r}")
    lineage = read_lineage(storage, epoch)
    stones = read_tombstones(storage.root)
    documents = [row for (doc, _), row in listed.items() if doc in docs]
    replaced = [row["doc"] for row in listed.values() if row["winner"] in docs]
    return {
        "epoch": epoch,
        "documents": [
            {**row, "tombstone": stones.hides(row["doc"], row["revision"])} for row in documents
        ],
        "answers_instead_of": sorted(replaced),
        "chunks": [
            {"chunk_id": c.chunk_id, "doc": c.doc, "revision": c.revision, "span": list(c.span)}
            for c in found
        ],
        "made_by": asdict(lineage) if lineage is not None else None,
    }
