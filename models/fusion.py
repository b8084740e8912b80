"""Two rankings made one: reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009)."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from models.types import Hit

# The constant of the paper: a first place counts 1/61, so that no single ranking decides alone.
RANK_CONSTANT = 60
# Demo corpus, 30 questions in four languages: first place right for 93 % with 0.7, for 87 % with 1
# and with vectors alone. Much less, and a name that only the words find would never come up.
LEXICAL_WEIGHT = 0.7

K = TypeVar("K", bound=Hashable)


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[K]], weights: Sequence[float] | None = None
) -> dict[K, float]:
    """Sum of weight / (60 + rank) over the rankings that hold the key, rank counted from 1."""
    scores: dict[K, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + weight / (RANK_CONSTANT + rank)
    return scores


def fuse(dense: Sequence[K], lexical: Sequence[K]) -> dict[K, float]:
    """The score of each passage in a ranking by meaning, a ranking by words, or both."""
    return reciprocal_rank_fusion([dense, lexical], [1.0, LEXICAL_WEIGHT])


def merge(shard_hits: Sequence[Sequence[Hit]], k: int) -> tuple[Hit, ...]:
    """The k best hits of several shards of one epoch.

    Ranks within a shard do not compare across shards, so both rankings are formed again over all
    hits.
    """
    hits = {hit.chunk.chunk_id: hit for found in shard_hits for hit in found}
    dense = _ranking([(hit.dense, chunk_id) for chunk_id, hit in hits.items()])
    lexical = _ranking([(hit.lexical, chunk_id) for chunk_id, hit in hits.items()])
    scores = fuse(dense, lexical)
    best = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))[:k]
    return tuple(replace(hits[chunk_id], score=scores[chunk_id]) for chunk_id in best)


def _ranking(scored: Sequence[tuple[float | None, str]]) -> list[str]:
    known = [(score, chunk_id) for score, chunk_id in scored if score is not None]
    return [chunk_id for _, chunk_id in sorted(known, key=lambda item: (-item[0], item[1]))]
