"""The streaming stages, as Ray Data pipelines: read and chunk, then embed what has no vector yet.

Blocks flow from task to task; the driver sees counts only. This module and cluster.py are the ones
that use ray.data.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, TaskPoolStrategy

from models.open import open_encoder
from pipelines.ingest import rows
from pipelines.ingest.config import ClusterSettings
from pipelines.ingest.documents import Reading
from pipelines.ingest.sources import SourceFile
from pipelines.ingest.storage import Storage
from pipelines.ingest.vectors import VECTOR_SCHEMA, KnownKeys, packed

# Rows per block: about a megabyte of passages, so that a task holds little and the next stage
# starts soon.
ROWS_PER_BLOCK = 512
FILES_PER_TASK = 24
MAX_READ_TASKS = 2000
# Handed to the encoder at once; it sorts them by length and cuts them by tokens itself.
EMBED_BATCH = 64


@dataclass(frozen=True, slots=True)
class EmbedderSettings:
    """What an embedding actor loads."""

    encoder_id: str
    models_dir: Path
    catalog: Path | None
    threads: int


def stage_passages(
    files: tuple[SourceFile, ...],
    reading: Reading,
    target: str,
    cluster: ClusterSettings,
    board: Any,
) -> None:
    """Read, clean and chunk every file into Parquet below `target`, partitioned by shard."""
    wanted = max(math.ceil(len(files) / FILES_PER_TASK), cluster.max_tasks)
    blocks = min(wanted, len(files), MAX_READ_TASKS)
    listing = [asdict(file) for file in files]
    dataset = ray.data.from_items(listing, override_num_blocks=blocks).map_batches(
        _read_batch,
        batch_size=FILES_PER_TASK,
        batch_format="pyarrow",
        fn_kwargs={"reading": reading, "board": board},
        compute=TaskPoolStrategy(size=min(cluster.max_tasks, blocks)),
        num_cpus=cluster.task_cpus,
    )
    dataset.write_parquet(
        target, partition_cols=["shard"], ray_remote_args={"num_cpus": cluster.task_cpus}
    )


def _read_batch(batch: pa.Table, reading: Reading, board: Any) -> Iterator[pa.Table]:
    pending: list[dict[str, Any]] = []
    for row in batch.to_pylist():
        pending += rows.rows_of(rows.source_of(row), reading)
        board.add.remote("read", 1)
        if len(pending) >= ROWS_PER_BLOCK:
            yield rows.table_of(pending)
            pending = []
    if pending:
        yield rows.table_of(pending)


@dataclass(frozen=True, slots=True)
class EmbedOrder:
    """What the embedding stage reads and where it writes."""

    storage: Storage
    staged: list[str]
    """Names of the files with passages."""
    known: KnownKeys
    target: str
    """URI of a folder."""


def embed_missing(
    order: EmbedOrder, settings: EmbedderSettings, cluster: ClusterSettings, board: Any
) -> None:
    """Embed the passages that have no vector yet, into Parquet."""
    dataset = ray.data.from_items(
        [{"file": name} for name in order.staged], override_num_blocks=len(order.staged)
    ).map_batches(
        _load_missing,
        batch_size=1,
        batch_format="pyarrow",
        fn_kwargs={"storage": order.storage, "known": ray.put(order.known)},
        compute=TaskPoolStrategy(size=min(cluster.max_tasks, len(order.staged))),
        num_cpus=cluster.task_cpus,
    )
    dataset = dataset.map_batches(
        _Embedder,
        batch_size=EMBED_BATCH,
        batch_format="pyarrow",
        fn_constructor_kwargs={"settings": settings, "board": board},
        compute=ActorPoolStrategy(size=cluster.embed_actors),
        num_cpus=cluster.embed_cpus,
        num_gpus=cluster.embed_gpus or None,
    )
    dataset.write_parquet(order.target, ray_remote_args={"num_cpus": cluster.task_cpus})


def _load_missing(batch: pa.Table, storage: Storage, known: Any) -> Iterator[pa.Table]:
    keys: KnownKeys = ray.get(known)
    columns = ["vector_key", "embedded_text"]
    for name in batch["file"].to_pylist():
        for piece in storage.batches(name, columns):
            table = pa.Table.from_batches([piece])
            yield table.filter(pa.array(keys.missing(table["vector_key"].to_pylist())))


class _Embedder:
    """One embedding actor: loads the encoder once, then turns texts into vectors."""

    def __init__(self, settings: EmbedderSettings, board: Any) -> None:
        self._board = board
        self._encoder = open_encoder(settings.encoder_id, settings.models_dir, settings.catalog)
        self._encoder.warm_up()
        _use_threads(settings.threads)

    def __call__(self, batch: pa.Table) -> pa.Table:
        keys, texts = _unique(batch)
        vectors = np.asarray(self._encoder.encode(texts, "passage"), np.float32)
        self._board.add.remote("embed", len(texts))
        return pa.Table.from_pydict({"key": keys, "vector": packed(vectors)}, schema=VECTOR_SCHEMA)


def _unique(batch: pa.Table) -> tuple[list[str], list[str]]:
    pairs = dict(
        zip(batch["vector_key"].to_pylist(), batch["embedded_text"].to_pylist(), strict=True)
    )
    return list(pairs), list(pairs.values())


def _use_threads(threads: int) -> None:
    """Ray tells a worker with a fraction of a CPU to use one thread; the machine may have more to
    give.
    """
    try:
        import torch
    except ImportError:  # the hash encoder needs none
        return
    torch.set_num_threads(threads)
