"""From bytes to blocks: one reader per format, chosen by the file's ending.

A reader takes the bytes and the file's name and returns a `Parsed`, or raises Unreadable with a
reason a person can act on. It knows nothing of Ray, chunks or the index.
"""

from collections.abc import Callable
from pathlib import PurePosixPath

from pipelines.ingest.errors import Unreadable, Unsupported
from pipelines.ingest.readers.docx import read_docx
from pipelines.ingest.readers.html import read_html
from pipelines.ingest.readers.markdown import read_markdown
from pipelines.ingest.readers.parsed import Parsed
from pipelines.ingest.readers.pdf import read_pdf
from pipelines.ingest.readers.tables import read_csv, read_jsonl, read_parquet
from pipelines.ingest.readers.text import read_text

Reader = Callable[[bytes, str], list[Parsed]]

READERS: dict[str, Reader] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
    ".txt": read_text,
    ".text": read_text,
}


def reader_for(name: str) -> Reader:
    """The reader of a file of this name; raises Unsupported."""
    suffix = PurePosixPath(name).suffix.lower()
    try:
        return READERS[suffix]
    except KeyError:
        raise Unsupported(f"no reader for {suffix or 'a file without an ending'}") from None


def read(data: bytes, name: str) -> list[Parsed]:
    """The documents in a file: one, or one per row of a table with a text column.

    Libraries that parse foreign files raise anything at all on damaged ones, so every exception
    becomes Unreadable.
    """
    reader = reader_for(name)
    if not data.strip():
        raise Unreadable("empty file")
    try:
        return reader(data, name)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


__all__ = ["READERS", "Parsed", "read", "reader_for"]
