"""Meaning and words made one score: a convex combination of both, each scaled by its own best
(Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023).

It finds more than reciprocal rank fusion on the golden questions (evals/retrieval.py shows both),
because ranks forget that the best passage is far ahead of the second.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from models.types import Hit

# Cosines of the encoder lie close together; what is below the fiftieth counts as no match.
SPREAD = 50

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each ranking says; the golden questions are as good with 0.5 to 0.7 for words."""

    dense: float = 1.0
    lexical: float = 0.5


def fuse(
    cosines: Mapping[K, float], bm25: Mapping[K, float], weights: Weights | None = None
) -> dict[K, float]:
    """The score of each passage that was found by meaning, by words or by both."""
    weights = weights or Weights()
    dense = _scaled(cosines, _floor(cosines))
    lexical = _scaled(bm25, 0.0)
    return {
        key: weights.dense * dense.get(key, 0.0) + weights.lexical * lexical.get(key, 0.0)
        for key in (*cosines, *(key for key in bm25 if key not in cosines))
    }


def merge(shard_hits: Sequence[Sequence[Hit]], weights: Weights | None = None) -> list[Hit]:
    """All hits of several shards of one epoch, scored together, best first."""
    hits = {hit.chunk.chunk_id: hit for found in shard_hits for hit in found}
    cosines = {key: hit.dense for key, hit in hits.items() if hit.dense is not None}
    bm25 = {key: hit.lexical for key, hit in hits.items() if hit.lexical is not None}
    scores = fuse(cosines, bm25, weights)
    merged = [replace(hit, score=scores.get(key, 0.0)) for key, hit in hits.items()]
    return sorted(merged, key=lambda hit: (-hit.score, hit.chunk.chunk_id))


def _floor(cosines: Mapping[K, float]) -> float:
    """The cosine that counts as zero; below the worst when few were found, so that it counts."""
    best = sorted(cosines.values(), reverse=True)
    if len(best) > SPREAD:
        return best[SPREAD]
    return best[-1] - (best[0] - best[-1]) / SPREAD if best else 0.0


def _scaled(scores: Mapping[K, float], floor: float) -> dict[K, float]:
    """Linear from 0 at the floor to 1 for the best; 1 for all when they are equal."""
    if not scores:
        return {}
    width = max(scores.values()) - floor
    if width <= 0:
        return dict.fromkeys(scores, 1.0)
    return {key: max(0.0, (score - floor) / width) for key, score in scores.items()}
