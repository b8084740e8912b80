"""Reading in units: a few files whose passages, documents and refusals are staged together.

    STAGED/passages/shard=0/00017.parquet    the passages of one shard
    STAGED/documents/00017.parquet           the documents
    STAGED/refused/00017.parquet             what could not be read
    STAGED/units/00017.json                  written last: the unit is done

A unit is read whole or again. Reading it twice writes the same files, so that a task which outlives
its run, or runs twice, does no harm.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from models.types import ChunkRecord
from pipelines.ingest import rows
from pipelines.ingest.documents import Document, Failure, Reading, read_file, shard_of
from pipelines.ingest.sources import SourceFile
from pipelines.ingest.storage import Storage

# Passages held before they are written: some megabytes, however large a file is.
_ROWS_HELD = 2_048


@dataclass(frozen=True, slots=True)
class Unit:
    """Files that are read together."""

    number: int
    files: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class StagedUnit:
    """What reading a unit gave."""

    number: int
    files: int
    documents: int
    passages: int
    refused: int


def units_of(files: Sequence[SourceFile], size: int) -> list[Unit]:
    """The files in order, `size` at a time."""
    starts = range(0, len(files), size)
    return [Unit(n, tuple(files[start : start + size])) for n, start in enumerate(starts)]


def staged_units(storage: Storage, staged: str) -> dict[int, StagedUnit]:
    """Units that are done, by number."""
    names = [name for name in storage.files(f"{staged}/units") if name.endswith(".json")]
    found = [StagedUnit(**storage.read_json(name)) for name in names]
    return {unit.number: unit for unit in found}


def stage_unit(storage: Storage, staged: str, unit: Unit, reading: Reading) -> Iterator[StagedUnit]:
    """Read and stage a unit; yields what is staged after each file, and at last the whole."""
    with ExitStack() as files:
        stage = _Stage(storage, staged, unit.number, reading, files)
        for done, file in enumerate(unit.files, start=1):
            for found in read_file(file, reading):
                stage.take(found, file.uri)
            yield stage.counts(done)
        stage.flush()
    total = stage.counts(len(unit.files))
    storage.write_json(f"{staged}/units/{unit.number:05d}.json", asdict(total))


@dataclass(slots=True)
class _Table:
    """Rows of one staged file, written piece by piece."""

    name: str
    schema: pa.Schema
    held: list[dict[str, Any]] = field(default_factory=list)
    writer: pq.ParquetWriter | None = None
    count: int = 0


class _Stage:
    """The staged files of one unit, open while it is read; they appear when `files` closes."""

    def __init__(
        self, storage: Storage, staged: str, number: int, reading: Reading, files: ExitStack
    ) -> None:
        self._files = files
        self._storage = storage
        self._staged = staged
        self._number = number
        self._reading = reading
        self._tables: dict[str, _Table] = {}

    def take(self, found: Document | Failure, uri: str) -> None:
        """Stage one document with its passages, or one refusal."""
        match found:
            case Failure():
                self._add("refused", rows.REFUSED, [rows.refused_row(found)])
            case Document():
                self._add("documents", rows.DOCUMENTS, [rows.document_row(found, uri)])
                shard = shard_of(found.doc, self._reading.num_shards)
                self._add(f"passages/shard={shard}", rows.PASSAGES, self._rows(found.passages))

    def counts(self, files: int) -> StagedUnit:
        """What was taken so far."""
        by_folder = {name.partition("/")[0]: 0 for name in self._tables}
        for name, table in self._tables.items():
            by_folder[name.partition("/")[0]] += table.count
        wanted = ("documents", "passages", "refused")
        return StagedUnit(self._number, files, *(by_folder.get(name, 0) for name in wanted))

    def flush(self) -> None:
        """Write what is still held."""
        for table in self._tables.values():
            self._write(table)

    def _rows(self, passages: Iterable[ChunkRecord]) -> list[dict[str, Any]]:
        return [rows.passage_row(record, self._reading) for record in passages]

    def _add(self, folder: str, schema: pa.Schema, found: list[dict[str, Any]]) -> None:
        name = f"{self._staged}/{folder}/{self._number:05d}.parquet"
        table = self._tables.setdefault(folder, _Table(name, schema))
        table.held += found
        table.count += len(found)
        if len(table.held) >= _ROWS_HELD:
            self._write(table)

    def _write(self, table: _Table) -> None:
        if table.writer is None:
            table.writer = self._files.enter_context(
                self._storage.table_writer(table.name, table.schema)
            )
        table.writer.write_table(pa.Table.from_pylist(table.held, schema=table.schema))
        table.held = []
