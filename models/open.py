"""Opening the encoder and the reranker of a profile: one place for serving and for ingestion."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from models.types import EncoderFingerprint

if TYPE_CHECKING:
    from models.cross_encoder import CrossEncoder

HASH_ENCODER = "hash-trigram-384"  # the stub's name in place of a catalogue id


class TextEncoder(Protocol):
    """What an encoder does, whichever it is."""

    @property
    def dim(self) -> int: ...

    @property
    def fingerprint(self) -> EncoderFingerprint: ...

    def warm_up(self) -> None: ...

    def check_health(self) -> None: ...

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> np.ndarray:
        """Unit vectors, float32 (len(texts), dim)."""
        ...


def open_encoder(model_id: str, models_dir: Path, catalog_path: Path | None = None) -> TextEncoder:
    """The encoder of that catalogue id, not yet warmed up; its folder must be prepared."""
    if model_id == HASH_ENCODER:
        from models.hash_encoder import HashEncoder  # the stub alone needs it

        return HashEncoder()
    from models.catalog import load_catalog  # keeps torch out of stub replicas
    from models.encoder import Encoder
    from models.loaders import prepare

    catalog = load_catalog(catalog_path)
    entry = catalog.model(model_id)
    return Encoder(
        prepare(catalog, model_id, models_dir),
        query_prefix=entry.query_prefix,
        passage_prefix=entry.passage_prefix,
    )


def open_reranker(
    model_id: str, models_dir: Path, catalog_path: Path | None = None
) -> "CrossEncoder":
    """The cross-encoder of that catalogue id, not yet warmed up; its folder must be prepared."""
    from models.catalog import load_catalog
    from models.cross_encoder import CrossEncoder
    from models.loaders import prepare

    return CrossEncoder(prepare(load_catalog(catalog_path), model_id, models_dir))
