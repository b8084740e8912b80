"""The encoder host: sentence embeddings with dynamic batching.

The last texts are remembered: step 1 reads a message with the same vector that step 4 searches
with, so a message is encoded once.
"""

import asyncio
from collections import OrderedDict
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

REMEMBERED = 2_048  # texts; 3 MB of vectors
MAX_BATCH = 16  # eight to sixteen short texts are the fastest batch on two cores


class EncoderHost:
    """Gathers texts of concurrent calls; a lone text is encoded at once."""

    async def __init__(self, model_id: str, models_dir: str) -> None:  # type: ignore[misc]
        logs.adopt()
        self._encoder = open_encoder(model_id, Path(models_dir))
        self._remembered: OrderedDict[tuple[str, Kind], np.ndarray] = OrderedDict()
        await asyncio.to_thread(self._encoder.warm_up)

    async def encode(self, texts: Sequence[str], kind: "Kind") -> np.ndarray:
        """Unit vectors, float32 (len(texts), dim)."""
        if not texts:
            return np.zeros((0, self._encoder.dim), np.float32)
        rows = await asyncio.gather(*(self._recall(text, kind) for text in texts))
        return np.stack(rows)

    async def embed(self, texts: Sequence[str], kind: "Kind") -> tuple[str, np.ndarray]:
        """As `encode`, with the fingerprint of the encoder: whoever keeps weights compares it."""
        return str(self._encoder.fingerprint), await self.encode(texts, kind)

    async def fingerprint(self) -> str:
        return str(self._encoder.fingerprint)

    async def check_health(self) -> None:
        self._encoder.check_health()

    async def _recall(self, text: str, kind: "Kind") -> np.ndarray:
        row = self._remembered.get((text, kind))
        if row is None:
            row = await self._one((text, kind))
            self._remembered[text, kind] = row
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end((text, kind))
        return row

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
