"""Finding the documents of a corpus: a folder, one file, a glob, any of these behind a URI that
fsspec knows, or a list of http(s) addresses.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import fsspec

from models.checksums import sha256_text
from pipelines.ingest.addresses import LIST_SUFFIX, addresses_in, doc_of, fetch, is_address
from pipelines.ingest.errors import InputError, Unreadable
from pipelines.ingest.metadata import SIDECAR_SUFFIX
from pipelines.ingest.readers.encoding import decode

# A business folder holds business.yaml, customers and the like; only this part of it is its
# knowledge.
BUSINESS_FILE = "business.yaml"
BUSINESS_DOCUMENTS = "documents"
GAZETTEER_FILE = "treks.yaml"
_READ_ATTEMPTS = 3
_MAX_LIST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the corpus."""

    doc: str
    """Its name within the corpus, with slashes: the id of the document in it."""
    uri: str
    num_bytes: int
    sidecar: str | None
    """URI of its NAME.EXT.meta.yaml."""
    modified: str = ""
    """When it was last changed, sortable; empty where its source does not say."""
    version: str = ""
    """Differs when its content may differ: time and size of file and sidecar, or an entity tag.
    Empty where its source says neither.
    """


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything found, in order of name."""

    root: str
    files: tuple[SourceFile, ...]
    gazetteer: str | None
    """URI of its treks.yaml."""
    gazetteer_version: str = ""
    listed_at: str = ""
    """ISO 8601, UTC."""

    def signature(self) -> str:
        """Equal for two listings exactly when no file seems to have changed in between."""
        parts = [part for file in self.files for part in (file.doc, file.version)]
        return sha256_text(self.root, self.gazetteer_version, *parts)

    @property
    def shows_changes(self) -> bool:
        """Whether every file's version is known, so that equal signatures mean equal content."""
        return all(file.version for file in self.files)

    def newest(self) -> str:
        """The latest time of change among its files."""
        return max((file.modified for file in self.files), default="")


def discover(corpus_uri: str) -> Corpus:
    """List a corpus; raises InputError when it is not there, cannot be reached or holds no file."""
    listed_at = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    return replace(_found(corpus_uri), listed_at=listed_at)


def _found(corpus_uri: str) -> Corpus:
    if is_address(corpus_uri) or corpus_uri.endswith(LIST_SUFFIX):
        return _addresses(corpus_uri)
    try:
        fs, path = fsspec.core.url_to_fs(corpus_uri)
        return _discover(fs, str(path).rstrip("/") or "/", corpus_uri)
    except (OSError, ValueError, ImportError) as error:
        raise InputError(f"corpus {corpus_uri!r}: {error}") from error


def read_source(source: SourceFile, max_bytes: int) -> tuple[bytes, str]:
    """A document's content and a name whose ending tells its format; raises Unreadable."""
    if is_address(source.uri):
        return fetch(source.uri, max_bytes)
    return read_bytes(source.uri, max_bytes), source.doc


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


def _addresses(corpus_uri: str) -> Corpus:
    """One page, or a list of addresses that lies anywhere."""
    listed = [corpus_uri]
    if corpus_uri.endswith(LIST_SUFFIX):
        try:
            data = (
                fetch(corpus_uri, _MAX_LIST_BYTES)[0]
                if is_address(corpus_uri)
                else read_bytes(corpus_uri, _MAX_LIST_BYTES)
            )
            listed = addresses_in(decode(data))
        except (Unreadable, ValueError) as error:
            raise InputError(f"corpus {corpus_uri!r}: {error}") from error
    if not listed:
        raise InputError(f"corpus {corpus_uri!r}: holds no documents")
    files = sorted((SourceFile(doc_of(url), url, 0, None) for url in listed), key=lambda f: f.doc)
    return Corpus(corpus_uri, tuple(files), None)


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
    gazetteer = _gazetteer(fs, root, path)
    version = _stamp(fs.info(gazetteer)) if gazetteer is not None else ""
    return Corpus(fs.unstrip_protocol(root), files, gazetteer, version)


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
            modified=_modified(found[name]),
            version=_version(found[name], found.get(f"{name}{SIDECAR_SUFFIX}")),
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


def _modified(info: Mapping[str, Any]) -> str:
    """As file systems spell it: a number on disks, a date in object stores."""
    value = info.get("mtime") or info.get("LastModified") or info.get("last_modified")
    value = value or info.get("updated") or info.get("created")
    if isinstance(value, (int, float)):
        value = dt.datetime.fromtimestamp(value, dt.UTC)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    return value if isinstance(value, str) else ""


def _version(*infos: Mapping[str, Any] | None) -> str:
    """Of a file and its sidecar; empty when either says nothing."""
    parts = [_stamp(info) for info in infos if info is not None]
    return " ".join(parts) if all(parts) else ""


def _stamp(info: Mapping[str, Any]) -> str:
    tag = info.get("ETag") or info.get("etag") or info.get("content_md5") or info.get("md5Hash")
    if tag:
        return str(tag).strip('"')
    if "mtime" in info:  # a disk: inode and both times, as version-control systems compare them
        return f"{info.get('ino')}:{info['mtime']}:{info.get('created')}:{info.get('size')}"
    modified = _modified(info)
    return f"{modified}:{info.get('size')}" if modified else ""


def _gazetteer(fs: Any, root: str, path: str) -> str | None:
    for folder in dict.fromkeys((root, path)):
        name = f"{folder}/{GAZETTEER_FILE}"
        if fs.isfile(name):
            return str(fs.unstrip_protocol(name))
    return None
