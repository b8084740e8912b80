"""Proving that a published epoch still is what was published, and that it still finds what it
holds.
"""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from models.epochs import EpochStore
from models.errors import ModelsError
from models.manifest import Manifest
from models.shard import IndexShard
from models.types import Epoch, ShardId
from pipelines.ingest.build import measured_recall
from pipelines.ingest.documents_table import documents_of
from pipelines.ingest.storage import Storage

MIN_RECALL = 0.98


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    epoch: Epoch
    ok: bool
    problems: tuple[str, ...]
    shards: int
    chunks: int
    recall: dict[str, float]
    """By shard folder."""


def verify_epoch(storage: Storage, epoch: Epoch) -> Verdict:
    """Checksums, counts, recall, orphans and duplicates; a fault in one shard does not hide
    another's.
    """
    store = EpochStore(storage.root)
    manifest = store.manifest(epoch)
    problems: list[str] = []
    recall: dict[str, float] = {}
    ids: Counter[str] = Counter()
    docs: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="sbi-verify-") as cache:
        for number, entry in enumerate(manifest.shards):
            try:
                shard = _open(store, manifest, ShardId(number), Path(cache))
            except ModelsError as error:
                problems.append(str(error))
                continue
            recall[entry.folder] = measured_recall(shard)
            for chunk in shard.chunks():
                ids[chunk.chunk_id] += 1
                docs.add(chunk.doc)
                if chunk.span[1] - chunk.span[0] != len(chunk.text):
                    problems.append(f"{chunk.doc}: the text at {chunk.span} has another length")
    problems += [
        f"{name}: recall {value:.3f} against exact search, needs {MIN_RECALL}"
        for name, value in recall.items()
        if value < MIN_RECALL
    ]
    problems += [f"passage {key} is in {count} shards" for key, count in ids.items() if count > 1]
    problems += _orphans(storage, epoch, docs)
    return Verdict(epoch, not problems, tuple(problems), len(manifest.shards), ids.total(), recall)


def _open(store: EpochStore, manifest: Manifest, number: ShardId, cache: Path) -> IndexShard:
    folder = store.local_shard(manifest, number, cache)
    return IndexShard.load(folder, encoder=manifest.encoder, mmap=False)


def _orphans(storage: Storage, epoch: Epoch, docs: set[str]) -> list[str]:
    known = {row["doc"] for row in documents_of(storage, epoch)}
    return [
        f"passages of {doc!r}, which is not in the list of documents"
        for doc in sorted(docs - known)
    ]
