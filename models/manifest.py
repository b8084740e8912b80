"""An epoch's manifest: what a published index consists of, and where each part lies.

The layout under an index root and the meaning of every field are in docs/epoch-format.md.
Addresses are local paths or URIs that fsspec knows (file, s3, gs, memory, ...).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import fsspec

from models import small_files
from models.errors import ManifestError
from models.types import EncoderFingerprint, Epoch

FORMAT = 1
NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One shard of the epoch."""

    folder: str
    """Relative to the epoch's folder."""
    sha256: str
    """Of its shard.json, which holds the checksums of all its other files."""
    chunk_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Trek:
    """A trek that the corpus knows, with the names people use for it."""

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that serving must know of an epoch before it opens a shard."""

    epoch: Epoch
    created_at: str
    """ISO 8601, UTC."""
    encoder: EncoderFingerprint
    dim: int
    chunker: str
    """Fingerprint of the chunker and its settings."""
    shards: tuple[ShardEntry, ...]
    document_count: int
    chunk_count: int
    languages: tuple[str, ...]
    """ISO 639-1 codes that occur, sorted."""
    treks: tuple[Trek, ...] = ()
    previous: Epoch | None = None
    """The epoch that was current when this one was built; None for the first."""


def to_json(manifest: Manifest) -> str:
    """Equal manifests give equal text."""
    content = {"format": FORMAT, **asdict(manifest)}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str, where: str = "manifest") -> Manifest:
    """Parse and check; raises ManifestError naming `where` and what is wrong."""
    try:
        content = json.loads(text)
        if content.pop("format") != FORMAT:
            raise ManifestError(f"{where}: not of format {FORMAT}")
        manifest = _parse(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{where}: not a manifest: {error!r}") from error
    counted = sum(shard.chunk_count for shard in manifest.shards)
    if counted != manifest.chunk_count:
        raise ManifestError(f"{where}: shards hold {counted} chunks, not {manifest.chunk_count}")
    return manifest


def write_manifest(uri: str, manifest: Manifest) -> None:
    """Write it to a path or URI, whole or not at all."""
    fs, path = fsspec.core.url_to_fs(uri)
    fs.makedirs(path.rpartition("/")[0], exist_ok=True)
    small_files.replace(fs, path, to_json(manifest))


def read_manifest(uri: str) -> Manifest:
    """Read it from a path or URI; raises ManifestError when it is missing or wrong."""
    try:
        with fsspec.open(uri, "r", encoding="utf-8") as file:
            text = str(file.read())
    except OSError as error:
        raise ManifestError(f"{uri}: cannot be read: {error}") from error
    return from_json(text, uri)


def _parse(content: Mapping[str, Any]) -> Manifest:
    fields = dict(content)
    shards = tuple(ShardEntry(**shard) for shard in fields.pop("shards"))
    treks = tuple(Trek(t["name"], tuple(t["aliases"])) for t in fields.pop("treks"))
    languages = tuple(fields.pop("languages"))
    return Manifest(shards=shards, treks=treks, languages=languages, **fields)
