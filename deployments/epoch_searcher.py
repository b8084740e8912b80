"""Searching the shards of one epoch together: pinned to it, degraded when shards are missing.

Knows neither Ray nor where shards run; deployments/knowledge.py hosts it.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from deployments.relevance import Relevance
from deployments.reranker import RERANKED, Reranker
from deployments.shard_epochs import WATCH_EVERY_S, ShardEpochs, ShardQuery
from models.epochs import EpochStore
from models.manifest import Manifest
from models.question import Question, QuestionReader
from models.ranking import rank, trek_bonus
from models.tombstones import Tombstones, read_tombstones
from models.types import EncoderFingerprint, Epoch, Hit, ShardId
from serving.errors import Failure
from serving.ports import SearchQuery
from serving.types import Documents, Passage

log = logging.getLogger("switchback.knowledge")

ENCODER_DEADLINE_S = 1.5  # of the search's four seconds; without it words alone decide
SHARD_DEADLINE_S = 3.0
READY_DEADLINE_S = 120.0  # a shard may have to copy gigabytes first
CANDIDATES = 48  # from each shard, for a final five of different pages
POOL = 4  # for each passage wanted
LOCAL_FOR_S = 5.0  # when no shard answered, how long none is asked again
LOCAL_COPY = "shards_down:local_copy"
WORDS_ONLY = "encoder_missing:words_only"

Found = tuple[Hit, ...]


class Shard(Protocol):
    """One shard, wherever it runs."""

    async def ready(self, epoch: Epoch) -> bool: ...

    async def search(self, query: ShardQuery) -> list[Found]: ...


class Encoder(Protocol):
    """The encoder of questions, wherever it runs."""

    async def embed(self, text: str) -> np.ndarray: ...

    async def fingerprint(self) -> EncoderFingerprint: ...


@dataclass(frozen=True, slots=True)
class Refinement:
    """What looks once more at what was found; None: it is left out."""

    relevance: Relevance | None = None  # weighs sentences
    reranker: Reranker | None = None  # orders passages; else the fused order stands


@dataclass(frozen=True, slots=True)
class _Live:
    """What a query is pinned to: replaced as a whole, never changed."""

    manifest: Manifest
    reader: QuestionReader


class EpochSearcher:
    """Reads and embeds questions, asks all shards of the live epoch, ranks what comes back."""

    def __init__(
        self,
        store: EpochStore,
        shards: Sequence[Shard],
        encoder: Encoder,
        cache_dir: Path,
        refinement: Refinement | None = None,
        *,
        encoder_deadline_s: float = ENCODER_DEADLINE_S,
    ) -> None:
        self._store = store
        self._shards = shards
        self._encoder = encoder
        self._cache_dir = cache_dir
        self._encoder_deadline_s = encoder_deadline_s
        self._relevance = refinement.relevance if refinement else None
        self._reranker = refinement.reranker if refinement else None
        self._live: _Live | None = None
        self._tombstones = Tombstones()
        self._local = [
            ShardEpochs(store, ShardId(number), cache_dir) for number in range(len(shards))
        ]
        self._local_until = 0.0
        self._copying: asyncio.Task[None] | None = None

    @property
    def manifest(self) -> Manifest | None:
        """Of the live epoch; None before the first."""
        return None if self._live is None else self._live.manifest

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        """One answer per query, in order; all of the epoch that was live when they came."""
        live = self._live
        if live is None:
            return [Failure("retryable", "no epoch is live yet")] * len(queries)
        if not queries:
            return []
        asked = [live.reader.read(query.text) for query in queries]
        vectors = await self._embed(asked)
        query = ShardQuery(
            live.manifest.epoch,
            vectors,
            tuple(question.to_match for question in asked),
            tuple(query.filter for query in queries),
            max(CANDIDATES, POOL * max(query.k for query in queries)),
        )
        found, degraded = await self._scatter(query, len(live.manifest.shards))
        if not found:
            return [Failure("retryable", "no shard answered")] * len(queries)
        if vectors is None:
            degraded = (*degraded, WORDS_ONLY)
        answers = await asyncio.gather(
            *(
                self._answer(live, question, wanted.k, [hits[at] for hits in found], degraded)
                for at, (question, wanted) in enumerate(zip(asked, queries, strict=True))
            )
        )
        if self._relevance is None or vectors is None:
            return [*answers]
        return [*(await self._relevance.weigh(answers, vectors))]

    async def _embed(self, asked: Sequence[Question]) -> np.ndarray | None:
        """float32 (n, dim); None when the encoder, which is another application, does not answer:
        half the ranking beats none.
        """
        try:
            async with asyncio.timeout(self._encoder_deadline_s):
                embedded = (self._encoder.embed(question.to_embed) for question in asked)
                return np.stack(await asyncio.gather(*embedded))
        except Exception as error:  # noqa: BLE001  # a dead replica raises what it likes
            log.warning("searching by words alone, the encoder: %s", type(error).__name__)
            return None

    async def watch(self) -> None:
        """Follow the pointer and the tombstones for ever."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Once: read the tombstones, and move to the published epoch when it is ready."""
        try:
            self._tombstones = await asyncio.to_thread(read_tombstones, self._store.root)
            await self._follow()
        except Exception as error:  # noqa: BLE001  # the live epoch goes on answering
            log.warning("looking for a new epoch: %s", error)

    async def _follow(self) -> None:
        epoch = await asyncio.to_thread(self._store.current)
        if epoch is None or (self._live is not None and epoch == self._live.manifest.epoch):
            return
        manifest = await asyncio.to_thread(self._store.manifest, epoch)
        if not await self._fits(manifest):
            return
        used = self._shards[: len(manifest.shards)]
        async with asyncio.timeout(READY_DEADLINE_S):
            ready = await asyncio.gather(*(shard.ready(epoch) for shard in used))
        if not all(ready):
            log.error("epoch %s: shard %d is not ready", epoch, ready.index(False))
            return
        self._live = _Live(manifest, QuestionReader(manifest.treks))
        log.info("epoch %s is live", epoch)
        self._copying = asyncio.create_task(self._keep_copy(manifest))

    async def _fits(self, manifest: Manifest) -> bool:
        """Better the old epoch than one that this searcher cannot search whole."""
        if len(manifest.shards) > len(self._shards):
            log.error(
                "epoch %s has %d shards, %d are deployed",
                *(manifest.epoch, len(manifest.shards), len(self._shards)),
            )
            return False
        fingerprint = await self._encoder.fingerprint()
        if fingerprint != manifest.encoder:
            # Vectors of two encoders do not compare.
            log.error(
                "epoch %s was built with %s, not %s",
                *(manifest.epoch, manifest.encoder, fingerprint),
            )
            return False
        return True

    async def _keep_copy(self, manifest: Manifest) -> None:
        """The files of every shard on this machine, not in memory, for when no shard answers."""
        try:
            for number in range(len(manifest.shards)):
                await asyncio.to_thread(
                    self._store.local_shard, manifest, ShardId(number), self._cache_dir
                )
        except Exception as error:  # noqa: BLE001  # only the last resort is missing
            log.warning("no local copy of epoch %s: %s", manifest.epoch, error)

    async def _scatter(
        self, query: ShardQuery, num_shards: int
    ) -> tuple[list[list[Found]], tuple[str, ...]]:
        """What the shards found, and what is wrong with it; nothing where nobody answered."""
        if time.monotonic() >= self._local_until:
            answers = await asyncio.gather(
                *(_ask(n, shard, query) for n, shard in enumerate(self._shards[:num_shards]))
            )
            found = [hits for hits in answers if hits is not None]
            if found:
                missing = (n for n, hits in enumerate(answers) if hits is None)
                return found, tuple(f"shard_missing:{number}" for number in missing)
            self._local_until = time.monotonic() + LOCAL_FOR_S
        try:
            local = self._local[:num_shards]
            return await asyncio.gather(*(shard.search(query) for shard in local)), (LOCAL_COPY,)
        except Exception:
            log.exception("the local copy of epoch %s cannot be searched", query.epoch)
            return [], ()

    async def _answer(
        self,
        live: _Live,
        question: Question,
        k: int,
        found: Sequence[Found],
        degraded: tuple[str, ...],
    ) -> Documents:
        hides = self._tombstones.hides
        shown = [
            tuple(hit for hit in hits if not hides(hit.chunk.doc, hit.chunk.revision))
            for hits in found
        ]
        bonus = trek_bonus(question.treks)
        best: Sequence[Hit]
        if self._reranker is None:
            best = rank(shown, bonus, k)
        else:
            candidates = rank(shown, bonus, max(k, RERANKED))
            best, missing = await self._reranker.best(question.text, candidates, bonus, k)
            degraded = (*degraded, *missing)
        return Documents(live.manifest.epoch, tuple(map(_passage, best)), degraded)


async def _ask(number: int, shard: Shard, query: ShardQuery) -> list[Found] | None:
    """None for a shard that did not answer in time: a partial answer beats none."""
    try:
        async with asyncio.timeout(SHARD_DEADLINE_S):
            return await shard.search(query)
    except Exception as error:  # noqa: BLE001  # a dead replica raises what it likes
        log.warning("shard %d did not answer: %s", number, type(error).__name__)
        return None


def _passage(hit: Hit) -> Passage:
    chunk = hit.chunk
    return Passage(
        chunk_id=chunk.chunk_id,
        doc=chunk.doc,
        revision=chunk.revision,
        span=chunk.span,
        text=chunk.text,
        title=chunk.title,
        doc_type=chunk.doc_type,
        language=chunk.language,
        score=hit.score,
        trek=chunk.trek,
        url=chunk.url,
        valid_from=chunk.valid_from,
        valid_to=chunk.valid_to,
    )
