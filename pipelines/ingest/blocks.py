"""A document as structure: readers produce blocks, `assemble` makes the cleaned text that spans
refer to.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

BlockKind = Literal["heading", "paragraph", "item", "row", "record", "code"]

_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
# Control characters, byte-order marks, soft hyphens, zero-width spaces and bidirectional marks. The
# zero-width joiners U+200C and U+200D stay: Devanagari needs them.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060]"
)
_LINE_ENDS = re.compile(r"\r\n?|[\u0085\u2028\u2029\x0b\x0c]")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of structure. Rows of a table inside a page are `row`; rows of a table file are
    `record`.
    """

    kind: BlockKind
    text: str
    level: int = 0
    """Of a heading, 1 is the outermost."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Of a record: columns that say something about this passage alone, such as `trek`."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A block and where it lies in the cleaned text."""

    block: Block
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CleanDocument:
    """The cleaned text and its structure; `text[p.start:p.end] == p.block.text` for each placed
    block.
    """

    text: str
    blocks: tuple[Placed, ...]


def clean(text: str) -> str:
    """One form for equal text: NFC, plain spaces and line ends, nothing invisible."""
    text = _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text))
    text = _SPACES.sub(" ", _INVISIBLE.sub("", text))
    return "\n".join(line.strip() for line in text.split("\n")).strip()


def assemble(blocks: Iterable[Block]) -> CleanDocument:
    """Clean each block, drop empty ones and lay them out in order."""
    placed: list[Placed] = []
    parts: list[str] = []
    length = 0
    for block in blocks:
        text = clean(block.text)
        if not text:
            continue
        if placed:
            gap = _gap(placed[-1].block.kind, block.kind)
            parts.append(gap)
            length += len(gap)
        cleaned = Block(block.kind, text, block.level, block.metadata)
        placed.append(Placed(cleaned, length, length + len(text)))
        parts.append(text)
        length += len(text)
    return CleanDocument("".join(parts), tuple(placed))


def _gap(before: BlockKind, after: BlockKind) -> str:
    """Items of a list and rows of a table stand on consecutive lines."""
    return "\n" if before == after and after in ("item", "row", "record") else "\n\n"
