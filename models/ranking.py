"""The last order of passages: all shards' hits together, the named trek first, pages varied.

Only what finds more on the golden questions is here; evals/retrieval.py measures each part, and
those that were tried and left out.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from models.fusion import Weights, merge
from models.types import ChunkRecord, Hit

# On a scale where the best match by meaning is 1.
TREK_BONUS = 0.1
# For each better passage of the same document: only a clearly better one is a second of its page,
# so that five passages show about five pages, and rows of one table still come together.
REPEAT_PENALTY = 0.3

Bonus = Callable[[ChunkRecord], float]


def trek_bonus(treks: Sequence[str]) -> Bonus:
    """Prefer passages about a trek that the question names to those about another one."""

    def bonus(chunk: ChunkRecord) -> float:
        if not treks or chunk.trek is None:
            return 0.0
        return TREK_BONUS if chunk.trek in treks else -TREK_BONUS

    return bonus


def rank(
    shard_hits: Sequence[Sequence[Hit]],
    bonus: Bonus,
    k: int,
    *,
    weights: Weights | None = None,
    repeat_penalty: float = REPEAT_PENALTY,
) -> tuple[Hit, ...]:
    """The best `k` passages of several shards of one epoch, best first."""
    scored = [(score + bonus(hit.chunk), hit) for score, hit in merge(shard_hits, weights)]
    return vary(scored, k, repeat_penalty)


def vary(
    scored: Sequence[tuple[float, Hit]], k: int, repeat_penalty: float = REPEAT_PENALTY
) -> tuple[Hit, ...]:
    """The best `k`, best first, each worth less for every better one of its document."""
    pool = [(-score, hit.chunk.chunk_id, score, hit) for score, hit in scored]
    heapq.heapify(pool)
    chosen: list[Hit] = []
    taken: Counter[str] = Counter()
    while pool and len(chosen) < k:
        order, chunk_id, score, hit = heapq.heappop(pool)
        left = score - repeat_penalty * taken[hit.chunk.doc]
        if left < -order:  # worth less since a passage of its document was chosen: back in line
            heapq.heappush(pool, (-left, chunk_id, score, hit))
            continue
        chosen.append(replace(hit, score=left))
        taken[hit.chunk.doc] += 1
    return tuple(chosen)
