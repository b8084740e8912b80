"""Small files and Parquet tables under an index root, local or behind an fsspec URI.

    ROOT/CURRENT, moves/, tombstones.json   see models.epochs and models.tombstones
    ROOT/epochs/...                         published epochs
    ROOT/vectors/<encoder>/...              vectors by the key of their text; shared by all epochs
    ROOT/runs/<run>/                        what each run did; what it staged, while under way
    ROOT/quarantine.json                    documents that could not be read, as of the last run

Every file is written beside its place and renamed, or put in one request: it is whole or absent.
"""

import json
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from models import small_files


class Storage:
    """One index root."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self._fs, path = fsspec.core.url_to_fs(self.root)
        self._path = str(path).rstrip("/")

    def uri(self, *parts: str) -> str:
        """Address of something under the root."""
        return "/".join((self.root, *parts))

    @property
    def local_path(self) -> Path | None:
        """The root as a path of this machine; None behind a URI."""
        return Path(self._path) if small_files.is_local(self._fs) else None

    def files(self, folder: str) -> list[str]:
        """Names, relative to the root, of all files below a folder."""
        self._fs.invalidate_cache()
        found = self._fs.find(f"{self._path}/{folder}" if folder else self._path)
        return sorted(str(name).removeprefix(f"{self._path}/") for name in found)

    def read_bytes(self, name: str) -> bytes:
        """A whole file."""
        data: bytes = self._fs.cat_file(f"{self._path}/{name}")
        return data

    def parquet_files(self, folder: str) -> list[str]:
        """Names, relative to the root, of all Parquet files below a folder."""
        return [name for name in self.files(folder) if name.endswith(".parquet")]

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One Parquet file."""
        with self._fs.open(f"{self._path}/{name}", "rb") as file:
            return pq.ParquetFile(file).read(columns=list(columns) if columns else None)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file, opened for reading."""
        with self._fs.open(f"{self._path}/{name}", "rb") as file:
            yield file

    @contextmanager
    def parquet(self, name: str) -> Iterator[pq.ParquetFile]:
        """A Parquet file, opened to be read in part."""
        with self._fs.open(f"{self._path}/{name}", "rb") as file:
            yield pq.ParquetFile(file)

    def batches(self, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """One Parquet file, piece by piece."""
        with self._fs.open(f"{self._path}/{name}", "rb") as file:
            yield from pq.ParquetFile(file).iter_batches(batch_size=8192, columns=list(columns))

    def is_whole(self, name: str) -> bool:
        """Whether a Parquet file was written to its end; one cut short by a crash has no footer."""
        try:
            with self._fs.open(f"{self._path}/{name}", "rb") as file:
                pq.ParquetFile(file)
        except (OSError, pa.ArrowInvalid):
            return False
        return True

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write one Parquet file."""
        with self.table_writer(name, table.schema) as writer:
            writer.write_table(table)

    @contextmanager
    def table_writer(self, name: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
        """A Parquet file written piece by piece; it appears when the body ends without error."""
        self._make_parent(name)
        path = f"{self._path}/{name}"
        local = small_files.is_local(self._fs)
        building = f"{path}.{uuid.uuid4().hex[:8]}.part" if local else path
        try:
            with (
                self._fs.open(building, "wb") as file,
                pq.ParquetWriter(file, schema, compression="zstd") as writer,
            ):
                yield writer
            if local:
                Path(building).replace(path)
        finally:
            if local:
                Path(building).unlink(missing_ok=True)

    def write_json(self, name: str, content: object) -> None:
        """Write readable JSON, all or nothing."""
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        self.write_text(name, text)

    def write_text(self, name: str, text: str) -> None:
        """Write text, all or nothing."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file, all or nothing."""
        self._make_parent(name)
        small_files.replace(self._fs, f"{self._path}/{name}", data)

    def read_json(self, name: str) -> Any:
        """Read JSON; None when there is no such file."""
        try:
            return json.loads(self._fs.cat_file(f"{self._path}/{name}"))
        except FileNotFoundError:
            return None

    def exists(self, name: str) -> bool:
        """Whether there is such a file or folder."""
        return bool(self._fs.exists(f"{self._path}/{name}"))

    @contextmanager
    def local_cache(self) -> Iterator[Path]:
        """A folder for copies of what lies elsewhere, gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="sbi-cache-") as folder:
            yield Path(folder)

    def folders(self, name: str) -> list[str]:
        """Names of the folders directly below a folder."""
        if not self._fs.isdir(f"{self._path}/{name}"):
            return []
        found = self._fs.ls(f"{self._path}/{name}", detail=True)
        return sorted(str(i["name"]).rpartition("/")[2] for i in found if i["type"] == "directory")

    def make_folder(self, name: str) -> None:
        """Make it and its parents; an object store has none and does nothing."""
        self._fs.makedirs(f"{self._path}/{name}", exist_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file or folder, if it is there."""
        if self._fs.exists(f"{self._path}/{name}"):
            self._fs.rm(f"{self._path}/{name}", recursive=True)

    def _make_parent(self, name: str) -> None:
        self._fs.makedirs(f"{self._path}/{name}".rpartition("/")[0], exist_ok=True)
