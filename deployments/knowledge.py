"""Retrieval on Ray Serve: one deployment per index shard, and the searcher that asks all of them.

What they do is in shard_epochs.py and epoch_searcher.py; this is where they run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, FastAPI, HTTPException, Query
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments import logs
from deployments.auth import require_api_key
from deployments.coalesce import Coalescer
from deployments.epoch_searcher import EpochSearcher, Refinement
from deployments.relevance import Relevance
from deployments.reranker import Reranker
from deployments.settings import Settings, load_settings
from deployments.shard_epochs import ShardEpochs, ShardQuery
from deployments.transport import remote
from models.catalog import load_catalog
from models.epochs import EpochStore
from models.run_progress import newest_run
from models.types import EncoderFingerprint, Epoch, Hit, SearchFilter, ShardId
from serving.errors import Failure
from serving.ports import SearchQuery
from serving.types import Documents, Passage

CACHE_FOLDER = "index-cache"  # in the data folder


class ShardHost:
    """Serves one shard of every epoch that is in use."""

    async def __init__(self, shard: int) -> None:  # type: ignore[misc]  # Serve awaits it
        logs.adopt()
        settings = load_settings()
        store = EpochStore(settings.index_uri)
        self._epochs = ShardEpochs(store, ShardId(shard), settings.data_dir / CACHE_FOLDER)
        self._watcher = asyncio.create_task(self._epochs.watch())
        live = await asyncio.to_thread(store.current)
        if live is not None:
            await self._epochs.ready(live)

    async def ready(self, epoch: Epoch) -> bool:
        return await self._epochs.ready(epoch)

    async def search(self, query: ShardQuery) -> list[tuple[Hit, ...]]:
        return await self._epochs.search(query)

    async def check_health(self) -> None:
        if self._watcher.done():
            raise RuntimeError("the shard no longer looks for new epochs")


# These stand above the class: serve.ingress copies it, with the names that exist by then.


class RemoteShard:
    """A shard behind its Serve handle."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._ready = remote(handle, "ready")
        self._search = remote(handle, "search")

    async def ready(self, epoch: Epoch) -> bool:
        return bool(await self._ready(epoch))

    async def search(self, query: ShardQuery) -> list[tuple[Hit, ...]]:
        hits: list[tuple[Hit, ...]] = await self._search(query)
        return hits


class RemoteEncoder:
    """The encoder of the models application; questions of one moment go together."""

    def __init__(self) -> None:
        self._coalesced: Coalescer[str, np.ndarray] = Coalescer(_embed_many)

    async def embed(self, text: str) -> np.ndarray:
        return await self._coalesced(text)

    async def fingerprint(self) -> EncoderFingerprint:
        found: EncoderFingerprint = await remote(_encoder(), "fingerprint")()
        return found


async def _embed_many(texts: Sequence[str]) -> list[np.ndarray | Failure]:
    return list(await _encode()(list(texts), "query"))


@cache
def _encode() -> Callable[..., Awaitable[Any]]:
    return remote(_encoder(), "encode")


def _relevance(settings: Settings) -> Relevance | None:
    """None for an encoder whose cosines were never measured, as the stub's."""
    if settings.models == "stub":
        return None
    nearness = load_catalog(settings.catalog).encoder(settings.profile).nearness
    return Relevance(_embed_passages, nearness) if nearness else None


async def _embed_passages(texts: Sequence[str]) -> np.ndarray:
    found: np.ndarray = await _encode()(list(texts), "passage")
    return found


@cache
def _encoder() -> DeploymentHandle:
    """Found late: the applications may start and restart in any order."""
    return serve.get_deployment_handle("encoder", "models")


web = FastAPI(title="Switchback knowledge", docs_url=None, redoc_url=None)


@web.get("/ingest", dependencies=[Depends(require_api_key)])
def newest_ingestion() -> dict[str, Any]:
    """How far the newest ingestion run is: stage, rates, queues, time left, outcome."""
    found = newest_run(load_settings().index_uri)
    if found is None:
        raise HTTPException(404, "no run was made yet")
    return found


@serve.ingress(web)
class Searcher:
    """Answers the other applications and, over HTTP, other programs."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, shards: Sequence[DeploymentHandle], reranker: DeploymentHandle | None = None
    ) -> None:
        logs.adopt()
        settings = load_settings()
        self._searcher = EpochSearcher(
            EpochStore(settings.index_uri),
            [RemoteShard(shard) for shard in shards],
            RemoteEncoder(),
            settings.data_dir / CACHE_FOLDER,
            Refinement(
                _relevance(settings),
                Reranker(remote(reranker, "score")) if reranker is not None else None,
            ),
        )
        self._watcher = asyncio.create_task(self._searcher.watch())
        await self._searcher.look()

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        """One answer per query, in order; all of the epoch that was live when they came."""
        return await self._searcher.search(queries)

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        """Canonical trek name to its aliases, of the live epoch."""
        manifest = self._searcher.manifest
        return {} if manifest is None else {trek.name: trek.aliases for trek in manifest.treks}

    async def epoch(self) -> Epoch | None:
        manifest = self._searcher.manifest
        return None if manifest is None else manifest.epoch

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
