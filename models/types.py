"""The nouns that other rooms may know of what is loaded and served.

Imported on the hot path, so it stays on the standard library: no numpy, torch, faiss or pydantic
here. Everything is a frozen, picklable value: it may cross a process.
"""

import copyreg
import sys
from dataclasses import dataclass, fields, is_dataclass
from operator import attrgetter
from typing import Any, Literal, NewType

ModelId = NewType("ModelId", str)
Epoch = NewType("Epoch", str)
ShardId = NewType("ShardId", int)
EncoderFingerprint = NewType("EncoderFingerprint", str)

Tier = Literal["fast", "reasoning", "realtime", "quality"]


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """One passage of a document, with what is needed to cite and to filter it."""

    chunk_id: str
    """Hash of document, revision, chunker and encoder fingerprints and span."""
    doc: str
    revision: str
    span: tuple[int, int]
    """Start and end character offsets in the cleaned text of that revision."""
    text: str
    title: str
    doc_type: str
    language: str
    """ISO 639-1 code."""
    trek: str | None
    """Name of the trek the passage is about; None: it is about no trek in particular."""
    valid_from: str | None
    """ISO date, inclusive; None: always has been valid."""
    valid_to: str | None
    """ISO date, inclusive; None: stays valid."""
    url: str | None
    heading: tuple[str, ...]
    """Headings above the passage, outermost first."""


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """What a hit must satisfy; a field that is None does not restrict."""

    doc_types: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    treks: tuple[str, ...] | None = None
    """Passages about one of these treks, or about no trek in particular."""
    valid_on: str | None = None
    """ISO date on which the passage must be valid."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; `score` orders hits, the other two say why it was found."""

    chunk: ChunkRecord
    score: float
    """Of both rankings together; comparable within one query only."""
    dense: float | None
    """Cosine similarity to the query; None: found by words, in an index that cannot tell it."""
    lexical: float | None
    """BM25 score; None: no word matches. Nearly comparable across shards of one epoch."""


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What one shard of one epoch answers to one query."""

    epoch: Epoch
    shard: ShardId
    hits: tuple[Hit, ...]


def pickle_by_position(module: str) -> None:
    """Let the dataclasses of a module cross processes as their class and their fields, in order.

    A frozen dataclass with slots otherwise looks its fields up anew for every single value, which
    takes more than twice as long: milliseconds of every turn.
    """
    for kind in list(vars(sys.modules[module]).values()):
        if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module:
            copyreg.pickle(kind, _reducer(kind))


def _reducer(kind: type[Any]) -> Any:
    names = [field.name for field in fields(kind)]
    if len(names) == 1:  # of one name attrgetter gives the bare value
        return lambda value: (kind, (getattr(value, names[0]),))
    read = attrgetter(*names)
    return lambda value: (kind, read(value))


pickle_by_position(__name__)
