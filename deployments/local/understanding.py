"""The trained heads with the encoder in this process: for single steps, training and measuring."""

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from deployments.local.layout import Layout
from deployments.settings import Settings
from models.catalog import load_catalog
from models.errors import ModelsError
from models.open import HASH_ENCODER, TextEncoder, open_encoder
from serving.understanding import heads
from serving.understanding.reading import Trained

log = logging.getLogger(__name__)


def encoder(settings: Settings) -> TextEncoder:
    """The profile's encoder, warm. Raises `ModelsError` where it cannot be prepared."""
    stub = settings.models == "stub"
    model_id = (
        HASH_ENCODER if stub else str(load_catalog(settings.catalog).encoder(settings.profile).id)
    )
    return _warm(model_id, Layout(settings.data_dir).models, settings.catalog)


def embed(texts: Sequence[str], settings: Settings) -> list[Trained | None]:
    """The heads with every text's embedding; None for all where the encoder is not theirs."""
    if not texts or settings.models == "stub":
        return [None] * len(texts)
    trained = heads.load()
    try:
        own = encoder(settings)
    except (ModelsError, OSError) as error:
        log.warning("intents by word lists alone, the encoder is not available: %s", error)
        return [None] * len(texts)
    if str(own.fingerprint) != trained.encoder:
        log.warning("intents by word lists alone: the heads were trained for another encoder")
        return [None] * len(texts)
    return [Trained(trained, vector) for vector in own.encode(texts, "query")]


@cache
def _warm(model_id: str, models_dir: Path, catalog: Path | None) -> TextEncoder:
    opened = open_encoder(model_id, models_dir, catalog)
    opened.warm_up()
    return opened
