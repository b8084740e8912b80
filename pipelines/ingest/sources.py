"""Finding the documents of a corpus: a folder, one file, a glob, or any of these behind a URI that
fsspec knows.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec

from pipelines.ingest.errors import InputError, Unreadable
from pipelines.ingest.metadata import SIDECAR_SUFFIX

# A business folder holds business.yaml, customers and the like; only this part of it is its
# knowledge.
BUSINESS_FILE = "business.yaml"
BUSINESS_DOCUMENTS = "documents"
GAZETTEER_FILE = "treks.yaml"
_READ_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the corpus."""

    doc: str
    """Its name within the corpus, with slashes: the id of the document in it."""
    uri: str
    num_bytes: int
    sidecar: str | None
    """URI of its NAME.EXT.meta.yaml."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything found, in order of name."""

    root: str
    files: tuple[SourceFile, ...]
    gazetteer: str | None
    """URI of its treks.yaml."""


def discover(corpus_uri: str) -> Corpus:
    """List a corpus; raises InputError when it is not there, cannot be reached or holds no file."""
    try:
        fs, path = fsspec.core.url_to_fs(corpus_uri)
        return _discover(fs, str(path).rstrip("/") or "/", corpus_uri)
    except (OSError, ValueError, ImportError) as error:
        raise InputError(f"corpus {corpus_uri!r}: {error}") from error


def read_bytes(uri: str, max_bytes: int) -> bytes:
    """A file's content; raises Unreadable when it cannot be had or is too large."""
    last: Exception | None = None
    for _ in range(_READ_ATTEMPTS):
        try:
            with fsspec.open(uri, "rb") as file:
                data: bytes = file.read(max_bytes + 1)
        except FileNotFoundError as error:
            raise Unreadable("file disappeared while it was being read") from error
        except OSError as error:
            last = error
            continue
        if len(data) > max_bytes:
            raise Unreadable(f"larger than {max_bytes:,} bytes")
        return data
    raise Unreadable(f"cannot be read: {last}") from last


def _discover(fs: Any, path: str, corpus_uri: str) -> Corpus:
    if any(sign in path for sign in "*?["):
        root, found = _glob_root(path), _glob(fs, path)
    elif fs.isfile(path):
        root, found = str(PurePosixPath(path).parent), {path: fs.info(path)}
    elif fs.isdir(path):
        root = _documents_root(fs, path)
        found = fs.find(root, detail=True)
    else:
        raise InputError(f"corpus {corpus_uri!r}: no such folder or file")
    files = _source_files(fs, root, found)
    if not files:
        raise InputError(f"corpus {corpus_uri!r}: holds no documents")
    return Corpus(fs.unstrip_protocol(root), files, _gazetteer(fs, root, path))


def _documents_root(fs: Any, path: str) -> str:
    documents = f"{path}/{BUSINESS_DOCUMENTS}"
    is_business = fs.isfile(f"{path}/{BUSINESS_FILE}") and fs.isdir(documents)
    return documents if is_business else path


def _glob(fs: Any, pattern: str) -> dict[str, Any]:
    found: dict[str, Any] = fs.glob(pattern, detail=True)
    siblings = {f"{name}{SIDECAR_SUFFIX}" for name in found}
    for name in siblings:
        if name not in found and fs.isfile(name):
            found[name] = fs.info(name)
    return {name: info for name, info in found.items() if info.get("type") == "file"}


def _glob_root(pattern: str) -> str:
    parts = PurePosixPath(pattern).parts
    literal = next(i for i, part in enumerate(parts) if any(sign in part for sign in "*?["))
    return str(PurePosixPath(*parts[:literal])) if literal else "."


def _source_files(fs: Any, root: str, found: dict[str, Any]) -> tuple[SourceFile, ...]:
    names = {name: _relative(name, root) for name in sorted(found)}
    shown = {name: doc for name, doc in names.items() if _is_document(doc)}
    return tuple(
        SourceFile(
            doc=doc,
            uri=fs.unstrip_protocol(name),
            num_bytes=int(found[name].get("size") or 0),
            sidecar=_sidecar(fs, name, names),
        )
        for name, doc in sorted(shown.items(), key=lambda item: item[1])
    )


def _relative(name: str, root: str) -> str:
    prefix = "" if root in (".", "/") else root.rstrip("/") + "/"
    return name.removeprefix(prefix).lstrip("/")


def _is_document(doc: str) -> bool:
    hidden = any(part.startswith((".", "~$")) for part in doc.split("/"))
    return not hidden and not doc.endswith(SIDECAR_SUFFIX) and doc != GAZETTEER_FILE


def _sidecar(fs: Any, name: str, names: dict[str, str]) -> str | None:
    sidecar = name + SIDECAR_SUFFIX
    return str(fs.unstrip_protocol(sidecar)) if sidecar in names else None


def _gazetteer(fs: Any, root: str, path: str) -> str | None:
    for folder in dict.fromkeys((root, path)):
        name = f"{folder}/{GAZETTEER_FILE}"
        if fs.isfile(name):
            return str(fs.unstrip_protocol(name))
    return None
