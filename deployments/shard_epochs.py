"""One shard of every epoch that is in use: the new one is loaded beside the old, and the old one is
let go when nobody has asked for it for a while.

Knows neither Ray nor the other shards; deployments/knowledge.py hosts it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.epochs import EpochStore
from models.errors import ManifestError
from models.shard import IndexShard
from models.types import Epoch, Hit, SearchFilter, ShardId

log = logging.getLogger("switchback.knowledge")

WATCH_EVERY_S = 2.0  # how soon a published epoch is noticed
KEEP_OLD_FOR_S = 30.0  # longer than any query that is pinned to the old epoch


@dataclass(frozen=True, slots=True)
class ShardQuery:
    """A batch of queries to one shard. Vectors are float32 (n, dim); None: by words alone."""

    epoch: Epoch
    vectors: np.ndarray | None
    texts: tuple[str, ...]
    filters: tuple[SearchFilter, ...]
    k: int
    """Hits wanted of each query."""


class ShardEpochs:
    """Opens shards when they are asked for; safe for concurrent calls of one event loop."""

    def __init__(
        self,
        store: EpochStore,
        shard: ShardId,
        cache_dir: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._shard = shard
        self._cache_dir = cache_dir
        self._clock = clock
        self._loaded: dict[Epoch, IndexShard] = {}
        self._used_at: dict[Epoch, float] = {}
        self._loading = asyncio.Lock()

    @property
    def in_memory(self) -> tuple[Epoch, ...]:
        return tuple(sorted(self._loaded))

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
            shard.search, query.vectors, query.texts, query.filters, query.k
        )

    async def watch(self) -> None:
        """Follow the pointer for ever, so that the searcher finds a new epoch loaded."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            with contextlib.suppress(OSError, ManifestError):  # the searcher says so
                live = await asyncio.to_thread(self._store.current)
                if live is not None:
                    await self.ready(live)
                    self.drop_idle(live)

    def drop_idle(self, live: Epoch) -> None:
        """Let go of epochs that are not live and have not been asked for lately."""
        now = self._clock()
        for epoch in [old for old in self._loaded if old != live]:
            if now - self._used_at[epoch] > KEEP_OLD_FOR_S:
                del self._loaded[epoch], self._used_at[epoch]

    async def _load(self, epoch: Epoch) -> IndexShard:
        self._used_at[epoch] = self._clock()
        if epoch in self._loaded:  # a query does not wait for another epoch's loading
            return self._loaded[epoch]
        async with self._loading:
            if epoch not in self._loaded:
                self._loaded[epoch] = await asyncio.to_thread(self._open, epoch)
            return self._loaded[epoch]

    def _open(self, epoch: Epoch) -> IndexShard:
        """Checked against the manifest and its checksums before anything of it is used."""
        manifest = self._store.manifest(epoch)
        folder = self._store.local_shard(manifest, self._shard, self._cache_dir)
        return IndexShard.load(folder, encoder=manifest.encoder)
