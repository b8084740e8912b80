"""Plain text: paragraphs between blank lines."""

import re

from pipelines.ingest.blocks import Block
from pipelines.ingest.metadata import split_front_matter
from pipelines.ingest.readers.encoding import decode
from pipelines.ingest.readers.parsed import Parsed

_BLANK_LINES = re.compile(r"\n[ \t]*\n+")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+")
_UNDERLINE = re.compile(r"^(=|-|~){3,}$")


def read_text(data: bytes, name: str) -> list[Parsed]:
    """One document; lines of one paragraph are joined, list lines are kept apart."""
    del name
    metadata, body = split_front_matter(decode(data))
    paragraphs = _BLANK_LINES.split(body.replace("\r\n", "\n").replace("\r", "\n"))
    blocks = [block for paragraph in paragraphs for block in _paragraph(paragraph)]
    return [Parsed(blocks, metadata)]


def _paragraph(text: str) -> list[Block]:
    lines = [line for line in text.split("\n") if line.strip()]
    under = lines[1].strip() if len(lines) > 1 else ""
    if _UNDERLINE.match(under):
        level = 1 if under.startswith("=") else 2
        return [Block("heading", lines[0], level), *_paragraph("\n".join(lines[2:]))]
    blocks: list[Block] = []
    for line in lines:
        if _BULLET.match(line):
            blocks.append(Block("item", line.strip()))
        elif blocks:
            blocks[-1] = Block(blocks[-1].kind, f"{blocks[-1].text} {line.strip()}")
        else:
            blocks.append(Block("paragraph", line.strip()))
    return blocks
