"""The tables that reading leaves behind: passages by shard, documents, refused documents."""

from dataclasses import asdict
from typing import Any

import pyarrow as pa

from models import chunk_table
from models.checksums import sha256_text
from models.types import ChunkRecord
from pipelines.ingest.documents import (
    Document,
    Failure,
    Reading,
    embedded_text,
    vector_key,
)
from pipelines.ingest.metadata import guess_type
from pipelines.ingest.sketch import sketch_of
from pipelines.ingest.tokens import token_counter

PASSAGES = pa.schema(
    [
        *(pa.field(field.name, field.type) for field in chunk_table.SCHEMA),
        pa.field("vector_key", pa.string()),
        pa.field("embedded_text", pa.string()),
        pa.field("num_tokens", pa.int32()),
    ]
)
DOCUMENTS = pa.schema(
    [
        pa.field("doc", pa.string()),
        pa.field("revision", pa.string()),
        pa.field("stated_revision", pa.string()),
        pa.field("uri", pa.string()),
        pa.field("title", pa.string()),
        pa.field("doc_type", pa.string()),
        pa.field("language", pa.string()),
        pa.field("trek", pa.string()),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("valid_from", pa.string()),
        pa.field("valid_to", pa.string()),
        pa.field("supersedes", pa.list_(pa.string())),
        pa.field("modified", pa.string()),
        pa.field("digest", pa.string()),
        pa.field("sketch", pa.binary()),
        pa.field("num_chars", pa.int64()),
        pa.field("num_chunks", pa.int64()),
    ]
)
REFUSED = pa.schema(
    [
        pa.field("doc", pa.string()),
        pa.field("uri", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("counts", pa.bool_()),
    ]
)


def passage_row(record: ChunkRecord, reading: Reading) -> dict[str, Any]:
    """A passage with the key of its vector and the text that the encoder reads."""
    counter = token_counter(reading.tokenizer_folder)
    text = embedded_text(record, counter, reading.chunks.header_tokens)
    columns = chunk_table.to_table([record]).to_pylist()[0]
    return {
        **columns,
        "vector_key": vector_key(reading.fingerprints.encoder, text),
        "embedded_text": text,
        "num_tokens": counter.count_tokens(text),
    }


def document_row(document: Document, uri: str) -> dict[str, Any]:
    """A document without its passages, with what finds its near-duplicates."""
    said = document.metadata
    return {
        "doc": document.doc,
        "revision": document.revision,
        "stated_revision": said.revision,
        "uri": uri,
        "title": document.title,
        "doc_type": said.type or guess_type(document.doc),
        "language": document.language,
        "trek": said.trek,
        "aliases": list(said.aliases),
        "valid_from": said.valid_from,
        "valid_to": said.valid_to,
        "supersedes": list(said.supersedes),
        "modified": document.modified,
        "digest": sha256_text(document.text),
        "sketch": sketch_of(document.text),
        "num_chars": len(document.text),
        "num_chunks": len(document.passages),
    }


def refused_row(failure: Failure) -> dict[str, Any]:
    """A document that could not be read."""
    return asdict(failure)
