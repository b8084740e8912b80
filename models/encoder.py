"""Text to vectors with a sentence-transformers folder; heavy libraries load in warm_up()."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from models.encoder_tokenizer import (
    PASSAGE_PREFIX,
    QUERY_PREFIX,
    EncoderTokenizer,
    encoder_fingerprint,
    max_tokens_of,
)
from models.errors import ModelsError
from models.types import EncoderFingerprint

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

# Eight passages of about 150 tokens: on a CPU small batches win (16.4 passages/s against 11.9 in
# batches of 64).
CPU_BATCH_TOKENS = 1_280
GPU_BATCH_TOKENS = 65_536
_NORM_TOLERANCE = 1e-3

Vectors = NDArray[np.float32]


class Encoder:
    """One embedding model in this process. Thread-safe for encode(); give each process its own."""

    def __init__(
        self,
        folder: Path,
        *,
        device: str | None = None,
        max_batch_tokens: int | None = None,
        num_threads: int | None = None,
        query_prefix: str = QUERY_PREFIX,
        passage_prefix: str = PASSAGE_PREFIX,
    ) -> None:
        """`device` None: a GPU where there is one. `num_threads` applies to the whole process."""
        self._folder = folder
        self._device = device
        self._max_batch_tokens = max_batch_tokens
        self._num_threads = num_threads
        self._prefixes = {"query": query_prefix, "passage": passage_prefix}
        self._tokenizer = EncoderTokenizer(folder)
        self._fingerprint: EncoderFingerprint | None = None
        self._max_tokens = 0
        self._model: SentenceTransformer | None = None

    @property
    def fingerprint(self) -> EncoderFingerprint:
        """Equal for two encoders exactly when their vectors are comparable."""
        if self._fingerprint is None:
            query, passage = self._prefixes["query"], self._prefixes["passage"]
            self._fingerprint = encoder_fingerprint(self._folder, query, passage)
        return self._fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector; needs warm_up()."""
        return int(self._loaded().get_embedding_dimension() or 0)

    def warm_up(self) -> None:
        """Load weights and vocabulary, encode once; about 10 s on a CPU. Again: does nothing."""
        if self._model is not None:
            return
        import torch
        from sentence_transformers import SentenceTransformer

        if self._num_threads is not None:
            torch.set_num_threads(self._num_threads)
        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._max_tokens = max_tokens_of(self._folder)
        if self._max_batch_tokens is None:
            self._max_batch_tokens = GPU_BATCH_TOKENS if "cuda" in device else CPU_BATCH_TOKENS
        model = SentenceTransformer(str(self._folder), device=device, local_files_only=True)
        self._model = model.eval()
        self.check_health()

    def check_health(self) -> None:
        """Raise unless a known text gives a finite vector of length one."""
        norm = float(np.linalg.norm(self.encode(["health"], "query")[0]))
        if not abs(norm - 1.0) < _NORM_TOLERANCE:
            raise ModelsError(f"{self._folder}: encoding gives a vector of length {norm}")

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """L2-normalised float32 vectors of shape (len(texts), dim), in the order of `texts`."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        prefix = self._prefixes[kind]
        ids = self._tokenizer.encode_ids([prefix + text for text in texts], self._max_tokens)
        for rows in token_batches([len(row) for row in ids], self._max_batch_tokens or 1):
            vectors[rows] = self._forward([ids[row] for row in rows])
        return vectors

    def count_tokens(self, text: str) -> int:
        """Tokens of the text itself."""
        return self._tokenizer.count_tokens(text)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end character of each token of the text."""
        return self._tokenizer.token_offsets(text)

    def _loaded(self) -> "SentenceTransformer":
        if self._model is None:
            raise ModelsError(f"{self._folder}: the encoder is not warmed up")
        return self._model

    def _forward(self, ids: list[list[int]]) -> Vectors:
        import torch

        model = self._loaded()
        features = {k: v.to(model.device) for k, v in _padded(ids, self._pad_id()).items()}
        with torch.inference_mode():
            vectors = model(features)["sentence_embedding"]
        result: Vectors = vectors.float().cpu().numpy()
        return result

    def _pad_id(self) -> int:
        tokenizer = self._tokenizer.tokenizer
        ids = (tokenizer.token_to_id(token) for token in ("<pad>", "[PAD]"))
        return next((i for i in ids if i is not None), 0)


def token_batches(lengths: Sequence[int], max_batch_tokens: int) -> Iterator[list[int]]:
    """Row numbers in batches of similar length, longest first.

    A batch, padded to its longest row, stays within `max_batch_tokens`; a longer row is alone.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        # The first row of a batch is its longest, so it sets the padded width.
        if batch and lengths[batch[0]] * (len(batch) + 1) > max_batch_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _padded(ids: list[list[int]], pad_id: int) -> dict[str, "torch.Tensor"]:
    import torch

    width = max(len(row) for row in ids)
    input_ids = np.full((len(ids), width), pad_id, np.int64)
    attention_mask = np.zeros((len(ids), width), np.int64)
    for row, tokens in enumerate(ids):
        input_ids[row, : len(tokens)] = tokens
        attention_mask[row, : len(tokens)] = 1
    return {
        "input_ids": torch.from_numpy(input_ids),
        "attention_mask": torch.from_numpy(attention_mask),
    }
