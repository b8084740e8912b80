"""PDF with a text layer, by pypdf."""

import io
import re

from pipelines.ingest.blocks import Block
from pipelines.ingest.errors import Unreadable
from pipelines.ingest.readers.parsed import Parsed

# A line that ends before this share of the page's longest line, with a full stop, ends its
# paragraph.
_SHORT_LINE_SHARE = 0.75
_HYPHEN = re.compile(r"(?<=[^\W\d_])-\n(?=[a-zà-ÿ])")
_BULLET = re.compile(r"^(?:[-*•‣◦·]|\d{1,3}[.)])\s+")
_SENTENCE_END = (".", "!", "?", ":", "।", "…")


def read_pdf(data: bytes, name: str) -> list[Parsed]:
    """One document; raises Unreadable when it is encrypted or only holds pictures of text."""
    del name
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("encrypted PDF")
    pages = [page.extract_text() for page in reader.pages]
    blocks = [block for page in pages for block in page_blocks(page)]
    if not blocks:
        raise Unreadable(f"no text layer on its {len(pages)} pages (scanned?)")
    title = reader.metadata.title if reader.metadata is not None else None
    return [Parsed(blocks, {"title": title} if title else {})]


def page_blocks(text: str) -> list[Block]:
    """Paragraphs and list items of a page whose lines are broken by its layout."""
    lines = [line.strip() for line in _HYPHEN.sub("", text).split("\n")]
    longest = max((len(line) for line in lines), default=0)
    blocks: list[Block] = []
    current: list[str] = []
    for line in lines:
        if current and (not line or _BULLET.match(line)):
            blocks.append(_block(current))
            current = []
        if line:
            current.append(line)
        if line and _ends_paragraph(line, longest):
            blocks.append(_block(current))
            current = []
    if current:
        blocks.append(_block(current))
    return blocks


def _ends_paragraph(line: str, longest: int) -> bool:
    return len(line) < longest * _SHORT_LINE_SHARE and line.endswith(_SENTENCE_END)


def _block(lines: list[str]) -> Block:
    text = " ".join(lines)
    return Block("item" if _BULLET.match(text) else "paragraph", text)
