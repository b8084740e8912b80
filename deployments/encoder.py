"""The encoder host: sentence embeddings with dynamic batching."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ray import serve

from deployments import logs
from models.open import open_encoder

if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["query", "passage"]

MAX_BATCH = 16  # eight to sixteen short texts are the fastest batch on two cores


class EncoderHost:
    """Gathers texts of concurrent calls; a lone text is encoded at once."""

    async def __init__(self, model_id: str, models_dir: str) -> None:  # type: ignore[misc]
        logs.adopt()
        self._encoder = open_encoder(model_id, Path(models_dir))
        await asyncio.to_thread(self._encoder.warm_up)

    async def encode(self, texts: Sequence[str], kind: "Kind") -> np.ndarray:
        """Unit vectors, float32 (len(texts), dim)."""
        if not texts:
            return np.zeros((0, self._encoder.dim), np.float32)
        rows = await asyncio.gather(*(self._one((text, kind)) for text in texts))
        return np.stack(rows)

    async def fingerprint(self) -> str:
        return str(self._encoder.fingerprint)

    async def check_health(self) -> None:
        self._encoder.check_health()

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=0)  # type: ignore[untyped-decorator]  # Ray
    async def _one(self, items: list[tuple[str, "Kind"]]) -> list[np.ndarray]:
        # Queries and passages carry different prefixes, so they are encoded apart.
        rows: list[np.ndarray | None] = [None] * len(items)
        for kind in {kind for _, kind in items}:
            at = [index for index, item in enumerate(items) if item[1] == kind]
            texts = [items[index][0] for index in at]
            vectors = await asyncio.to_thread(self._encoder.encode, texts, kind)
            for index, vector in zip(at, vectors, strict=True):
                rows[index] = vector
        return [row for row in rows if row is not None]
