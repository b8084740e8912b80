"""Training once for all shards of an epoch."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from models.chunk_table import to_table
from models.types import EncoderFingerprint, Epoch
from models.vector_index import EXACT_MAX_VECTORS
from pipelines.ingest import rows
from pipelines.ingest.build import ShardOrder, build_shard
from pipelines.ingest.staged import Part
from pipelines.ingest.storage import Storage
from pipelines.ingest.training import train_once
from pipelines.ingest.vectors import write_vectors
from tests.unit.models.samples import chunk, unit_vectors

COUNT, DIM = 2_400, 8
EPOCH = Epoch("20260101T000000-000000Z")
ENCODER = EncoderFingerprint("encoder-a")
VECTORS = "vectors/e/run/a.parquet"


def _key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = Storage(str(tmp_path))
    vectors = unit_vectors(COUNT, DIM)
    write_vectors(storage, VECTORS, [_key(n) for n in range(COUNT)], vectors)
    nothing = pa.schema([("doc", pa.string()), ("revision", pa.string()), ("drops", pa.bool_())])
    storage.write_table("withheld.parquet", nothing.empty_table())
    for shard in range(2):
        numbers = range(shard, COUNT, 2)
        table = to_table([chunk(number) for number in numbers])
        table = table.append_column("vector_key", pa.array([_key(n) for n in numbers]))
        table = table.append_column("embedded_text", pa.array([""] * len(numbers)))
        table = table.append_column("num_tokens", pa.array([1] * len(numbers), pa.int32()))
        storage.write_table(f"part-{shard}.parquet", table.cast(rows.PASSAGES))
    return storage


PARTS = [Part(shard, (f"part-{shard}.parquet",), "withheld.parquet") for shard in range(2)]


def test_small_shards_need_no_training(storage: Storage) -> None:
    """An exact index learns nothing."""
    assert train_once(storage, "epochs/e", PARTS, EXACT_MAX_VECTORS, [VECTORS]) is None


def test_every_shard_is_built_on_the_one_training(storage: Storage) -> None:
    """Both shards have the trained kind, hold all their passages and find the nearest."""
    training = train_once(storage, f"epochs/{EPOCH}", PARTS, 2 * EXACT_MAX_VECTORS, [VECTORS])
    assert training is not None
    for part in PARTS:
        built = build_shard(storage, ShardOrder(part, EPOCH, ENCODER, (VECTORS,), training))
        assert built.index == training.spec.factory
        assert built.entry.chunk_count == COUNT // 2
        assert built.recall > 0.5


def test_the_same_passages_train_the_same_index(storage: Storage) -> None:
    """A run that is resumed builds the same bytes."""
    names = []
    for folder in ("epochs/a", "epochs/b"):
        training = train_once(storage, folder, PARTS, 2 * EXACT_MAX_VECTORS, [VECTORS])
        assert training is not None
        names.append(training.name)
    assert storage.read_bytes(names[0]) == storage.read_bytes(names[1])
    assert np.frombuffer(storage.read_bytes(names[0]), np.uint8).size > 0
