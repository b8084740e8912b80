"""Meaning and words made one score: a convex combination of both, each scaled by its own best
(Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023).

It finds more than reciprocal rank fusion on the golden questions (evals/retrieval.py shows both),
because ranks forget that the best passage is far ahead of the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.types import Hit

# Cosines of the encoder lie close together; what is below the fiftieth counts as no match.
SPREAD = 50

Scores = NDArray[np.floating[Any]]
"""One for each passage; NaN: this ranking did not find it."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each ranking says; the golden questions are as good with 0.5 to 0.7 for words."""

    dense: float = 1.0
    lexical: float = 0.5


def fuse(cosines: Scores, bm25: Scores, weights: Weights | None = None) -> NDArray[np.float64]:
    """The score of each passage, whether it was found by meaning, by words or by both."""
    weights = weights or Weights()
    dense = _scaled(cosines, _floor(cosines))
    return weights.dense * dense + weights.lexical * _scaled(bm25, 0.0)


def merge(
    shard_hits: Sequence[Sequence[Hit]], weights: Weights | None = None
) -> list[tuple[float, Hit]]:
    """All hits of several shards of one epoch with a score of all together, best first."""
    hits = list({hit.chunk.chunk_id: hit for found in shard_hits for hit in found}.values())
    cosines = np.array([hit.dense for hit in hits], np.float64)  # None becomes NaN
    bm25 = np.array([hit.lexical for hit in hits], np.float64)
    scored = zip(fuse(cosines, bm25, weights).tolist(), hits, strict=True)
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].chunk.chunk_id))


def _floor(cosines: Scores) -> float:
    """The cosine that counts as zero; below the worst when few were found, so that it counts."""
    best = np.sort(cosines[~np.isnan(cosines)].astype(np.float64))[::-1]
    if len(best) > SPREAD:
        return float(best[SPREAD])
    return float(best[-1] - (best[0] - best[-1]) / SPREAD) if len(best) else 0.0


def _scaled(scores: Scores, floor: float) -> NDArray[np.float64]:
    """Linear from 0 at the floor to 1 for the best; 1 for all when they are equal; 0: not found."""
    exact = scores.astype(np.float64)
    found = ~np.isnan(exact)
    width = exact[found].max() - floor if found.any() else 0.0
    scaled = np.maximum((exact - floor) / width, 0.0) if width > 0 else np.ones_like(exact)
    return np.where(found, scaled, 0.0)
