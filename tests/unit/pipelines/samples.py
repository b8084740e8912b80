"""Small documents, shards and indexes for the tests of ingestion."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.epochs import EpochStore, shard_entry, shard_folder
from models.hash_encoder import HashEncoder
from models.manifest import Manifest
from models.shard_writer import write_shard
from models.types import ChunkRecord, EncoderFingerprint, Epoch, ShardId
from pipelines.ingest.config import ChunkSettings, Fingerprints
from pipelines.ingest.documents import Reading
from pipelines.ingest.documents_table import ANSWERING, SCHEMA, name_in
from pipelines.ingest.storage import Storage

READING = Reading(
    chunks=ChunkSettings(max_tokens=40, overlap_tokens=8),
    fingerprints=Fingerprints("chunker", EncoderFingerprint("encoder")),
    tokenizer_folder=None,
    num_shards=2,
    max_document_bytes=1_000_000,
)

PDF_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
    b"/Resources << /Font << /F1 5 0 R >> >> >>"
)


def pdf_of(lines: list[str]) -> bytes:
    """A one-page PDF with these lines, one below the other."""
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 50 700 Td {shown} ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PDF_PAGE,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def record(number: int, text: str = "") -> ChunkRecord:
    """A passage of its own document."""
    text = text or f"passage number {number} about camp {number * 7}"
    return ChunkRecord(
        chunk_id=f"{number:032x}",
        doc=f"doc-{number}.md",
        revision="1",
        span=(0, len(text)),
        text=text,
        title=f"Title {number}",
        doc_type="other",
        language="en",
        trek=None,
        valid_from=None,
        valid_to=None,
        url=None,
        heading=(),
    )


def write_epoch(root: Path, name: str, previous: str | None = None, documents: int = 5) -> Epoch:
    """An epoch of one shard with a passage a document, not published."""
    store, epoch, encoder = EpochStore(root), Epoch(name), HashEncoder()
    records = [record(number) for number in range(documents)]
    vectors = encoder.encode([r.text for r in records], "passage")
    folder = Path(store.epoch_uri(epoch)) / shard_folder(ShardId(0))
    write_shard(folder, vectors, records, encoder.fingerprint)
    listed = [{"doc": r.doc, "revision": r.revision, "status": ANSWERING} for r in records]
    table = pa.Table.from_pylist(listed, schema=SCHEMA)
    Storage(str(root)).write_table(name_in(epoch), table)
    store.write(
        Manifest(
            epoch=epoch,
            created_at="2026-01-01T00:00:00+00:00",
            encoder=encoder.fingerprint,
            dim=encoder.dim,
            chunker="chunker",
            shards=(shard_entry(folder),),
            document_count=len(records),
            chunk_count=len(records),
            languages=("en",),
            previous=Epoch(previous) if previous else None,
        )
    )
    return epoch


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """As the stub encoder makes them."""
    return HashEncoder().encode(list(texts), "passage")
