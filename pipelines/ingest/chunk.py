"""Cutting a cleaned document into passages, by structure first and by tokens second.

Laws (held by property tests): the spans cover every character that is not white space; a passage is
the slice of the text at its span; none exceeds the token limit; spans are in order; an edit in one
section leaves the passages of other sections as they were.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.ingest.blocks import CleanDocument, Placed
from pipelines.ingest.config import ChunkSettings
from pipelines.ingest.tokens import TokenCounter

# A full stop, question or exclamation mark, danda or their East Asian forms, with closing quotes,
# then white space.
_SENTENCE_END = re.compile(r"[.!?…।॥。！？]+[\"'”’»)\]]*\s+|\n+")
# No vocabulary has longer tokens on average, so a prefix of this many characters is always over the
# limit.
_MAX_CHARS_PER_TOKEN = 24


@dataclass(frozen=True, slots=True)
class Chunk:
    """One passage: `text[start:end]` of the cleaned document."""

    start: int
    end: int
    heading: tuple[str, ...]
    """Headings above it, outermost first."""
    metadata: Mapping[str, str]
    """Of a table row: what its columns say about this passage alone."""


@dataclass(frozen=True, slots=True)
class _Atom:
    """What is not cut any further: a sentence, an item, a row; within the token limit."""

    start: int
    end: int


@dataclass(slots=True)
class _Section:
    """Blocks under one heading; a record is a section of its own."""

    heading: tuple[str, ...]
    blocks: list[Placed]
    metadata: Mapping[str, str]
    has_body: bool = False


def cut(document: CleanDocument, counter: TokenCounter, settings: ChunkSettings) -> list[Chunk]:
    """The passages of a document, in order of their start."""
    packer = _Packer(document.text, counter, settings)
    return [
        Chunk(start, end, section.heading, section.metadata)
        for section in _sections(document.blocks)
        for start, end in packer.pack(section.blocks)
    ]


def _sections(blocks: Sequence[Placed]) -> Iterator[_Section]:
    """Headings without a body of their own go with the section below them."""
    path: list[tuple[int, str]] = []
    current = _Section((), [], {})
    for placed in blocks:
        block = placed.block
        if block.kind == "heading":
            if current.has_body:
                yield current
                current = _Section((), [], {})
            path = [(level, text) for level, text in path if level < block.level]
            path.append((block.level, block.text))
        elif block.kind == "record":
            if current.has_body:
                yield current
                current = _Section((), [], {})
            yield _Section(_names(path), [*current.blocks, placed], block.metadata, has_body=True)
            current = _Section((), [], {})
            continue
        else:
            current.has_body = True
        current.blocks.append(placed)
        current.heading = _names(path)
    if current.blocks:
        yield current


def _names(path: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(text for _, text in path)


class _Packer:
    """Fills passages with atoms up to the token limit; each repeats the end of the one before."""

    def __init__(self, text: str, counter: TokenCounter, settings: ChunkSettings) -> None:
        self._text = text
        self._counter = counter
        self._settings = settings

    def pack(self, blocks: Sequence[Placed]) -> list[tuple[int, int]]:
        """Spans of the passages of one section."""
        atoms = [atom for placed in blocks for atom in self._atoms(placed)]
        spans: list[tuple[int, int]] = []
        first = 0
        while first < len(atoms):
            last = self._fill(atoms, first)
            spans.append((atoms[first].start, atoms[last].end))
            if last + 1 == len(atoms):
                break
            first = self._overlap_start(atoms, first, last)
        return spans

    def _fill(self, atoms: Sequence[_Atom], first: int) -> int:
        last = first
        while last + 1 < len(atoms) and self._fits(atoms[first].start, atoms[last + 1].end):
            last += 1
        return last

    def _overlap_start(self, atoms: Sequence[_Atom], first: int, last: int) -> int:
        """The earliest atom to repeat, such that the next passage still holds a new one."""
        start, end, limit = last + 1, atoms[last].end, self._settings.overlap_tokens
        while start - 1 > first and self._count(atoms[start - 1].start, end) <= limit:
            start -= 1
        while start <= last and not self._fits(atoms[start].start, atoms[last + 1].end):
            start += 1
        return start

    def _atoms(self, placed: Placed) -> Iterator[_Atom]:
        """Sentences of running text; items and rows whole where they fit."""
        if placed.block.kind != "paragraph" and self._fits(placed.start, placed.end):
            yield _Atom(placed.start, placed.end)
            return
        for start, end in _sentences(self._text, placed.start, placed.end):
            yield from self._split(start, end)

    def _split(self, start: int, end: int) -> Iterator[_Atom]:
        """A sentence longer than the limit, cut between words, or within one where there is no
        space.
        """
        while not self._fits(start, end):
            cut_at = self._longest_prefix(start, end)
            yield _Atom(start, _rstrip(self._text, start, cut_at))
            start = _lstrip(self._text, cut_at, end)
        yield _Atom(start, end)

    def _longest_prefix(self, start: int, end: int) -> int:
        """The last place to cut such that the part before it fits, found by halving."""
        low = start + 1
        high = min(end, start + self._settings.max_tokens * _MAX_CHARS_PER_TOKEN)
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(start, middle):
                low = middle
            else:
                high = middle - 1
        space = self._text.rfind(" ", start + 1, low)
        return space if space > start and self._fits(start, space) else low

    def _fits(self, start: int, end: int) -> bool:
        return self._count(start, end) <= self._settings.max_tokens

    def _count(self, start: int, end: int) -> int:
        return self._counter.count_tokens(self._text[start:end])


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the sentences between two offsets, without the white space around them."""
    begin = start
    for found in _SENTENCE_END.finditer(text, start, end):
        stop = _rstrip(text, begin, found.end())
        if stop > begin:
            yield begin, stop
        begin = found.end()
    if begin < end:
        yield begin, end


def _rstrip(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def _lstrip(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start
