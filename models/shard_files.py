"""The names and the record (shard.json) of a shard folder; docs/epoch-format.md describes them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.checksums import sha256_file
from models.errors import CorruptShard
from models.types import EncoderFingerprint
from models.vector_index import IndexSpec

FORMAT = 1
RECORD = "shard.json"
VECTORS = "vectors.faiss"
CHUNKS = "chunks.parquet"
LEXICAL = "lexical"


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One file of the shard as it was written."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """What shard.json says."""

    count: int
    dim: int
    encoder: EncoderFingerprint
    index: IndexSpec
    files: dict[str, ShardFile]
    """By path within the shard folder, shard.json itself left out."""


def record_files(folder: Path) -> dict[str, ShardFile]:
    """Size and checksum of every file there, shard.json left out."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return {
        path.relative_to(folder).as_posix(): ShardFile(path.stat().st_size, sha256_file(path))
        for path in paths
    }


def write_record(folder: Path, record: ShardRecord) -> None:
    """Write shard.json; equal records give equal bytes."""
    content = {"format": FORMAT, **asdict(record)}
    (folder / RECORD).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_record(folder: Path) -> ShardRecord:
    """Read shard.json; raises CorruptShard when it is missing or not of this format."""
    path = folder / RECORD
    try:
        content = json.loads(path.read_text())
        if content.pop("format") != FORMAT:
            raise CorruptShard(f"{path}: not of format {FORMAT}")
        return _parse(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptShard(f"{path}: {error}") from error


def _parse(content: dict[str, Any]) -> ShardRecord:
    index = IndexSpec(**content.pop("index"))
    files = {name: ShardFile(**file) for name, file in content.pop("files").items()}
    return ShardRecord(index=index, files=files, **content)


def verify_files(folder: Path, record: ShardRecord) -> None:
    """Raise CorruptShard naming the first file that is missing or differs."""
    for name, expected in record.files.items():
        path = folder / name
        if not path.is_file():
            raise CorruptShard(f"{path}: missing")
        size = path.stat().st_size
        if size != expected.size_bytes:
            raise CorruptShard(f"{path}: {size} bytes, recorded {expected.size_bytes}")
        if sha256_file(path) != expected.sha256:
            raise CorruptShard(f"{path}: its SHA-256 differs from the recorded one")
