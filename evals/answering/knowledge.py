"""The published index in this process, behind the port of the request path."""

import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from deployments.settings import Settings
from evals.frame.evaluation import Unavailable
from models.catalog import load_catalog
from models.epochs import EpochStore
from models.open import TextEncoder, open_encoder
from models.types import Epoch, Hit
from pipelines.ingest.search import EpochSearch
from serving.errors import Failure
from serving.ports import SearchQuery
from serving.types import Documents, Passage

FIELDS = tuple(name for name in Passage.__slots__ if name != "score")


class LocalKnowledge:
    """`serving.ports.Knowledge` over all shards of the live epoch."""

    def __init__(self, search: EpochSearch, encoder: TextEncoder) -> None:
        self._search = search
        self._encoder = encoder

    @classmethod
    def open(cls, settings: Settings) -> "LocalKnowledge":
        """`Unavailable` when nothing has been published or the encoder is not prepared."""
        store = EpochStore(settings.index_uri)
        epoch = store.current()
        if epoch is None:
            raise Unavailable(f"no index at {settings.index_uri}: run `switchback ingest run`")
        catalog = load_catalog(settings.catalog)
        model = str(catalog.encoder(settings.profile).id)
        encoder = open_encoder(model, settings.data_dir / "models", settings.catalog)
        encoder.warm_up()
        cache = Path(tempfile.mkdtemp(prefix="switchback-evals-"))
        return cls(EpochSearch.open(store, epoch, cache), encoder)

    @property
    def epoch(self) -> Epoch:
        return self._search.manifest.epoch

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        return [self._answer(query) for query in queries]

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        return {trek.name: trek.aliases for trek in self._search.manifest.treks}

    @cached_property
    def pages(self) -> Mapping[str, str]:
        """Everything that the index holds of each document."""
        texts: dict[str, list[str]] = {}
        for shard in self._search.shards:
            for chunk in shard.chunks():
                texts.setdefault(chunk.doc, []).append(f"{chunk.title}\n{chunk.text}")
        return {doc: "\n".join(found) for doc, found in texts.items()}

    def _answer(self, query: SearchQuery) -> Documents:
        (hits,) = self._search.query(self._encoder, [query.text], query.filter, query.k)
        return Documents(self.epoch, tuple(map(passage, hits)))


def passage(hit: Hit) -> Passage:
    return Passage(**{name: getattr(hit.chunk, name) for name in FIELDS}, score=hit.score)
