"""How alike two texts are, from a few hundred bytes of each.

The bottom-k sketch (Broder 1997, "On the resemblance and containment of documents"): the k smallest
hashes of a text's shingles of three words. Exact for texts of up to k shingles; for longer ones the
Jaccard similarity is estimated with a standard error under 0.03 near 0.9.
"""

import re
import zlib

import numpy as np
from numpy.typing import NDArray

SKETCH_SIZE = 128
_SHINGLE_WORDS = 3
_WORD = re.compile(r"[\w\u0900-\u0963]+")

Sketch = NDArray[np.uint32]


def sketch_of(text: str) -> bytes:
    """The sketch as little-endian unsigned 32-bit numbers, ascending."""
    words = _WORD.findall(text.casefold())
    last = max(1, len(words) - _SHINGLE_WORDS + 1)
    hashes = {zlib.crc32(" ".join(words[at : at + _SHINGLE_WORDS]).encode()) for at in range(last)}
    # crc32 of similar texts is close; multiplying by an odd constant spreads it over the range.
    spread = np.fromiter(hashes, np.uint32) * np.uint32(2_654_435_761)
    return np.sort(spread)[:SKETCH_SIZE].astype("<u4").tobytes()


def unpacked(sketch: bytes) -> Sketch:
    """The numbers of a sketch."""
    return np.frombuffer(sketch, "<u4")


def similarity(one: Sketch, other: Sketch) -> float:
    """Share of shingles that two texts have in common, 0 to 1."""
    union = np.union1d(one, other)[:SKETCH_SIZE]
    shared = np.intersect1d(one, other, assume_unique=True)
    return float(np.isin(union, shared, assume_unique=True).sum() / len(union))
