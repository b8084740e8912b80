"""Documents that must not be answered from although a live epoch still holds them.

    ROOT/tombstones.json    {"documents": {doc: {"revision": ..., "at": ...}}}

Ingestion writes the file; whoever searches reads it again every few seconds and leaves out the
passages that it hides, so that a deletion holds at once and not with the next epoch.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import fsspec
from filelock import FileLock

from models import small_files
from models.errors import ManifestError

NAME = "tombstones.json"
_LOCK_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One deleted document."""

    revision: str | None
    """The revision that is hidden; None: every one, whatever comes later."""
    at: str
    """When it was deleted: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Tombstones:
    """All of them; empty where nothing was deleted."""

    documents: Mapping[str, Tombstone] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.documents)

    def hides(self, doc: str, revision: str) -> bool:
        """Whether a passage of this document revision must not be answered from.

        A file's tombstone covers the documents of its rows, `file#row`.
        """
        if not self.documents:
            return False
        return any(
            stone is not None and stone.revision in (None, revision)
            for stone in (self.documents.get(doc), self.documents.get(doc.partition("#")[0]))
        )


def read_tombstones(root: str | Path) -> Tombstones:
    """Those of an index root; raises ManifestError when the file is there and is not one."""
    fs, path = fsspec.core.url_to_fs(str(root).rstrip("/"))
    file = f"{path}/{NAME}"
    try:
        content = json.loads(fs.cat_file(file))
        stones = {doc: Tombstone(**stone) for doc, stone in content["documents"].items()}
    except FileNotFoundError:
        return Tombstones()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{root}/{NAME}: not a list of tombstones: {error!r}") from error
    return Tombstones(stones)


def change_tombstones(
    root: str | Path,
    *,
    add: Mapping[str, Tombstone] | None = None,
    remove: frozenset[str] = frozenset(),
) -> Tombstones:
    """Add some, remove some, in one step; returns what then holds.

    On a file system a lock keeps two writers apart. An object store has none: there the last of two
    that write within the same moment wins, so the change is looked up again and repeated if lost.
    """
    add = add or {}
    fs, path = fsspec.core.url_to_fs(str(root).rstrip("/"))
    if small_files.is_local(fs):
        Path(path).mkdir(parents=True, exist_ok=True)
        with FileLock(Path(path) / f".{NAME}.lock", timeout=_LOCK_DEADLINE_S):
            return _change(root, add, remove)
    changed = _change(root, add, remove)
    while _differs(read_tombstones(root), add, remove):
        changed = _change(root, add, remove)
    return changed


def _change(root: str | Path, add: Mapping[str, Tombstone], remove: frozenset[str]) -> Tombstones:
    fs, path = fsspec.core.url_to_fs(str(root).rstrip("/"))
    before = read_tombstones(root).documents
    kept = {doc: stone for doc, stone in before.items() if doc not in remove}
    after = {**kept, **add}
    if after != dict(before):
        content = {"documents": {doc: asdict(stone) for doc, stone in sorted(after.items())}}
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        small_files.replace(fs, f"{path}/{NAME}", text)
    return Tombstones(after)


def _differs(found: Tombstones, add: Mapping[str, Tombstone], remove: frozenset[str]) -> bool:
    lost = any(found.documents.get(doc) != stone for doc, stone in add.items())
    return lost or any(doc in found.documents for doc in remove - add.keys())
