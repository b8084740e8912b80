"""A configured reranker decides the order; without its word the fused order stands."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from deployments.reranker import MISSING, Reranker
from models.ranking import trek_bonus
from models.types import Hit
from tests.unit.models.samples import chunk

pytestmark = pytest.mark.anyio

FOUND = [
    Hit(replace(chunk(number), doc=doc), score, score, None)
    for number, (doc, score) in enumerate((("a", 0.9), ("b", 0.8), ("c", 0.7)))
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_models_order_wins() -> None:
    """Its relevance replaces the fused score."""

    async def last_is_best(question: str, passages: Sequence[str]) -> np.ndarray:
        assert question == "how much?"
        return np.linspace(0.1, 0.9, len(passages), dtype=np.float32)

    best, missing = await Reranker(last_is_best).best("how much?", FOUND, trek_bonus(()), 2)
    assert [one.chunk.doc for one in best] == ["c", "b"]
    assert missing == ()


async def test_without_its_word_the_fused_order_stands() -> None:
    """One that is dead or slow costs no answer, and the answer says so."""

    async def dead(question: str, passages: Sequence[str]) -> np.ndarray:
        raise ConnectionError(question, passages)

    async def slow(question: str, passages: Sequence[str]) -> np.ndarray:
        await asyncio.Event().wait()
        raise AssertionError(question, passages)

    for score in (dead, slow):
        reranker = Reranker(score, deadline_s=0.05)
        best, missing = await reranker.best("how much?", FOUND, trek_bonus(()), 2)
        assert [one.chunk.doc for one in best] == ["a", "b"]
        assert missing == (MISSING,)
