"""The published index in this process, searched as the product searches it."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from deployments.epoch_searcher import EpochSearcher, Refinement
from deployments.relevance import Relevance
from deployments.settings import Settings
from deployments.shard_epochs import ShardEpochs
from evals.frame.evaluation import Unavailable
from models.catalog import load_catalog
from models.epochs import EpochStore
from models.open import TextEncoder, open_encoder
from models.shard import IndexShard
from models.types import EncoderFingerprint, Epoch, ShardId
from serving.errors import Failure
from serving.ports import Embeddings, SearchQuery
from serving.types import Documents

PATIENCE_S = 600.0  # an evaluation waits for what a customer would not


class LocalEncoder:
    """`serving.ports.Embedder` with the encoder in this process; others go on meanwhile."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._one_at_a_time = asyncio.Lock()  # more would only share the cores

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        vectors = await self.encode(texts, "query")
        return Embeddings(str(self._encoder.fingerprint), vectors)

    async def encode(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> np.ndarray:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._encoder.encode, texts, kind)

    async def fingerprint(self) -> EncoderFingerprint:
        return self._encoder.fingerprint


class SearchEncoder:
    """The same encoder as the searcher sees it."""

    def __init__(self, encoder: LocalEncoder) -> None:
        self._encoder = encoder
        self.fingerprint = encoder.fingerprint

    async def embed(self, text: str) -> np.ndarray:
        vector: np.ndarray = (await self._encoder.encode([text], "query"))[0]
        return vector

    async def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return await self._encoder.encode(texts, "passage")


class AbsentEncoder(SearchEncoder):
    """One that is known and does not answer."""

    async def embed(self, text: str) -> np.ndarray:
        raise ConnectionError(text)


class LocalKnowledge:
    """`serving.ports.Knowledge` over all shards of the live epoch."""

    def __init__(
        self, searcher: EpochSearcher, store: EpochStore, epoch: Epoch, encoder: LocalEncoder
    ) -> None:
        self._searcher = searcher
        self._store = store
        self.epoch = epoch
        self.encoder = encoder

    @classmethod
    def open(cls, settings: Settings, *, encoder_away: bool = False) -> "LocalKnowledge":
        """`Unavailable` when nothing has been published or the encoder is not prepared.

        `encoder_away`: as while the encoder does not answer, words alone are searched.
        """
        store = EpochStore(settings.index_uri)
        epoch = store.current()
        if epoch is None:
            raise Unavailable(f"no index at {settings.index_uri}: run `switchback ingest run`")
        entry = load_catalog(settings.catalog).encoder(settings.profile)
        encoder = open_encoder(str(entry.id), settings.data_dir / "models", settings.catalog)
        encoder.warm_up()
        cache = Path(tempfile.mkdtemp(prefix="switchback-evals-"))
        numbers = range(len(store.manifest(epoch).shards))
        shards = [ShardEpochs(store, ShardId(number), cache) for number in numbers]
        local = LocalEncoder(encoder)
        own = AbsentEncoder(local) if encoder_away else SearchEncoder(local)
        near = None if encoder_away else entry.nearness
        relevance = Relevance(own.embed_passages, near, PATIENCE_S, PATIENCE_S) if near else None
        searcher = EpochSearcher(
            store, shards, own, cache, Refinement(relevance), encoder_deadline_s=PATIENCE_S
        )
        return cls(searcher, store, epoch, local)

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        if self._searcher.manifest is None:
            await self._searcher.look()
        return await self._searcher.search(queries)

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        return {trek.name: trek.aliases for trek in self._store.manifest(self.epoch).treks}

    @cached_property
    def pages(self) -> Mapping[str, str]:
        """Everything that the index holds of each document."""
        texts: dict[str, list[str]] = {}
        manifest = self._store.manifest(self.epoch)
        with tempfile.TemporaryDirectory(prefix="switchback-evals-") as cache:
            for number in range(len(manifest.shards)):
                folder = self._store.local_shard(manifest, ShardId(number), Path(cache))
                for chunk in IndexShard.load(folder, encoder=manifest.encoder).chunks():
                    texts.setdefault(chunk.doc, []).append(f"{chunk.title}\n{chunk.text}")
        return {doc: "\n".join(found) for doc, found in texts.items()}
