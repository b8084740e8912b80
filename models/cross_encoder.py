"""Question and passage read together by one model: slower than vectors, and nearer to the point."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder as Model

BATCH = 16


class CrossEncoder:
    """One reranking model in this process; heavy libraries load in warm_up()."""

    def __init__(self, folder: Path, *, device: str | None = None) -> None:
        """`device` None: a GPU where there is one."""
        self._folder = folder
        self._device = device
        self._model: Model | None = None

    def warm_up(self) -> None:
        """Load the weights and read one pair. Again: does nothing."""
        if self._model is not None:
            return
        import torch
        from sentence_transformers import CrossEncoder as Model

        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        model = Model(str(self._folder), device=device, local_files_only=True)
        if model.num_labels != 1:
            raise ModelsError(f"{self._folder}: has {model.num_labels} labels, a reranker has one")
        self._model = model
        self.check_health()

    def check_health(self) -> None:
        """Raise unless a known pair gets a relevance between 0 and 1."""
        [relevance] = self.relevance("health", ["health"])
        if not 0.0 <= relevance <= 1.0:
            raise ModelsError(f"{self._folder}: gives a relevance of {relevance}")

    def relevance(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """How well each passage answers, 0 to 1, shape (len(passages),), in their order."""
        if self._model is None:
            raise ModelsError(f"{self._folder}: the reranker is not warmed up")
        if not passages:
            return np.zeros(0, np.float32)
        import torch

        found = self._model.predict(
            [(question, passage) for passage in passages],
            batch_size=BATCH,
            show_progress_bar=False,
            activation_fn=torch.nn.Sigmoid(),
            convert_to_numpy=True,
        )
        return np.asarray(found, np.float32)
