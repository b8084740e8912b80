"""Build one shard folder from vectors and chunk records. Equal input gives byte-identical files."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models import vector_index
from models.chunk_table import SCHEMA, to_table, write_parquet
from models.lexical import write_lexical
from models.shard_files import (
    CHUNKS,
    LEXICAL,
    VECTORS,
    ShardRecord,
    record_files,
    write_record,
)
from models.types import ChunkRecord, EncoderFingerprint
from models.vector_index import DEFAULT_MEMORY_BUDGET_BYTES, IndexSpec, choose_index

# float32 rounding stays far below it; a vector that was never normalised does not.
_NORM_TOLERANCE = 1e-3


def write_shard(
    folder: Path,
    vectors: NDArray[np.float32],
    chunks: Sequence[ChunkRecord] | pa.Table,
    encoder: EncoderFingerprint,
    *,
    memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES,
    index: IndexSpec | None = None,
    trained: Path | None = None,
) -> ShardRecord:
    """Write the shard at `folder`, whole or not at all; an existing folder is refused.

    `vectors` are L2-normalised, shape (n, dim), row i belonging to chunk i. `chunks` may be a
    table of chunk_table.SCHEMA. `index` None: chosen by size and memory budget. `trained`: an
    empty index of that kind, trained once for all shards. Raises ValueError on input that cannot
    be an index: none at all, lengths that differ, repeated ids, vectors of other length.
    """
    table = chunks if isinstance(chunks, pa.Table) else to_table(chunks)
    _check(vectors, table)
    vectors, table = _in_order(np.ascontiguousarray(vectors, np.float32), table)
    spec = index or choose_index(len(vectors), vectors.shape[1], memory_budget_bytes)
    if folder.exists():
        raise FileExistsError(f"{folder}: exists; a shard is never overwritten")
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        record = _write_files(
            building, vector_index.build(vectors, spec, trained), table, encoder, spec
        )
        building.chmod(0o755)  # mkdtemp makes it private; a replica may run as another user
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return record


def _check(vectors: NDArray[np.float32], table: pa.Table) -> None:
    if not table.schema.equals(SCHEMA):
        raise ValueError(f"the chunk table's columns are {table.schema.names}, not of SCHEMA")
    if vectors.ndim != 2 or len(vectors) != table.num_rows:  # noqa: PLR2004  rows and columns
        raise ValueError(f"vectors of shape {vectors.shape} for {table.num_rows} chunks")
    if table.num_rows == 0:
        raise ValueError("a shard needs at least one chunk")
    ids = table["chunk_id"].to_pylist()
    if len(set(ids)) != len(ids):
        raise ValueError("chunk ids repeat within the shard")
    wrong = np.flatnonzero(~(np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < _NORM_TOLERANCE))
    if wrong.size:
        raise ValueError(f"{wrong.size} vectors are not of length one, first: {ids[wrong[0]]!r}")


def _in_order(
    vectors: NDArray[np.float32], table: pa.Table
) -> tuple[NDArray[np.float32], pa.Table]:
    """By chunk id, so that the order in which chunks arrive does not change the files."""
    ids = table["chunk_id"].to_pylist()
    order = np.array(sorted(range(len(ids)), key=ids.__getitem__))
    # combine_chunks: the parquet bytes would otherwise show how the table was put together.
    return vectors[order], table.take(order).replace_schema_metadata(None).combine_chunks()


def _write_files(
    folder: Path,
    index: Any,
    table: pa.Table,
    encoder: EncoderFingerprint,
    spec: IndexSpec,
) -> ShardRecord:
    vector_index.write(index, folder / VECTORS)
    write_parquet(table, folder / CHUNKS)
    write_lexical(folder / LEXICAL, searchable_texts(table))
    record = ShardRecord(table.num_rows, int(index.d), encoder, spec, record_files(folder))
    write_record(folder, record)
    return record


def searchable_texts(table: pa.Table) -> list[str]:
    """What word search sees of each chunk: its title and headings as well as its text."""
    columns = (table[name].to_pylist() for name in ("title", "heading", "text"))
    return [
        "\n".join((title, *heading, text)) for title, heading, text in zip(*columns, strict=True)
    ]
