"""What the trained heads see of a message: pieces of its words, and what the word lists say.

Training and serving call the same functions, so this file is part of the artefact's identity: a
change here asks for a new `VERSION` and new training.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from serving.types import INTENTS, EntityType, Intent, Request, Sentiment
from serving.understanding.script import Token, fold, transliterate

VERSION = 2
BUCKETS = 1 << 14  # of hashed pieces; 8 labels of 16-bit weights make 260 kB
PIECES = (3, 4, 5)  # letters
KINDS: tuple[EntityType, ...] = ("trek", "date", "price", "group_size")
SHORT, BRIEF = 2, 4  # words
_DIGITS = re.compile(r"\d+")
_FIRST_PICTURE = 0x2600  # signs and emoji begin here

Vector = NDArray[np.float32]


def pieces(text: str, words: Sequence[Token]) -> tuple[NDArray[np.int64], Vector]:
    """Buckets and weights of the pieces of the words: a sparse vector of length one."""
    counts: dict[int, int] = {}
    for piece in _pieces(text, words):
        bucket = crc32(piece.encode()) % BUCKETS
        counts[bucket] = counts.get(bucket, 0) + 1
    buckets = np.fromiter(counts, np.int64, len(counts))
    weights = np.log1p(np.fromiter(counts.values(), np.float32, len(counts)))
    length = np.float32(max(float(np.linalg.norm(weights)), 1e-6))
    return buckets, (weights / length).astype(np.float32)


def _pieces(text: str, words: Sequence[Token]) -> Iterator[str]:
    spelt = [_DIGITS.sub("0", word.key) for word in words]
    # Hindi is written in two scripts; in Latin letters each learns from the other.
    romanised = [fold(transliterate(word.key)) for word in words if word.deva]
    for word in (*spelt, *romanised):
        yield f"w:{word}"
        framed = f"<{word}>"
        for length in PIECES:
            for start in range(len(framed) - length + 1):
                yield framed[start : start + length]
    for before, after in zip(["^", *spelt], [*spelt, "$"], strict=True):
        yield f"b:{before} {after}"
    for sign in text:
        if sign in "?!¿¡" or ord(sign) >= _FIRST_PICTURE:
            yield f"s:{sign}"


def clues(
    scores: Mapping[Intent, float],
    kinds: frozenset[EntityType],
    sentiment: Sentiment,
    asked: Request,
    num_words: int,
) -> Vector:
    """What the word lists make of the message."""
    evidence = np.log(np.array([scores[intent] for intent in INTENTS], np.float32) + 1e-3)
    marks = [
        *(kind in kinds for kind in KINDS),
        sentiment == "negative",
        sentiment == "positive",
        *(asked == request for request in ("stop", "marketing", "start")),
        num_words <= SHORT,
        num_words <= BRIEF,
    ]
    return np.concatenate([evidence - evidence.mean(), np.array(marks, np.float32)])
