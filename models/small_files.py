"""Small files of an index root, written whole or not at all, on a disk and behind a URI alike."""

import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

from models.errors import ManifestError

# fsspec's own "create" is a look followed by a write. These file systems hand the condition to the
# store, which decides alone: If-None-Match on S3, ifGenerationMatch on GCS, If-None-Match on Azure.
_ATOMIC_CREATE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"})


def is_local(fs: Any) -> bool:
    """Whether paths are paths of this machine (a local disk, NFS)."""
    return "file" in _protocols(fs)


def replace(fs: Any, path: str, content: str | bytes) -> None:
    """A reader sees the old or the new content, after a crash too."""
    data = content.encode() if isinstance(content, str) else content
    if not is_local(fs):
        # A single put of an object store is seen whole or not at all.
        fs.pipe_file(path, data)
        return
    target = Path(path)
    temporary = _written_beside(target, data)
    temporary.replace(target)
    _flush_folder(target.parent)


def create(fs: Any, path: str, text: str) -> bool:
    """Write it unless it exists; of several that try at once one gets True.

    On a disk and on NFS by a hard link, which exists or not and is never half-written; on an object
    store by a conditional put. Raises ManifestError where neither is to be had.
    """
    if is_local(fs):
        return _link(Path(path), text)
    if not _ATOMIC_CREATE & set(_protocols(fs)):
        raise ManifestError(f"{_protocols(fs)[0]}:// cannot create a file only where there is none")
    try:
        fs.pipe_file(path, text.encode(), mode="create")
    except FileExistsError:
        return False
    return True


def _link(target: Path, text: str) -> bool:
    temporary = _written_beside(target, text.encode())
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _flush_folder(target.parent)
    return True


def _written_beside(target: Path, data: bytes) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}-{uuid.uuid4().hex[:8]}-"
    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=target.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary = Path(name)
    temporary.chmod(0o644)
    return temporary


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
