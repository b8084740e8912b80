"""Searching one epoch in this process, without a cluster: for `ingest query`, `ingest verify` and
golden questions.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from models.epochs import EpochStore
from models.manifest import Manifest
from models.open import TextEncoder, open_encoder
from models.question import QuestionReader
from models.ranking import rank, trek_bonus
from models.shard import IndexShard
from models.tombstones import Tombstones, read_tombstones
from models.types import Epoch, Hit, SearchFilter, ShardId
from pipelines.ingest.config import IngestConfig
from pipelines.ingest.errors import InputError

# From each shard, before the ranking over all of them.
CANDIDATES = 48
DEEPER = 4  # where deleted documents may stand among the candidates
POOL = 4  # for each passage wanted, since passages of other pages go before a page's second


class EpochSearch:
    """All shards of one epoch, opened."""

    def __init__(
        self, manifest: Manifest, shards: Sequence[IndexShard], hidden: Tombstones
    ) -> None:
        self.manifest = manifest
        self.hidden = hidden
        self.shards = tuple(shards)
        self._reader = QuestionReader(manifest.treks)

    @classmethod
    def open(cls, store: EpochStore, epoch: Epoch, cache: Path) -> "EpochSearch":
        """Open every shard, checked against its checksums; raises CorruptShard."""
        manifest = store.manifest(epoch)
        numbers = range(len(manifest.shards))
        folders = [store.local_shard(manifest, ShardId(number), cache) for number in numbers]
        shards = [IndexShard.load(f, encoder=manifest.encoder) for f in folders]
        return cls(manifest, shards, read_tombstones(store.root))

    def query(
        self, encoder: TextEncoder, texts: Sequence[str], wanted: SearchFilter, k: int
    ) -> list[tuple[Hit, ...]]:
        """The k best passages for each text, dense and lexical together."""
        if encoder.fingerprint != self.manifest.encoder:
            raise InputError(
                f"epoch {self.manifest.epoch} was embedded by {self.manifest.encoder!r}, the "
                f"encoder here is {encoder.fingerprint!r}"
            )
        questions = [self._reader.read(text) for text in texts]
        vectors = encoder.encode([question.to_embed for question in questions], "query")
        asked = [question.to_match for question in questions]
        filters, depth = [wanted] * len(texts), max(POOL * k, CANDIDATES)
        depth = depth * DEEPER if self.hidden else depth
        found = [
            [self._answering(hits) for hits in shard.search(vectors, asked, filters, depth)]
            for shard in self.shards
        ]
        return [
            rank(of_shards, trek_bonus(question.treks), k)
            for question, of_shards in zip(questions, zip(*found, strict=True), strict=True)
        ]

    def _answering(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Without those of documents that were deleted since the epoch was built."""
        return tuple(
            hit for hit in hits if not self.hidden.hides(hit.chunk.doc, hit.chunk.revision)
        )


def live_epoch(store: EpochStore) -> Epoch:
    """The published epoch; raises InputError when there is none."""
    epoch = store.current()
    if epoch is None:
        raise InputError(f"index {store.root!r}: nothing has been published there yet")
    return epoch


def share_of_answered(
    config: IngestConfig, epoch: Epoch, questions: Sequence[tuple[str, str]], k: int = 5
) -> float:
    """Share of (question, document) pairs whose document is among the first k passages."""
    encoder = open_encoder(config.encoder_id, config.models_dir, config.catalog)
    encoder.warm_up()
    with tempfile.TemporaryDirectory(prefix="sbi-cache-") as cache:
        search = EpochSearch.open(EpochStore(config.index_uri), epoch, Path(cache))
        found = search.query(encoder, [text for text, _ in questions], SearchFilter(), k)
    pairs = zip(questions, found, strict=True)
    return sum(any(hit.chunk.doc == doc for hit in of) for (_, doc), of in pairs) / len(questions)
