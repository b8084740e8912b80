"""The tables that flow through Ray Data: one schema for passages, documents and refused documents
alike.

One schema, so that one streaming pipeline yields all three; `kind` tells them apart and `shard`
partitions them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from models import chunk_table
from models.types import ChunkRecord
from pipelines.ingest.documents import (
    Document,
    Failure,
    Reading,
    embedded_text,
    read_file,
    shard_of,
    vector_key,
)
from pipelines.ingest.sources import SourceFile
from pipelines.ingest.tokens import token_counter

# Partitions of the staged table; passages lie in their shard's number.
DOCUMENTS = -1
FAILURES = -2

_CHUNK_FIELDS = [pa.field(field.name, field.type) for field in chunk_table.SCHEMA]
SCHEMA = pa.schema(
    [
        pa.field("shard", pa.int32()),
        *_CHUNK_FIELDS,
        pa.field("vector_key", pa.string()),
        pa.field("embedded_text", pa.string()),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("num_chars", pa.int64()),
        pa.field("num_chunks", pa.int64()),
        pa.field("uri", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("counts", pa.bool_()),
    ]
)


def rows_of(source: SourceFile, reading: Reading) -> Iterator[dict[str, Any]]:
    """Everything that one file yields."""
    for found in read_file(source, reading):
        match found:
            case Failure():
                yield _failure_row(found)
            case Document():
                yield _document_row(found, source.uri)
                for record in found.passages:
                    yield passage_row(record, reading)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of SCHEMA; absent columns are null."""
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def passage_row(record: ChunkRecord, reading: Reading) -> dict[str, Any]:
    """A passage with the key of its vector and the text that the encoder reads."""
    counter = token_counter(reading.tokenizer_folder)
    text = embedded_text(record, counter, reading.chunks.header_tokens)
    columns = chunk_table.to_table([record]).to_pylist()[0]
    return {
        **columns,
        "shard": shard_of(record.doc, reading.num_shards),
        "vector_key": vector_key(reading.fingerprints.encoder, text),
        "embedded_text": text,
    }


def chunk_records(table: pa.Table) -> list[ChunkRecord]:
    """The passages of a table of SCHEMA."""
    return chunk_table.to_records(table.select(chunk_table.SCHEMA.names))


def _document_row(document: Document, uri: str) -> dict[str, Any]:
    return {
        "shard": DOCUMENTS,
        "doc": document.doc,
        "revision": document.revision,
        "title": document.title,
        "language": document.language,
        "trek": document.metadata.trek,
        "aliases": list(document.metadata.aliases),
        "num_chars": document.num_chars,
        "num_chunks": len(document.passages),
        "uri": uri,
    }


def _failure_row(failure: Failure) -> dict[str, Any]:
    return {
        "shard": FAILURES,
        "doc": failure.doc,
        "uri": failure.uri,
        "reason": failure.reason,
        "counts": failure.counts,
    }


def source_of(row: Mapping[str, Any]) -> SourceFile:
    """A row of the listing, back as a value."""
    return SourceFile(row["doc"], row["uri"], int(row["num_bytes"]), row["sidecar"] or None)
