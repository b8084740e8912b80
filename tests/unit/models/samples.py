"""Small chunk records and vectors for the tests of models."""

import numpy as np
from numpy.typing import NDArray

from models.types import ChunkRecord

TREKS = ("Everest Base Camp", "Annapurna Circuit", None)


def chunk(number: int) -> ChunkRecord:
    """A record that differs from its neighbours in type, language, trek and validity."""
    return ChunkRecord(
        chunk_id=f"c{number:04d}",
        doc=f"doc-{number // 5}",
        revision="r1",
        span=(number * 10, number * 10 + 9),
        text=f"passage word{number} about tents",
        title=f"Title {number % 7}",
        doc_type=("trek", "faq", "policy")[number % 3],
        language=("en", "hi", "es", "fr")[number % 4],
        trek=TREKS[number % 3],
        valid_from="2026-01-01" if number % 5 == 0 else None,
        valid_to="2026-06-30" if number % 2 == 0 else None,
        url=None if number % 2 else f"https://example.com/{number}",
        heading=("Top", f"Part {number % 4}")[: number % 3],
    )


def chunks(count: int) -> list[ChunkRecord]:
    """`count` of them."""
    return [chunk(number) for number in range(count)]


def unit_vectors(count: int, dim: int = 32, seed: int = 7) -> NDArray[np.float32]:
    """Random directions."""
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
