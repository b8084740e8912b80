"""The store of vectors: nothing is embedded twice; a file that a crash cut short does no harm."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.errors import Refused
from pipelines.ingest.storage import Storage
from pipelines.ingest.vectors import (
    VECTOR_SCHEMA,
    KnownKeys,
    folder_of,
    known_keys,
    load_vectors,
    packed,
    whole_files,
)


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


def write(storage: Storage, name: str, numbers: list[int]) -> None:
    vectors = np.array([[n, n + 0.1] for n in numbers], np.float32)
    columns = {"key": [key(n) for n in numbers], "vector": packed(vectors)}
    table = pa.Table.from_pydict(columns, schema=VECTOR_SCHEMA)
    storage.write_table(f"{folder_of('e')}/{name}.parquet", table)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    found = Storage(str(tmp_path))
    write(found, "a", [1, 2])
    write(found, "b", [3])
    return found


def test_known_keys_tell_what_is_missing(storage: Storage) -> None:
    """Keys of all files are known; others are missing, in the order asked."""
    known = known_keys(storage, "e")
    assert list(known.missing([key(9), key(2), key(3)])) == [True, False, False]


def test_an_empty_store_knows_nothing(tmp_path: Path) -> None:
    """Before the first run everything is missing."""
    assert list(known_keys(Storage(str(tmp_path)), "e").missing([key(1)])) == [True]


def test_vectors_come_in_the_order_asked_for_and_bit_for_bit(storage: Storage) -> None:
    """One text may stand for several passages."""
    wanted = [key(3), key(1), key(3)]
    found = load_vectors(storage, whole_files(storage, "e"), wanted)
    expected = np.array([[3, 3.1], [1, 1.1], [3, 3.1]], np.float32)
    assert found.tobytes() == expected.tobytes()


def test_a_missing_vector_refuses_the_build(storage: Storage) -> None:
    """A shard is never built with a hole."""
    with pytest.raises(Refused, match="1 passages have no vector"):
        load_vectors(storage, whole_files(storage, "e"), [key(1), key(8)])


def test_a_file_cut_short_is_ignored(storage: Storage, tmp_path: Path) -> None:
    """What a killed run left half-written is embedded again, not trusted."""
    path = tmp_path / folder_of("e") / "b.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    assert list(known_keys(storage, "e").missing([key(2), key(3)])) == [False, True]


@given(st.sets(st.integers(0, 500)), st.lists(st.integers(0, 500), min_size=1))
def test_missing_agrees_with_a_set(have: set[int], wanted: list[int]) -> None:
    """The sorted array answers as a set of keys would."""
    bytes_of = sorted(bytes.fromhex(key(n)) for n in have)
    known = KnownKeys(np.array(bytes_of, "S16"))
    assert list(known.missing([key(n) for n in wanted])) == [n not in have for n in wanted]
