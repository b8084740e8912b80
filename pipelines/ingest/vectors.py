"""The store of vectors: Parquet files of key and vector, shared by all epochs of one encoder.

    VECTORS/<encoder>/<run>/<group>-<hash of its keys>.parquet    one batch as it was embedded

A key is the hash of the encoder's fingerprint and the text, so a vector never goes stale and holds
no text. Files are only added, and a file is whole or absent: a batch that has one is never embedded
again. Where two files hold one key, the first by name counts.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.ingest.errors import Refused
from pipelines.ingest.storage import Storage

VECTOR_SCHEMA = pa.schema([pa.field("key", pa.string()), pa.field("vector", pa.binary())])
_KEY_CHARS = 32

Vectors = NDArray[np.float32]
Keys = NDArray[np.bytes_]


def folder_of(encoder: str) -> str:
    """Where an encoder's vectors lie, relative to the index root."""
    return f"vectors/{encoder}"


def packed(vectors: Vectors) -> list[bytes]:
    """Each row as little-endian float32 bytes: exact, and compact in Parquet."""
    return [row.tobytes() for row in vectors.astype("<f4")]


def write_vectors(storage: Storage, name: str, keys: Sequence[str], vectors: Vectors) -> None:
    """One batch."""
    columns = {"key": list(keys), "vector": packed(vectors)}
    storage.write_table(name, pa.Table.from_pydict(columns, schema=VECTOR_SCHEMA))


def whole_files(storage: Storage, encoder: str, *, but_run: str | None = None) -> list[str]:
    """The files that were written to their end, in order of name; those of one run left out."""
    folder = folder_of(encoder)
    names = storage.parquet_files(folder)
    wanted = [name for name in names if but_run is None or f"/{but_run}/" not in name]
    return [name for name in wanted if storage.is_whole(name)]


def known_keys(storage: Storage, files: Iterable[str]) -> Keys:
    """All keys of some files, sorted: 16 bytes each."""
    parts = [
        compact(batch["key"].to_pylist())
        for name in files
        for batch in storage.batches(name, ["key"])
    ]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, f"S{_KEY_CHARS // 2}")


def count_vectors(storage: Storage, folder: str) -> int:
    """How many a folder holds."""
    found = 0
    for name in storage.parquet_files(folder):
        with storage.parquet(name) as file:
            found += file.metadata.num_rows
    return found


def absent(wanted: Keys, known: Keys) -> NDArray[np.bool_]:
    """True for each wanted key that is not among the known ones, which are sorted."""
    if not len(known):
        return np.ones(len(wanted), np.bool_)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    result: NDArray[np.bool_] = known[places] != wanted
    return result


def load_vectors(storage: Storage, files: Iterable[str], wanted: Sequence[str]) -> Vectors:
    """The vectors of some keys, in their order; raises Refused when one has none."""
    keys, places = np.unique(compact(wanted), return_inverse=True)
    rows: Vectors | None = None
    found = np.zeros(len(keys), np.bool_)
    for stored, vectors in _stored(storage, files):
        at = np.minimum(np.searchsorted(keys, stored), len(keys) - 1)
        hits = np.flatnonzero((keys[at] == stored) & ~found[at])
        if not len(hits):
            continue
        rows = np.empty((len(keys), vectors.shape[1]), np.float32) if rows is None else rows
        # The first of equal keys within the batch counts, too.
        slots, first = np.unique(at[hits], return_index=True)
        rows[slots], found[slots] = vectors[hits[first]], True
    if rows is None or not found.all():
        lacking = keys[~found]
        first_key = lacking[0].ljust(_KEY_CHARS // 2, b"\0").hex() if len(lacking) else "-"
        raise Refused(f"{len(lacking)} passages have no vector, the first has key {first_key}")
    result: Vectors = rows[places]
    return result


def _stored(storage: Storage, files: Iterable[str]) -> Iterator[tuple[Keys, Vectors]]:
    for name in files:
        for batch in storage.batches(name, ["key", "vector"]):
            if batch.num_rows:
                packed_rows = batch["vector"].cast(pa.large_binary()).to_pylist()
                vectors = np.frombuffer(b"".join(packed_rows), "<f4").reshape(batch.num_rows, -1)
                yield compact(batch["key"].to_pylist()), vectors


def compact(keys: Sequence[str]) -> Keys:
    """Hex to bytes; numpy's S drops trailing zero bytes alike on both sides of a comparison."""
    return np.array([bytes.fromhex(key) for key in keys], f"S{_KEY_CHARS // 2}")
