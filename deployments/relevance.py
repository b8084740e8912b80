"""How near each sentence of a found passage is to the question, by meaning.

A passage is found by its whole text; which of its sentences answers, shared words tell only within
one language. The vectors of sentences are kept: the same pages are found over and over.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import numpy as np

from models.catalog import Nearness
from serving.sources import asks, told_sentences
from serving.types import Documents, Passage

log = logging.getLogger("switchback.knowledge")

KEPT = 20_000  # sentences; 30 MB
DEADLINE_S = 1.5  # of the search's four seconds; without it words alone decide
ENCODER_DEADLINE_S = 30.0  # a page's sentences while a model writes on the same cores
MISSING = "relevance_missing"

EmbedPassages = Callable[[Sequence[str]], Awaitable[np.ndarray]]


class Relevance:
    """Puts numbers on sentences: 0 is what unrelated ones have, 1 a good answer's."""

    def __init__(
        self,
        embed: EmbedPassages,
        nearness: Nearness,
        deadline_s: float = DEADLINE_S,
        encoder_deadline_s: float = ENCODER_DEADLINE_S,
    ) -> None:
        self._embed = embed
        self._nearness = nearness
        self._deadline_s = deadline_s
        self._encoder_deadline_s = encoder_deadline_s
        self._vectors: OrderedDict[str, np.ndarray] = OrderedDict()
        self._coming: dict[str, asyncio.Task[None]] = {}

    async def weigh(self, found: Sequence[Documents], vectors: np.ndarray) -> list[Documents]:
        """The same documents, each passage with its sentences' relevance to its question."""
        texts = [[_texts(passage) for passage in one.passages] for one in found]
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._learn([text for one in texts for said in one for text in said])
        except Exception as error:  # noqa: BLE001  # the encoder is another application
            log.warning("sentences are not weighed: %s", type(error).__name__)
            return [replace(one, degraded=(*one.degraded, MISSING)) for one in found]
        return [
            replace(
                documents,
                passages=tuple(
                    replace(passage, relevance=self._of(said, vector))
                    for passage, said in zip(documents.passages, of_passages, strict=True)
                ),
            )
            for documents, of_passages, vector in zip(found, texts, vectors, strict=True)
        ]

    async def _learn(self, texts: Sequence[str]) -> None:
        """Returns when all are known. One that is given up goes on: the next question has it."""
        for text in texts:
            if text in self._vectors:
                self._vectors.move_to_end(text)
        unknown = list(dict.fromkeys(text for text in texts if text not in self._vectors))
        if new := [text for text in unknown if text not in self._coming]:
            fetching = asyncio.create_task(self._fetch(new))
            fetching.add_done_callback(_heard)
            self._coming.update(dict.fromkeys(new, fetching))
        if waited_for := {self._coming[text] for text in unknown}:
            await asyncio.gather(*map(asyncio.shield, waited_for))
        # Never fewer than this call needs.
        while len(self._vectors) > max(KEPT, len(texts)):
            self._vectors.popitem(last=False)

    async def _fetch(self, texts: Sequence[str]) -> None:
        try:
            async with asyncio.timeout(self._encoder_deadline_s):
                self._vectors.update(zip(texts, await self._embed(texts), strict=True))
        finally:
            for text in texts:
                del self._coming[text]

    def _of(self, texts: Sequence[str], vector: np.ndarray) -> tuple[float, ...]:
        if not texts:
            return ()
        near = np.stack([self._vectors[text] for text in texts]) @ vector
        low, high = self._nearness.unrelated, self._nearness.answering
        return tuple(round(float(one), 3) for one in (near - low) / (high - low))


def _heard(fetching: "asyncio.Task[None]") -> None:
    """Whoever waited has the error; when all gave up, it must not be reported as unseen."""
    if not fetching.cancelled():
        fetching.exception()


def _texts(passage: Passage) -> list[str]:
    """Its sentences with what they are about in front: "Duration: 5 days" of which trek?

    "Yes, 7 days before" answers the question that stands before it on the page.
    """
    texts, question = [], ""
    for said in told_sentences(passage.text):
        texts.append(f"{passage.title}: {question}{said}")
        if asks(said):
            question = f"{said} "
    return texts
