"""Two rankings made one: reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009)."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from models.types import Hit

# The constant of the paper: a first place counts 1/61, so that no single ranking decides alone.
RANK_CONSTANT = 60

K = TypeVar("K", bound=Hashable)


def reciprocal_rank_fusion(rankings: Sequence[Sequence[K]]) -> dict[K, float]:
    """Sum of 1 / (60 + rank) over the rankings that hold the key, rank counted from 1."""
    scores: dict[K, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1.0 / (RANK_CONSTANT + rank)
    return scores


def merge(shard_hits: Sequence[Sequence[Hit]], k: int) -> tuple[Hit, ...]:
    """The k best hits of several shards of one epoch.

    Ranks within a shard do not compare across shards, so both rankings are formed again over all
    hits.
    """
    hits = {hit.chunk.chunk_id: hit for found in shard_hits for hit in found}
    dense = _ranking([(hit.dense, chunk_id) for chunk_id, hit in hits.items()])
    lexical = _ranking([(hit.lexical, chunk_id) for chunk_id, hit in hits.items()])
    scores = reciprocal_rank_fusion([dense, lexical])
    best = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))[:k]
    return tuple(replace(hits[chunk_id], score=scores[chunk_id]) for chunk_id in best)


def _ranking(scored: Sequence[tuple[float | None, str]]) -> list[str]:
    known = [(score, chunk_id) for score, chunk_id in scored if score is not None]
    return [chunk_id for _, chunk_id in sorted(known, key=lambda item: (-item[0], item[1]))]
