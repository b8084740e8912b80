"""The store of vectors: nothing is embedded twice; a file that a crash cut short does no harm."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.errors import Refused
from pipelines.ingest.storage import Storage
from pipelines.ingest.vectors import (
    absent,
    compact,
    count_vectors,
    folder_of,
    known_keys,
    load_vectors,
    whole_files,
    write_vectors,
)


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


def write(storage: Storage, name: str, numbers: list[int]) -> None:
    vectors = np.array([[n, n + 0.1] for n in numbers], np.float32)
    write_vectors(storage, f"{folder_of('e')}/{name}.parquet", [key(n) for n in numbers], vectors)


def missing(storage: Storage, numbers: list[int], **but: str) -> list[bool]:
    known = known_keys(storage, whole_files(storage, "e", **but))
    return list(absent(compact([key(n) for n in numbers]), known))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    found = Storage(str(tmp_path))
    write(found, "a", [1, 2])
    write(found, "b", [3])
    return found


def test_known_keys_tell_what_is_missing(storage: Storage) -> None:
    """Keys of all files are known; others are missing, in the order asked."""
    assert missing(storage, [9, 2, 3]) == [True, False, False]
    assert count_vectors(storage, folder_of("e")) == 3


def test_the_vectors_of_a_run_can_be_left_out(storage: Storage) -> None:
    """A run that goes on plans as if it had embedded nothing, and so makes the same batches."""
    write(storage, "run-7/00000-a", [5])
    assert missing(storage, [5, 1]) == [False, False]
    assert missing(storage, [5, 1], but_run="run-7") == [True, False]


def test_of_two_vectors_of_one_key_the_first_file_counts(storage: Storage) -> None:
    """Two runs that embedded the same text leave the index as if there had been one."""
    again = np.array([[7.0, 7.0]], np.float32)
    write_vectors(storage, f"{folder_of('e')}/c.parquet", [key(1)], again)
    found = load_vectors(storage, whole_files(storage, "e"), [key(1)])
    assert found.tolist() == np.array([[1, 1.1]], np.float32).tolist()


def test_an_empty_store_knows_nothing(tmp_path: Path) -> None:
    """Before the first run everything is missing."""
    assert missing(Storage(str(tmp_path)), [1]) == [True]


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
    assert missing(storage, [2, 3]) == [False, True]


@given(st.sets(st.integers(0, 500)), st.lists(st.integers(0, 500), min_size=1))
def test_missing_agrees_with_a_set(have: set[int], wanted: list[int]) -> None:
    """The sorted array answers as a set of keys would."""
    known = np.sort(compact([key(n) for n in sorted(have)]))
    found = absent(compact([key(n) for n in wanted]), known)
    assert list(found) == [n not in have for n in wanted]
