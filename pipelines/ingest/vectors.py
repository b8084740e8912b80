"""The store of vectors: Parquet files of key and vector, shared by all epochs of one encoder.

A key is the hash of the encoder's fingerprint and the text, so a vector never goes stale and holds
no text. Files are only added; one that a crash cut short is ignored, and removed by the next
collection.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest.errors import Refused
from pipelines.ingest.storage import Storage

VECTOR_SCHEMA = pa.schema([pa.field("key", pa.string()), pa.field("vector", pa.binary())])
_KEY_CHARS = 32

Vectors = NDArray[np.float32]


def folder_of(encoder: str) -> str:
    """Where an encoder's vectors lie, relative to the index root."""
    return f"vectors/{encoder}"


def packed(vectors: Vectors) -> list[bytes]:
    """Each row as little-endian float32 bytes: exact, and compact in Parquet."""
    return [row.tobytes() for row in vectors.astype("<f4")]


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Keys that have a vector, sorted: 16 bytes each, so that ten million take 160 MB and not
    gigabytes.
    """

    keys: NDArray[np.bytes_]

    def __len__(self) -> int:
        return len(self.keys)

    def missing(self, wanted: Sequence[str]) -> NDArray[np.bool_]:
        """True for each wanted key that has no vector."""
        asked = _compact(wanted)
        if not len(self.keys):
            return np.ones(len(asked), np.bool_)
        places = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        found: NDArray[np.bool_] = self.keys[places] != asked
        return found


def known_keys(storage: Storage, encoder: str) -> KnownKeys:
    """All keys of an encoder's whole files."""
    parts = [
        _compact(batch["key"].to_pylist())
        for name in whole_files(storage, encoder)
        for batch in storage.batches(name, ["key"])
    ]
    keys = np.concatenate(parts) if parts else np.empty(0, f"S{_KEY_CHARS // 2}")
    return KnownKeys(np.unique(keys))


def whole_files(storage: Storage, encoder: str) -> list[str]:
    """The files that were written to their end."""
    names = storage.parquet_files(folder_of(encoder))
    return [name for name in names if storage.is_whole(name)]


def count_missing(storage: Storage, staged: Sequence[str], known: KnownKeys) -> int:
    """Different texts of the staged passages that have no vector."""
    missing: set[str] = set()
    for name in staged:
        for batch in storage.batches(name, ["vector_key"]):
            keys = batch["vector_key"].to_pylist()
            absent = known.missing(keys)
            missing.update(key for key, is_absent in zip(keys, absent, strict=True) if is_absent)
    return len(missing)


def load_vectors(storage: Storage, files: Iterable[str], wanted: Sequence[str]) -> Vectors:
    """The vectors of some keys, in their order; raises Refused when one has none."""
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(wanted):
        rows.setdefault(key, []).append(row)
    result: Vectors | None = None
    for name in files:
        for batch in storage.batches(name, ["key", "vector"]):
            for key, vector in zip(batch["key"].to_pylist(), batch["vector"], strict=True):
                places = rows.pop(key, None)
                if places is None:
                    continue
                values = np.frombuffer(vector.as_buffer(), "<f4")
                if result is None:
                    result = np.empty((len(wanted), len(values)), np.float32)
                result[places] = values
    if rows or result is None:
        raise Refused(
            f"{len(rows)} passages have no vector, the first has key {next(iter(rows), '-')}"
        )
    return result


def _compact(keys: Sequence[str]) -> NDArray[np.bytes_]:
    """Hex to bytes; numpy's S drops trailing zero bytes alike on both sides of a comparison."""
    return np.array([bytes.fromhex(key) for key in keys], f"S{_KEY_CHARS // 2}")
