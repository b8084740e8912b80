"""Small files and Parquet tables under an index root, local or behind an fsspec URI.

ROOT/CURRENT, ROOT/epochs/...     published epochs (models.epochs) ROOT/vectors/<encoder>/*.parquet
vectors by the key of their text; shared by all epochs ROOT/runs/<run>/report.json       what each
run did ROOT/runs/<run>/staged/...        passages of a run that is under way ROOT/quarantine.json
documents that could not be read, as of the last run
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq


class Storage:
    """One index root."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self._fs, path = fsspec.core.url_to_fs(self.root)
        self._path = str(path).rstrip("/")

    def uri(self, *parts: str) -> str:
        """Address of something under the root."""
        return "/".join((self.root, *parts))

    def parquet_files(self, folder: str) -> list[str]:
        """Names, relative to the root, of all Parquet files below a folder."""
        found = self._fs.find(f"{self._path}/{folder}")
        names = (str(name).removeprefix(f"{self._path}/") for name in found)
        return sorted(name for name in names if name.endswith(".parquet"))

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One Parquet file."""
        with self._fs.open(f"{self._path}/{name}", "rb") as file:
            return pq.ParquetFile(file).read(columns=list(columns) if columns else None)

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
        self._make_parent(name)
        with self._fs.open(f"{self._path}/{name}", "wb") as file:
            pq.write_table(table, file, compression="zstd")

    def write_json(self, name: str, content: object) -> None:
        """Write readable JSON, all or nothing."""
        self._make_parent(name)
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        temporary = f"{self._path}/{name}.part"
        self._fs.pipe_file(temporary, text.encode())
        self._fs.mv(temporary, f"{self._path}/{name}")

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
