"""Markdown with YAML front matter."""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING

from pipelines.ingest.blocks import Block
from pipelines.ingest.metadata import split_front_matter
from pipelines.ingest.readers.encoding import decode
from pipelines.ingest.readers.parsed import Parsed
from pipelines.ingest.readers.rows import named_cells

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_TAG = re.compile(r"<[^>]*>")


def read_markdown(data: bytes, name: str) -> list[Parsed]:
    """One document; its title is the front matter's, else the first heading."""
    del name
    metadata, body = split_front_matter(decode(data))
    blocks = markdown_blocks(body)
    first = next((block.text for block in blocks if block.kind == "heading"), None)
    return [Parsed(blocks, {"title": first, **metadata} if first else metadata)]


def markdown_blocks(text: str) -> list[Block]:
    """The structure of Markdown text, without its marks."""
    return _Walk(_parser().parse(text)).blocks()


@lru_cache(maxsize=1)
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


class _Walk:
    """One pass over the token stream, remembering which list and which table it is in."""

    def __init__(self, tokens: "Sequence[Token]") -> None:
        self._tokens = tokens
        self._blocks: list[Block] = []
        self._bullets: list[str] = []  # of each open list: "-", or the next number
        self._pending_bullet = ""
        self._heading_level = 0
        self._header: list[str] = []
        self._cells: list[str] | None = None  # of the open table row

    def blocks(self) -> list[Block]:
        for token in self._tokens:
            self._take(token)
        return self._blocks

    def _take(self, token: "Token") -> None:
        match token.type:
            case "heading_open" | "heading_close":
                self._heading_level = int(token.tag[1:]) if token.nesting > 0 else 0
            case "bullet_list_open" | "ordered_list_open":
                ordered = token.type == "ordered_list_open"
                self._bullets.append(str(token.attrGet("start") or 1) if ordered else "-")
            case "bullet_list_close" | "ordered_list_close":
                self._bullets.pop()
            case "list_item_open":
                self._pending_bullet = self._next_bullet()
            case "table_open" | "tr_open" | "tr_close":
                self._take_table(token.type)
            case "inline":
                self._take_text(_plain(token))
            case "fence" | "code_block":
                self._blocks.append(Block("code", token.content))
            case "html_block":
                self._take_html(token.content)

    def _take_table(self, kind: str) -> None:
        if kind == "table_open":
            self._header = []
        elif kind == "tr_open":
            self._cells = []
        else:
            self._end_row()

    def _next_bullet(self) -> str:
        mark = self._bullets[-1]
        if mark == "-":
            return "- "
        self._bullets[-1] = str(int(mark) + 1)
        return f"{mark}. "

    def _take_text(self, text: str) -> None:
        if self._cells is not None:
            self._cells.append(text)
        elif self._heading_level:
            self._blocks.append(Block("heading", text, self._heading_level))
        elif self._bullets:
            self._blocks.append(Block("item", self._pending_bullet + text))
            self._pending_bullet = ""
        else:
            self._blocks.append(Block("paragraph", text))

    def _end_row(self) -> None:
        cells, self._cells = self._cells or [], None
        if not self._header:
            self._header = cells
        else:
            self._blocks.append(Block("row", named_cells(self._header, cells)))

    def _take_html(self, markup: str) -> None:
        if not markup.lstrip().startswith("<!--"):
            text = unescape(_TAG.sub(" ", markup))
            self._blocks.append(Block("paragraph", text))


def _plain(token: "Token") -> str:
    """The words of inline Markdown: link texts without addresses, images by their description."""
    parts: list[str] = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif child.type != "html_inline":
            parts.append(child.content)
    return "".join(parts)
