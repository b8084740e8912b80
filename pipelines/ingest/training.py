"""Lists and codes of an approximate index, learnt once for all shards of an epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models import vector_index
from models.vector_index import EXACT_MAX_VECTORS, IndexSpec, choose_index, training_size
from pipelines.ingest.staged import Part, read_part
from pipelines.ingest.storage import Storage
from pipelines.ingest.vectors import load_vectors

NAME = "trained.faiss"  # beside the shards while they are built


@dataclass(frozen=True, slots=True)
class Training:
    """What every shard of the epoch is built with."""

    spec: IndexSpec
    name: str
    """Of the empty, trained index, relative to the index root."""


def train_once(
    storage: Storage, folder: str, parts: Sequence[Part], largest: int, files: Sequence[str]
) -> Training | None:
    """Train on a sample of all parts; None where the largest shard is small enough to be exact.

    The sample is the passages with the lowest keys. Keys are hashes, so it is a fair one, and the
    same whenever the passages are the same.
    """
    if largest <= EXACT_MAX_VECTORS:
        return None
    any_key = next(key for part in parts for key in _lowest_keys(storage, part, 1))
    dim = load_vectors(storage, files, [any_key]).shape[1]
    spec = choose_index(largest, dim)
    each = -(-training_size(spec) // len(parts))
    keys = [key for part in parts for key in _lowest_keys(storage, part, each)]
    index = vector_index.train(load_vectors(storage, files, sorted(set(keys))), spec)
    name = f"{folder}/{NAME}"
    with storage.local_cache() as cache:
        vector_index.write(index, cache / NAME)
        storage.write_bytes(name, (cache / NAME).read_bytes())
    return Training(spec, name)


def fetch(storage: Storage, training: Training, cache: Path) -> Path:
    """A local copy of the trained index."""
    path = cache / NAME
    path.write_bytes(storage.read_bytes(training.name))
    return path


def _lowest_keys(storage: Storage, part: Part, count: int) -> list[str]:
    keys: list[str] = read_part(storage, part)["vector_key"].to_pylist()
    return sorted(set(keys))[:count]
