"""Retrieval: one deployment per index shard, and the searcher that asks all of them.

Every query is pinned to one epoch. Shard replicas look for a new epoch themselves and load it
beside the one in use; the searcher moves on when every shard has answered that it is ready.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, FastAPI, HTTPException, Query
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments import logs
from deployments.auth import require_api_key
from deployments.coalesce import Coalescer
from deployments.settings import load_settings
from models.epochs import EpochStore
from models.manifest import Manifest
from models.question import QuestionReader
from models.ranking import rank, trek_bonus
from models.shard import IndexShard
from models.types import Epoch, Hit, SearchFilter, ShardId
from serving.errors import Failure, Retryable
from serving.ports import SearchQuery
from serving.types import Documents, Passage

log = logging.getLogger("switchback.knowledge")

WATCH_EVERY_S = 2.0  # how soon a published epoch is noticed
SHARD_DEADLINE_S = 3.0
KEEP_OLD_FOR_S = 30.0  # longer than any query that is pinned to the old epoch
CANDIDATES = 48  # from each shard, for a final five of different pages


@dataclass(frozen=True, slots=True)
class ShardQuery:
    """A batch of queries to one shard. Vectors are float32 (n, dim)."""

    epoch: Epoch
    vectors: np.ndarray
    texts: tuple[str, ...]
    filters: tuple[SearchFilter, ...]


class ShardHost:
    """Serves one shard of every epoch that is in use."""

    async def __init__(self, shard: int) -> None:  # type: ignore[misc]  # Serve awaits it
        logs.adopt()
        settings = load_settings()
        self._shard = ShardId(shard)
        self._store = EpochStore(settings.index_uri)
        self._cache_dir = settings.data_dir / "index-cache"
        self._loaded: dict[Epoch, IndexShard] = {}
        self._used_at: dict[Epoch, float] = {}
        self._loading = asyncio.Lock()
        self._watcher = asyncio.create_task(self._watch())
        live = await asyncio.to_thread(self._store.current)
        if live is not None:
            await self._load(live)

    async def ready(self, epoch: Epoch) -> bool:
        """Load the epoch if need be. False: this shard of it cannot be loaded."""
        try:
            await self._load(epoch)
        except Exception:
            log.exception("shard %d of epoch %s cannot be loaded", self._shard, epoch)
            return False
        return True

    async def search(self, query: ShardQuery) -> list[tuple[Hit, ...]]:
        """Hits of each query, best first. An epoch that is not in memory is loaded first."""
        shard = await self._load(query.epoch)
        return await asyncio.to_thread(
            shard.search, query.vectors, query.texts, query.filters, CANDIDATES
        )

    async def check_health(self) -> None:
        if self._watcher.done():
            raise RuntimeError(f"shard {self._shard} no longer looks for new epochs")

    async def _load(self, epoch: Epoch) -> IndexShard:
        self._used_at[epoch] = time.monotonic()
        async with self._loading:
            if epoch not in self._loaded:
                self._loaded[epoch] = await asyncio.to_thread(self._open, epoch)
            return self._loaded[epoch]

    def _open(self, epoch: Epoch) -> IndexShard:
        manifest = self._store.manifest(epoch)
        folder = self._store.local_shard(manifest, self._shard, self._cache_dir)
        return IndexShard.load(folder, encoder=manifest.encoder)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            with contextlib.suppress(OSError):
                live = await asyncio.to_thread(self._store.current)
                if live is not None:
                    await self.ready(live)
                    self._drop_idle(live)

    def _drop_idle(self, live: Epoch) -> None:
        now = time.monotonic()
        for epoch in [old for old in self._loaded if old != live]:
            if now - self._used_at[epoch] > KEEP_OLD_FOR_S:
                del self._loaded[epoch], self._used_at[epoch]


# These stand above the class: serve.ingress copies it, with the names that exist by then.


@cache
def _encoder() -> DeploymentHandle:
    """Found late: the applications may start and restart in any order."""
    return serve.get_deployment_handle("encoder", "models")


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


web = FastAPI(title="Switchback knowledge", docs_url=None, redoc_url=None)


@serve.ingress(web)
class Searcher:
    """Embeds queries, scatters them to the shards, merges and ranks what comes back."""

    async def __init__(self, shards: Sequence[DeploymentHandle]) -> None:  # type: ignore[misc]
        logs.adopt()
        self._shards = shards
        self._store = EpochStore(load_settings().index_uri)
        self._embed: Coalescer[str, np.ndarray] = Coalescer(self._embed_many)
        self._manifest: Manifest | None = None
        self._reader = QuestionReader(())
        self._watcher = asyncio.create_task(self._watch())
        with contextlib.suppress(Exception):  # the watcher tries again, and says so
            await self._follow()

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        """One answer per query, in order; all of the epoch that was live when they came."""
        if self._manifest is None:
            return [Failure("retryable", "no epoch is live yet")] * len(queries)
        manifest = self._manifest
        asked = [self._reader.read(query.text) for query in queries]
        try:
            vectors = np.stack(await asyncio.gather(*(self._embed(q.to_embed) for q in asked)))
        except Exception as error:  # noqa: BLE001  # the encoder is another application
            return [Failure.of(Retryable(f"encoder: {error}"))] * len(queries)
        filters = tuple(query.filter for query in queries)
        texts = tuple(question.to_match for question in asked)
        found = await self._scatter(ShardQuery(manifest.epoch, vectors, texts, filters))
        return [
            self._answer(
                manifest, question.treks, query.k, [None if of is None else of[at] for of in found]
            )
            for at, (query, question) in enumerate(zip(queries, asked, strict=True))
        ]

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        """Canonical trek name to its aliases, of the live epoch."""
        treks = () if self._manifest is None else self._manifest.treks
        return {trek.name: trek.aliases for trek in treks}

    async def epoch(self) -> Epoch | None:
        return None if self._manifest is None else self._manifest.epoch

    async def check_health(self) -> None:
        if self._watcher.done():
            raise RuntimeError("the searcher no longer looks for new epochs")

    @web.get("/search", dependencies=[Depends(require_api_key)])
    async def search_over_http(
        self,
        q: Annotated[str, Query(min_length=1, max_length=2000)],
        k: Annotated[int, Query(ge=1, le=20)] = 5,
        lang: str | None = None,
        type: str | None = None,  # noqa: A002  # the parameter's public name
    ) -> dict[str, Any]:
        """The best passages for a question, with their sources."""
        chosen = SearchFilter(
            doc_types=(type,) if type else None, languages=(lang,) if lang else None
        )
        [answer] = await self.search([SearchQuery(q, chosen, k)])
        if isinstance(answer, Failure):
            raise HTTPException(503, answer.detail)
        return {
            "epoch": answer.epoch,
            "degraded": answer.degraded,
            "hits": [
                {name: getattr(passage, name) for name in Passage.__slots__}
                for passage in answer.passages
            ],
        }

    async def _embed_many(self, texts: Sequence[str]) -> list[np.ndarray | Failure]:
        return list(await _encoder().encode.remote(list(texts), "query"))

    async def _scatter(self, query: ShardQuery) -> list[list[tuple[Hit, ...]] | None]:
        """Each shard's hits, or None for a shard that did not answer in time."""

        async def ask(number: int, shard: DeploymentHandle) -> list[tuple[Hit, ...]] | None:
            try:
                async with asyncio.timeout(SHARD_DEADLINE_S):
                    hits: list[tuple[Hit, ...]] = await shard.search.remote(query)
                    return hits
            except Exception as error:  # noqa: BLE001  # a partial answer beats none
                log.warning("shard %d did not answer: %s", number, type(error).__name__)
                return None

        return await asyncio.gather(*(ask(at, shard) for at, shard in enumerate(self._shards)))

    @staticmethod
    def _answer(
        manifest: Manifest, treks: Sequence[str], k: int, found: Sequence[tuple[Hit, ...] | None]
    ) -> Documents | Failure:
        missing = tuple(f"shard_missing:{n}" for n, hits in enumerate(found) if hits is None)
        if len(missing) == len(found):
            return Failure("retryable", "no shard answered")
        hits = [answers for answers in found if answers is not None]
        best = rank(hits, trek_bonus(treks), k)
        return Documents(manifest.epoch, tuple(map(_passage, best)), missing)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001  # the live epoch goes on answering
                log.warning("looking for a new epoch: %s", error)

    async def _follow(self) -> None:
        """Move to the published epoch once every shard has it in memory."""
        live = await asyncio.to_thread(self._store.current)
        if live is None or (self._manifest is not None and live == self._manifest.epoch):
            return
        ready = await asyncio.gather(*(shard.ready.remote(live) for shard in self._shards))
        if not all(ready):
            return
        manifest = await asyncio.to_thread(self._store.manifest, live)
        fingerprint = await _encoder().fingerprint.remote()
        if fingerprint != manifest.encoder:
            # Vectors of two encoders do not compare: better the old epoch than wrong answers.
            log.error("epoch %s was built with another encoder: %s", live, manifest.encoder)
            return
        self._reader = QuestionReader(manifest.treks)
        self._manifest = manifest
        log.info("epoch %s is live", live)
