"""What a run has to embed, decided once and kept: a run that goes on after a kill makes the same
batches, and so the same vectors to the last bit.

    RUN/plan.parquet    a row group for each group of batches: staged file and row of each passage
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.checksums import sha256_text
from pipelines.ingest.staged import answering, passage_files
from pipelines.ingest.storage import Storage
from pipelines.ingest.vectors import absent, compact, folder_of, known_keys, whole_files

NAME = "plan.parquet"
# Passages whose batches are cut together after they were sorted by length.
GROUP_ROWS = 2_048
SCHEMA = pa.schema([pa.field("file", pa.string()), pa.field("row", pa.int64())])


@dataclass(frozen=True, slots=True)
class Plan:
    """How much there is to embed."""

    passages: int
    groups: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that go through the encoder together, and where their vectors go."""

    name: str
    keys: tuple[str, ...]
    texts: tuple[str, ...]


def make_plan(storage: Storage, folder: str, staged: str, encoder: str) -> Plan:
    """List the passages without a vector, each text once; a plan that is there already stands."""
    name = f"{folder}/{NAME}"
    if not storage.exists(name):
        run = folder.rpartition("/")[2]
        known = known_keys(storage, whole_files(storage, encoder, but_run=run))
        with storage.table_writer(name, SCHEMA) as writer:
            for group in _groups(storage, staged, f"{folder}/withheld.parquet", known):
                writer.write_table(group)
    with storage.parquet(name) as file:
        return Plan(file.metadata.num_rows, file.metadata.num_row_groups)


def count_missing(storage: Storage, folder: str, staged: str, encoder: str) -> int:
    """How many passages a run would embed."""
    known = known_keys(storage, whole_files(storage, encoder))
    groups = _groups(storage, staged, f"{folder}/withheld.parquet", known)
    return sum(group.num_rows for group in groups)


def _groups(storage: Storage, staged: str, withheld: str, known: np.ndarray) -> Iterator[pa.Table]:
    """Tables of at most GROUP_ROWS passages, in the order in which they are staged."""
    held = SCHEMA.empty_table()
    for name in passage_files(storage, staged):
        table = storage.read_table(name, ["doc", "revision", "vector_key"])
        keys = compact(table["vector_key"].to_pylist())
        wanted = absent(keys, known) & answering(storage, withheld, [table]).to_numpy(
            zero_copy_only=False
        )
        rows = np.flatnonzero(wanted)
        rows = np.sort(rows[np.unique(keys[rows], return_index=True)[1]])
        known = np.union1d(known, keys[rows])
        found = pa.table({"file": [name] * len(rows), "row": rows}, schema=SCHEMA)
        held = pa.concat_tables([held, found])
        while held.num_rows >= GROUP_ROWS:
            yield held.slice(0, GROUP_ROWS)
            held = held.slice(GROUP_ROWS)
    if held.num_rows:
        yield held


def batches_of(
    storage: Storage, folder: str, group: int, encoder: str, max_tokens: int
) -> Iterator[Batch]:
    """The batches of one group, short texts first; each padded to at most `max_tokens`."""
    with storage.parquet(f"{folder}/{NAME}") as file:
        listed = file.read_row_group(group)
    table = pa.concat_tables(_picked(storage, listed))
    order = [("num_tokens", "ascending"), ("vector_key", "ascending")]
    found = table.sort_by(order).to_pylist()
    target = f"{folder_of(encoder)}/{folder.rpartition('/')[2]}/{group:05d}"
    for start, end in cut_by_tokens([row["num_tokens"] for row in found], max_tokens):
        keys = tuple(row["vector_key"] for row in found[start:end])
        texts = tuple(row["embedded_text"] for row in found[start:end])
        yield Batch(f"{target}-{sha256_text(*keys)[:16]}.parquet", keys, texts)


def _picked(storage: Storage, listed: pa.Table) -> Iterator[pa.Table]:
    columns = ["vector_key", "embedded_text", "num_tokens"]
    for name in listed["file"].unique().to_pylist():
        rows = listed.filter(pc.equal(listed["file"], name))["row"]
        yield storage.read_table(name, columns).take(rows)


def cut_by_tokens(lengths: Sequence[int], max_tokens: int) -> Iterator[tuple[int, int]]:
    """Ranges of ascending lengths whose padded size, count times longest, stays within the budget;
    a text that exceeds it alone is a batch of its own.
    """
    start = 0
    for at, length in enumerate(lengths):
        if at > start and (at - start + 1) * length > max_tokens:
            yield start, at
            start = at
    if start < len(lengths):
        yield start, len(lengths)
