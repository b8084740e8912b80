"""From one file of the corpus to rows of passages: read, clean, check the metadata, chunk, give
ids.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from models.checksums import sha256_text
from models.types import ChunkRecord
from pipelines.ingest.addresses import is_address
from pipelines.ingest.blocks import CleanDocument, assemble
from pipelines.ingest.chunk import Chunk, cut
from pipelines.ingest.config import ChunkSettings, Fingerprints
from pipelines.ingest.errors import Unreadable, Unsupported
from pipelines.ingest.metadata import (
    Metadata,
    detect_language,
    guess_type,
    load_yaml_mapping,
    parse_metadata,
)
from pipelines.ingest.readers import Parsed, read, reader_for
from pipelines.ingest.readers.encoding import decode
from pipelines.ingest.sources import SourceFile, read_bytes, read_source
from pipelines.ingest.tokens import TokenCounter, token_counter


@dataclass(frozen=True, slots=True)
class Reading:
    """How documents of a run are read; travels to every reading task."""

    chunks: ChunkSettings
    fingerprints: Fingerprints
    tokenizer_folder: Path | None
    num_shards: int
    max_document_bytes: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document as it was read."""

    doc: str
    revision: str
    title: str
    metadata: Metadata
    language: str
    text: str
    """Cleaned; what spans refer to."""
    modified: str
    """What its source says of when it was last changed; sorts by time, may be empty."""
    passages: tuple[ChunkRecord, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be read."""

    doc: str
    uri: str
    reason: str
    counts: bool
    """Whether it is held against the failure budget."""


def read_file(source: SourceFile, reading: Reading) -> Iterator[Document | Failure]:
    """The documents of a file; a fault in one row's document leaves its neighbours."""
    try:
        if not is_address(source.uri):
            reader_for(source.doc)
        sidecar = _sidecar(source, reading)
        parts = read(*read_source(source, reading.max_document_bytes))
    except Unreadable as error:
        yield Failure(source.doc, source.uri, str(error), not isinstance(error, Unsupported))
        return
    for part in parts:
        doc = source.doc if part.part is None else f"{source.doc}#{part.part}"
        try:
            known = {"url": source.uri} if is_address(source.uri) else {}
            said = replace(part, metadata={**known, **part.metadata})
            yield document_of(doc, said, sidecar, reading, source.modified)
        except Unreadable as error:
            yield Failure(doc, source.uri, str(error), counts=True)


def _sidecar(source: SourceFile, reading: Reading) -> dict[str, Any]:
    if source.sidecar is None:
        return {}
    text = decode(read_bytes(source.sidecar, reading.max_document_bytes))
    return load_yaml_mapping(text, "sidecar")


def document_of(
    doc: str, part: Parsed, sidecar: Mapping[str, Any], reading: Reading, modified: str = ""
) -> Document:
    """Clean, check and chunk; what the sidecar says wins over what the file says of itself."""
    clean = assemble(part.blocks)
    if not clean.text:
        raise Unreadable("no text in it")
    metadata = parse_metadata({**part.metadata, **sidecar}, "metadata")
    revision = metadata.revision or sha256_text(clean.text)[:12]
    title = metadata.title or PurePosixPath(doc).name.split(".")[0].replace("-", " ")
    language = metadata.language or detect_language(clean.text)
    shell = Document(doc, revision, title, metadata, language, clean.text, modified, ())
    return replace(shell, passages=tuple(_passages(shell, clean, reading)))


def _passages(document: Document, clean: CleanDocument, reading: Reading) -> Iterator[ChunkRecord]:
    counter = token_counter(reading.tokenizer_folder)
    for chunk in cut(clean, counter, reading.chunks):
        yield _record(document, chunk, clean.text[chunk.start : chunk.end], reading.fingerprints)


def _record(document: Document, chunk: Chunk, text: str, prints: Fingerprints) -> ChunkRecord:
    """A table row's own columns win over its document's metadata."""
    own = parse_metadata(chunk.metadata, "row") if chunk.metadata else Metadata()
    whole = document.metadata
    return ChunkRecord(
        chunk_id=chunk_id(document.doc, document.revision, (chunk.start, chunk.end), text, prints),
        doc=document.doc,
        revision=document.revision,
        span=(chunk.start, chunk.end),
        text=text,
        title=document.title,
        doc_type=(own.type or whole.type or guess_type(document.doc)),
        language=own.language or document.language,
        trek=own.trek or whole.trek,
        valid_from=own.valid_from or whole.valid_from,
        valid_to=own.valid_to or whole.valid_to,
        url=own.url or whole.url,
        heading=chunk.heading,
    )


def chunk_id(
    doc: str, revision: str, span: tuple[int, int], text: str, prints: Fingerprints
) -> str:
    """Equal in two runs exactly when nothing about the passage changed; 128 bits in hex."""
    place = f"{span[0]}:{span[1]}"
    return sha256_text(doc, revision, prints.chunker, prints.encoder, place, text)[:32]


def embedded_text(record: ChunkRecord, counter: TokenCounter, header_tokens: int) -> str:
    """What the encoder reads of a passage: title and headings that the passage does not repeat,
    then its text.
    """
    names = [
        name for name in dict.fromkeys((record.title, *record.heading)) if name not in record.text
    ]
    while names and counter.count_tokens(" > ".join(names)) > header_tokens:
        names.pop(0)
    return f"{' > '.join(names)}\n{record.text}" if names else record.text


def vector_key(encoder: str, text: str) -> str:
    """Identifies the vector of a text: the same sentence in two documents is embedded once."""
    return sha256_text(encoder, text)[:32]


def shard_of(doc: str, num_shards: int) -> int:
    """Stable across runs, so that an edit changes one shard alone."""
    return int(sha256_text(doc)[:16], 16) % num_shards
