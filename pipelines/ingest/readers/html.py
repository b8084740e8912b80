"""HTML pages: the main text, by trafilatura, without menus and footers."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pipelines.ingest.blocks import Block
from pipelines.ingest.errors import Unreadable
from pipelines.ingest.readers.encoding import decode
from pipelines.ingest.readers.markdown import markdown_blocks
from pipelines.ingest.readers.parsed import Parsed

if TYPE_CHECKING:
    from configparser import ConfigParser

_LANG = re.compile(r"<html[^>]*\slang\s*=\s*[\"']?([A-Za-z-]+)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_HEAD_BYTES = 4096


def read_html(data: bytes, name: str) -> list[Parsed]:
    """One document. Title: its first heading, else `<title>`; language: `<html lang>`."""
    del name
    markup = _decode(data)
    blocks = _main_blocks(markup)
    metadata = {"title": _title(markup, blocks), "language": _first_group(_LANG, markup)}
    return [Parsed(blocks, {key: value for key, value in metadata.items() if value})]


def _decode(data: bytes) -> str:
    """The page's own charset wins over detection, not over valid UTF-8."""
    declared = _CHARSET.search(data[:_HEAD_BYTES])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if declared is not None:
            try:
                return data.decode(declared.group(1).decode("ascii"))
            except (LookupError, UnicodeDecodeError):
                pass
    return decode(data)


def _main_blocks(markup: str) -> list[Block]:
    import trafilatura

    # recall first: a price in a table that looks like decoration must not be dropped
    text = trafilatura.extract(
        markup,
        config=_settings(),
        output_format="markdown",
        include_tables=True,
        include_comments=False,
        favor_recall=True,
    )
    if not text:
        raise Unreadable("no main text found in the page")
    return markdown_blocks(text)


@lru_cache(maxsize=1)
def _settings() -> "ConfigParser":
    """By default a page of under 250 characters is taken for a failure and loses its structure."""
    from trafilatura.settings import use_config

    config: ConfigParser = use_config()
    config.set("DEFAULT", "MIN_EXTRACTED_SIZE", "20")
    config.set("DEFAULT", "MIN_OUTPUT_SIZE", "1")
    return config


def _title(markup: str, blocks: list[Block]) -> str | None:
    heading = next((block.text for block in blocks if block.kind == "heading"), None)
    if heading is not None:
        return heading
    import html

    found = _first_group(_TITLE, markup)
    return html.unescape(" ".join(found.split())) if found else None


def _first_group(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found.group(1) if found else None
