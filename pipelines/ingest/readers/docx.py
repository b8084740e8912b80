"""Word documents, by python-docx: headings by their style, lists, tables."""

import io
import re
from typing import TYPE_CHECKING

from pipelines.ingest.blocks import Block
from pipelines.ingest.errors import Unreadable
from pipelines.ingest.readers.parsed import Parsed
from pipelines.ingest.readers.rows import named_cells

if TYPE_CHECKING:
    from docx.table import Table
    from docx.text.paragraph import Paragraph

_HEADING = re.compile(r"^(?:heading|überschrift|titre|título)\s*(\d)", re.IGNORECASE)


def read_docx(data: bytes, name: str) -> list[Parsed]:
    """One document; its title is the file property, else the first heading."""
    del name
    from docx import Document
    from docx.table import Table

    document = Document(io.BytesIO(data))
    blocks: list[Block] = []
    for part in document.iter_inner_content():
        blocks += _rows(part) if isinstance(part, Table) else [_paragraph(part)]
    if not any(block.text.strip() for block in blocks):
        raise Unreadable("no text in the document")
    heading = next((block.text for block in blocks if block.kind == "heading"), None)
    title = document.core_properties.title or heading
    return [Parsed(blocks, {"title": title} if title else {})]


def _paragraph(paragraph: "Paragraph") -> Block:
    style = (paragraph.style.name if paragraph.style is not None else "") or ""
    heading = _HEADING.match(style)
    if heading is not None:
        return Block("heading", paragraph.text, int(heading.group(1)))
    if style.lower() == "title":
        return Block("heading", paragraph.text, 1)
    if style.lower().startswith("list") and paragraph.text.strip():
        return Block("item", f"- {paragraph.text}")
    return Block("paragraph", paragraph.text)


def _rows(table: "Table") -> list[Block]:
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    return [Block("row", named_cells(rows[0], row)) for row in rows[1:]] if rows else []
