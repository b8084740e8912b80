"""Table files: CSV, TSV, JSON Lines, Parquet.

A table with a `text` column is a list of documents, one a row, its other columns their metadata.
Any other table is one document whose rows are passages that repeat the column names.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from pipelines.ingest.blocks import Block
from pipelines.ingest.errors import Unreadable
from pipelines.ingest.metadata import FIELDS
from pipelines.ingest.readers.encoding import decode
from pipelines.ingest.readers.markdown import markdown_blocks
from pipelines.ingest.readers.parsed import Parsed
from pipelines.ingest.readers.rows import named_cells

TEXT_COLUMNS = ("text", "content", "body")
ID_COLUMNS = ("id", "doc_id", "key", "slug")
# Columns whose value in a row says something about that passage, beside being part of its text.
_ROW_METADATA = FIELDS - {"revision", "supersedes", "aliases", "title"}

Row = Mapping[str, Any]


def read_csv(data: bytes, name: str) -> list[Parsed]:
    """Comma, semicolon, tab or pipe separated, with a header line."""
    text = decode(data)
    delimiter = "\t" if PurePosixPath(name).suffix.lower() == ".tsv" else _delimiter(text)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return _documents([_csv_row(row, reader.line_num) for row in reader])


def read_jsonl(data: bytes, name: str) -> list[Parsed]:
    """One JSON object a line."""
    del name
    rows: list[Row] = []
    for number, line in enumerate(decode(data).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise Unreadable(f"line {number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise Unreadable(f"line {number}: not a JSON object")
        rows.append(row)
    return _documents(rows)


def read_parquet(data: bytes, name: str) -> list[Parsed]:
    """Any Parquet table of scalar columns."""
    del name
    import pyarrow.parquet as pq

    return _documents(pq.read_table(io.BytesIO(data)).to_pylist())


def _delimiter(text: str) -> str:
    """The candidate that occurs most often in the header line."""
    header = text.split("\n", 1)[0]
    return max(",;\t|", key=header.count)


def _csv_row(row: dict[str | Any, Any], line: int) -> Row:
    if None in row:
        raise Unreadable(f"line {line}: more cells than the header has names")
    return {key.strip(): value for key, value in row.items() if value is not None}


def _documents(rows: list[Row]) -> list[Parsed]:
    if not rows:
        raise Unreadable("a table without rows")
    columns = {column for row in rows for column in row}
    text_column = next((column for column in TEXT_COLUMNS if column in columns), None)
    if text_column is None:
        if not any(_is_text(value) for row in rows for value in row.values()):
            names = ", ".join(sorted(str(column) for column in columns))
            raise Unreadable(f"no column holds text: {names}")
        return [Parsed([_record(row) for row in rows])]
    id_column = next((column for column in ID_COLUMNS if column in columns), None)
    return [
        _row_document(row, text_column, _part(row, id_column, number))
        for number, row in enumerate(rows, start=1)
    ]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and any(character.isalpha() for character in value)


def _part(row: Row, id_column: str | None, number: int) -> str:
    value = row.get(id_column) if id_column is not None else None
    return str(value) if value not in (None, "") else f"row-{number}"


def _row_document(row: Row, text_column: str, part: str) -> Parsed:
    metadata = {
        key: value for key, value in row.items() if key in FIELDS and value not in (None, "")
    }
    return Parsed(markdown_blocks(str(row[text_column] or "")), metadata, part)


def _record(row: Row) -> Block:
    shown = [(name, _cell(value)) for name, value in row.items() if name not in ID_COLUMNS]
    text = named_cells([name for name, _ in shown], [value for _, value in shown])
    metadata = {key: _cell(row[key]) for key in _present(row, _ROW_METADATA)}
    return Block("record", text, metadata=metadata)


def _present(row: Row, keys: Iterable[str]) -> list[str]:
    return [key for key in sorted(keys) if row.get(key) not in (None, "")]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(part) for part in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
