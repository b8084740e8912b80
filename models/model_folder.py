"""A prepared model folder: its record of files, and whether they still are what was recorded.

`switchback.json` is written last. Each file in it has a size and a SHA-256. A file that is not
newer than the record is trusted by its size; a newer one is hashed again (the rule git's index
follows), so that a later start costs microseconds and still notices a replaced file.
"""

import json
import os
from pathlib import Path
from typing import Any

from models.checksums import sha256_file
from models.errors import CorruptModel

RECORD = "switchback.json"
# Raise it when a converter's output changes, so that folders of an older version are built again.
LAYOUT_VERSION = 2


def seal(folder: Path, model_id: str, source: str) -> None:
    """Record every file of the folder; from then on `verify` accepts it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    files = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256_file(path),
        }
        for path in paths
    }
    record = {"model": model_id, "layout": LAYOUT_VERSION, "source": source, "files": files}
    (folder / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def verify(folder: Path, *, deep: bool = False) -> None:
    """Raise CorruptModel unless the folder is whole; `deep` hashes every file again."""
    record = _read_record(folder)
    recorded_at_ns = (folder / RECORD).stat().st_mtime_ns
    rehashed = False
    for name, expected in record["files"].items():
        path = folder / name
        if not path.is_file():
            raise CorruptModel(f"{path}: missing")
        stat = path.stat()
        if stat.st_size != expected["bytes"]:
            raise CorruptModel(f"{path}: {stat.st_size} bytes, recorded {expected['bytes']}")
        if deep or stat.st_mtime_ns > recorded_at_ns:
            rehashed = True
            if sha256_file(path) != expected["sha256"]:
                raise CorruptModel(f"{path}: its SHA-256 differs from the recorded one")
    if rehashed:
        _touch(folder / RECORD)


def file_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by file name, as recorded; empty for a folder that was not prepared by us."""
    if not (folder / RECORD).is_file():
        return {}
    return {name: file["sha256"] for name, file in _read_record(folder)["files"].items()}


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError) as error:
        raise CorruptModel(f"{folder / RECORD}: {error}") from error
    if not isinstance(record, dict) or record.get("layout") != LAYOUT_VERSION:
        raise CorruptModel(f"{folder / RECORD}: not of layout {LAYOUT_VERSION}")
    return record


def _touch(record: Path) -> None:
    """Remember that newer files were found good; a read-only folder just hashes them again."""
    try:
        os.utime(record)
    except OSError:
        return
