"""Sentences are weighed by meaning, each encoded once, and never at the cost of an answer."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from deployments.relevance import MISSING, Relevance
from models.catalog import Nearness
from tests.fakes.values import documents, passage

pytestmark = pytest.mark.anyio

NEARNESS = Nearness(unrelated=0.0, answering=0.5)
TWO = documents(passage("How big are groups?\nAt most 16.\nBring boots."))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Encoder:
    """Texts about groups point one way, others another."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        return np.array([[1.0, 0.0] if "At most" in text else [0.6, 0.8] for text in texts])


async def test_a_sentence_is_read_with_its_question_and_scaled() -> None:
    """The answer of a question on the page is encoded with it; 1 is what a good answer has."""
    encoder = Encoder()
    (found,) = await Relevance(encoder, NEARNESS).weigh([TWO], np.array([[0.0, 1.0]]))
    assert found.passages[0].relevance == (1.6, 0.0, 1.6)
    assert any("How big are groups? At most 16." in text for text in encoder.seen)


async def test_no_sentence_is_encoded_twice() -> None:
    """The same page found again costs nothing."""
    encoder = Encoder()
    relevance = Relevance(encoder, NEARNESS)
    for _ in range(2):
        await relevance.weigh([TWO, TWO], np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert len(encoder.seen) == len(set(encoder.seen))


async def test_an_encoder_that_hangs_leaves_the_passages_as_they_are() -> None:
    """Words alone decide then, and the answer says that something is missing."""

    async def hang(texts: Sequence[str]) -> np.ndarray:
        del texts
        await asyncio.Event().wait()
        raise AssertionError

    (found,) = await Relevance(hang, NEARNESS, deadline_s=0.01).weigh([TWO], np.ones((1, 2)))
    assert found.passages == TWO.passages
    assert found.degraded == (MISSING,)


async def test_sentences_that_came_too_late_serve_the_next_question() -> None:
    """A deadline ends the waiting, not the work: nothing is encoded twice, nothing is lost."""
    encoder, may_answer = Encoder(), asyncio.Event()

    async def slow(texts: Sequence[str]) -> np.ndarray:
        found = await encoder(texts)
        await may_answer.wait()
        return found

    relevance, vectors = Relevance(slow, NEARNESS, deadline_s=0.2), np.array([[0.0, 1.0]])
    (late,) = await relevance.weigh([TWO], vectors)
    again = asyncio.create_task(relevance.weigh([TWO], vectors))
    await asyncio.sleep(0)
    may_answer.set()
    (found,) = await again
    assert late.degraded == (MISSING,)
    assert found.passages[0].relevance == (1.6, 0.0, 1.6)
    assert len(encoder.seen) == len(set(encoder.seen))
