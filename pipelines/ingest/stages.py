"""The streaming stages, as Ray Data pipelines: read and chunk in units, then embed in batches what
has no vector yet.

A row is a unit of files or a batch of texts. Each leaves its result in one file under the index
root, and only counts come back; a unit or batch that has its file is not done again, whether a
worker died, a node or the driver. This module and cluster.py are the ones that use ray.data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, TaskPoolStrategy

from models.open import open_encoder
from pipelines.ingest.config import ClusterSettings
from pipelines.ingest.documents import Reading
from pipelines.ingest.plan import batches_of
from pipelines.ingest.sources import SourceFile
from pipelines.ingest.storage import Storage
from pipelines.ingest.units import Unit, stage_unit
from pipelines.ingest.vectors import write_vectors

# A bound for Ray Data's own bookkeeping; a block then holds several units.
MAX_BLOCKS = 2_000


@dataclass(frozen=True, slots=True)
class EmbedderSettings:
    """What an embedding actor loads."""

    encoder_id: str
    models_dir: Path
    catalog: Path | None
    threads: int


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """What the reading stage reads and where it stages."""

    storage: Storage
    staged: str
    reading: Reading


def stage_units(
    order: ReadOrder, units: Sequence[Unit], cluster: ClusterSettings, board: Any
) -> None:
    """Read, clean and chunk the units."""
    if not units:
        return
    blocks = min(len(units), MAX_BLOCKS)
    listing = [
        {"number": unit.number, "files": [asdict(file) for file in unit.files]} for unit in units
    ]
    dataset = ray.data.from_items(listing, override_num_blocks=blocks).map_batches(
        _read_units,
        batch_size=1,
        batch_format="pyarrow",
        fn_kwargs={"order": order, "board": board},
        compute=TaskPoolStrategy(size=min(cluster.max_tasks, blocks)),
        num_cpus=cluster.task_cpus,
    )
    _drain(dataset)


def _read_units(batch: pa.Table, order: ReadOrder, board: Any) -> pa.Table:
    for row in batch.to_pylist():
        unit = Unit(row["number"], tuple(SourceFile(**file) for file in row["files"]))
        files = passages = 0
        for staged in stage_unit(order.storage, order.staged, unit, order.reading):
            board.add.remote("read", staged.files - files)
            board.add.remote("chunk", staged.passages - passages)
            files, passages = staged.files, staged.passages
    return batch.select(["number"])


@dataclass(frozen=True, slots=True)
class EmbedOrder:
    """What the embedding stage reads and where it writes."""

    storage: Storage
    run_folder: str
    groups: int
    """Of the run's plan."""
    encoder: str
    batch_tokens: int


def embed_planned(
    order: EmbedOrder, settings: EmbedderSettings, cluster: ClusterSettings, board: Any
) -> None:
    """Embed the batches of the run's plan that have no file yet."""
    if not order.groups:
        return
    blocks = min(order.groups, MAX_BLOCKS)
    groups = [{"group": number} for number in range(order.groups)]
    dataset = ray.data.from_items(groups, override_num_blocks=blocks).map_batches(
        _load_batches,
        batch_size=1,
        batch_format="pyarrow",
        fn_kwargs={"order": order, "board": board},
        compute=TaskPoolStrategy(size=min(cluster.max_tasks, blocks)),
        num_cpus=cluster.task_cpus,
    )
    dataset = dataset.map_batches(
        _Embedder,
        batch_size=1,
        batch_format="pyarrow",
        fn_constructor_kwargs={"storage": order.storage, "settings": settings, "board": board},
        compute=ActorPoolStrategy(size=cluster.embed_actors),
        num_cpus=cluster.embed_cpus,
        num_gpus=cluster.embed_gpus or None,
    )
    _drain(dataset)


def _drain(dataset: Any) -> None:
    """Let it stream to its end; what comes out are counts."""
    for _ in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
        pass


def _load_batches(batch: pa.Table, order: EmbedOrder, board: Any) -> Iterator[pa.Table]:
    """One row a batch. Ray Data holds the rows back while the embedding actors are behind."""
    for group in batch["group"].to_pylist():
        found = batches_of(
            order.storage, order.run_folder, group, order.encoder, order.batch_tokens
        )
        for one in found:
            board.add.remote("load", len(one.keys))
            columns = {"name": [one.name], "keys": [list(one.keys)], "texts": [list(one.texts)]}
            yield pa.Table.from_pydict(columns)


class _Embedder:
    """One embedding actor: loads the encoder once, then turns batches of texts into files."""

    def __init__(self, storage: Storage, settings: EmbedderSettings, board: Any) -> None:
        self._storage = storage
        self._board = board
        self._encoder = open_encoder(settings.encoder_id, settings.models_dir, settings.catalog)
        self._encoder.warm_up()
        _use_threads(settings.threads)

    def __call__(self, batch: pa.Table) -> pa.Table:
        for row in batch.to_pylist():
            if not self._storage.exists(row["name"]):
                vectors = self._encoder.encode(row["texts"], "passage")
                write_vectors(
                    self._storage, row["name"], row["keys"], np.asarray(vectors, np.float32)
                )
                self._board.add.remote("encode", len(row["keys"]))
            self._board.add.remote("embed", len(row["keys"]))
        return batch.select(["name"])


def _use_threads(threads: int) -> None:
    """Ray tells a worker with a fraction of a CPU to use one thread; the machine may have more to
    give.
    """
    try:
        import torch
    except ImportError:  # the hash encoder needs none
        return
    torch.set_num_threads(threads)
