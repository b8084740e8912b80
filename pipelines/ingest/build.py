"""Building one shard from staged passages and stored vectors, and proving that it serves what it
holds.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from models import chunk_table
from models.epochs import EpochStore, shard_entry, shard_folder
from models.errors import ModelsError
from models.manifest import Manifest, ShardEntry
from models.shard import IndexShard
from models.shard_files import ShardRecord, read_record, verify_files
from models.shard_writer import write_shard
from models.types import EncoderFingerprint, Epoch, ShardId
from pipelines.ingest.errors import Refused
from pipelines.ingest.report import ShardReport
from pipelines.ingest.staged import Part, read_part
from pipelines.ingest.storage import Storage
from pipelines.ingest.training import Training, fetch
from pipelines.ingest.vectors import Vectors, load_vectors

RECALL_AT = 10
RECALL_QUERIES = 200
# Cosines closer than float32 arithmetic tells apart are a tie, and either passage is right.
_TIE = 1e-5
_SEED = 7


@dataclass(frozen=True, slots=True)
class BuiltShard:
    """A shard of an epoch that is not published yet."""

    number: int
    entry: ShardEntry
    dim: int
    index: str
    """FAISS factory string."""
    recall: float

    def report(self) -> ShardReport:
        """For the run's report."""
        size = self.entry.size_bytes
        return ShardReport(self.number, self.entry.chunk_count, size, self.index, self.recall)


@dataclass(frozen=True, slots=True)
class ShardOrder:
    """What one building task has to do."""

    part: Part
    epoch: Epoch
    encoder: EncoderFingerprint
    vector_files: tuple[str, ...]
    training: Training | None = None
    """None: the shard chooses its index and trains it itself."""


def build_shard(storage: Storage, order: ShardOrder) -> BuiltShard:
    """Write the shard into its epoch's folder, open it as serving will, and measure its recall."""
    number = ShardId(order.part.shard)
    epochs = EpochStore(storage.root)
    table = read_part(storage, order.part)
    keys = table["vector_key"].to_pylist()
    vectors = load_vectors(storage, order.vector_files, keys)
    chunks = table.select(chunk_table.SCHEMA.names).cast(chunk_table.SCHEMA)
    scratch = _scratch(epochs, order.epoch)
    try:
        folder = scratch / shard_folder(number)
        _clear(folder)
        try:
            record = _write(storage, folder, vectors, chunks, order)
        except RuntimeError as error:  # what FAISS raises, a full disk included
            raise OSError(f"shard {number} cannot be written: {error}") from error
        opened = IndexShard.load(folder, encoder=order.encoder)
        if len(opened) != len(keys):
            raise Refused(f"shard {number} serves {len(opened)} of {len(keys)} passages")
        recall = measured_recall(opened)
        entry = shard_entry(folder)
        if not epochs.is_local:
            epochs.put_shard(folder, order.epoch)
    finally:
        if not epochs.is_local:
            shutil.rmtree(scratch, ignore_errors=True)
    return BuiltShard(number, entry, record.dim, record.index.factory, recall)


def _write(
    storage: Storage, folder: Path, vectors: Vectors, chunks: pa.Table, order: ShardOrder
) -> ShardRecord:
    if order.training is None:
        return write_shard(folder, vectors, chunks, order.encoder)
    with storage.local_cache() as cache:
        trained = fetch(storage, order.training, cache)
        spec = order.training.spec
        return write_shard(folder, vectors, chunks, order.encoder, index=spec, trained=trained)


def _clear(folder: Path) -> None:
    """Remove what a killed run built or half built here; equal input builds it again byte for
    byte.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for half_built in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(half_built, ignore_errors=True)


def check_shard(storage: Storage, manifest: Manifest, number: int) -> str | None:
    """What is wrong with a shard as it lies there, by its checksums; None when it is whole."""
    store = EpochStore(storage.root)
    try:
        with storage.local_cache() as cache:
            folder = store.local_shard(manifest, ShardId(number), cache)
            verify_files(folder, read_record(folder))
    except ModelsError as error:
        return str(error)
    return None


def _scratch(epochs: EpochStore, epoch: Epoch) -> Path:
    """The epoch's own folder where it is a local one; else a temporary folder to upload from."""
    if epochs.is_local:
        return Path(epochs.epoch_uri(epoch).removeprefix("file://"))
    return Path(tempfile.mkdtemp(prefix="shard-"))


def measured_recall(shard: IndexShard) -> float:
    """Share of the exact nearest passages that the served index finds, over a sample of stored
    passages.
    """
    count = len(shard)
    rows = np.arange(count)
    if count > RECALL_QUERIES:
        rows = np.sort(np.random.default_rng(_SEED).choice(count, RECALL_QUERIES, replace=False))
    queries = shard.vectors()[rows]
    k = min(RECALL_AT, count)
    pairs = zip(shard.exact(queries, k), shard.nearest(queries, k), strict=True)
    return float(np.mean([_found(exact, nearest) for exact, nearest in pairs]))


def _found(exact: list[tuple[int, float]], nearest: list[tuple[int, float]]) -> float:
    rows = {row for row, _ in exact}
    threshold = exact[-1][1] - _TIE
    return sum(row in rows or score >= threshold for row, score in nearest) / len(exact)
