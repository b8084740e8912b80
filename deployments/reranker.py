"""The reranker: a cross-encoder of the catalogue, on a deployment of its own.

Only where the profile names one. What it says replaces the fused score of the candidates; without
it, or when it does not answer in time, the fused order stands.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np

from deployments import logs
from models.open import open_reranker
from models.ranking import Bonus, vary
from models.types import Hit

log = logging.getLogger("switchback.knowledge")

RERANKED = 20  # candidates read by the model for a final five
DEADLINE_S = 1.0  # of the search's four seconds
MISSING = "reranker_missing"

Score = Callable[[str, Sequence[str]], Awaitable[np.ndarray]]


class RerankerHost:
    """Serves one cross-encoder."""

    async def __init__(self, model_id: str, models_dir: str, catalog: str | None) -> None:  # type: ignore[misc]  # Serve awaits it
        logs.adopt()
        self._model = open_reranker(model_id, Path(models_dir), Path(catalog) if catalog else None)
        await asyncio.to_thread(self._model.warm_up)

    async def score(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """Relevance of each passage, 0 to 1, float32 (len(passages),)."""
        return await asyncio.to_thread(self._model.relevance, question, passages)

    async def check_health(self) -> None:
        await asyncio.to_thread(self._model.check_health)


class Reranker:
    """The searcher's side of it."""

    def __init__(self, score: Score, deadline_s: float = DEADLINE_S) -> None:
        self._score = score
        self._deadline_s = deadline_s

    async def best(
        self, question: str, found: Sequence[Hit], bonus: Bonus, k: int
    ) -> tuple[Sequence[Hit], tuple[str, ...]]:
        """The best `k` of the candidates, which come best first, and what is missing."""
        try:
            async with asyncio.timeout(self._deadline_s):
                scores = await self._score(question, [hit.chunk.text for hit in found])
        except Exception as error:  # noqa: BLE001  # a dead replica raises what it likes
            log.warning("the candidates are not reranked: %s", type(error).__name__)
            return found[:k], (MISSING,)
        pairs = zip(scores.tolist(), found, strict=True)
        return vary([(score + bonus(hit.chunk), hit) for score, hit in pairs], k), ()
