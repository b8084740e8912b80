"""A deterministic encoder without a model: for load and fault tests, and nothing else.

Feature hashing of character trigrams (Weinberger et al. 2009, "Feature Hashing for Large Scale
Multitask Learning"): texts that share words get near vectors, so that retrieval still finds what
was asked for, at microseconds a text.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from models.types import EncoderFingerprint


class HashEncoder:
    """Same surface as `models.encoder.Encoder`; passes the same contract suite."""

    fingerprint = EncoderFingerprint("hash-trigram-384-v1")

    def __init__(self, dim: int = 384) -> None:
        self.dim = dim

    def warm_up(self) -> None:
        """Nothing to load."""

    def check_health(self) -> None:
        """Nothing to fail."""

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> np.ndarray:
        """Unit vectors, float32 (len(texts), dim)."""
        del kind  # a hash needs no prefix
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.casefold().split() or [" "]:  # an empty text has a vector too
                self._add(row, f" {word} ")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: np.ndarray = vectors / np.maximum(norms, 1e-9)
        return unit

    def _add(self, row: np.ndarray, word: str) -> None:
        for start in range(len(word) - 2):
            digest = hashlib.blake2b(word[start : start + 3].encode(), digest_size=8).digest()
            slot = int.from_bytes(digest[:4], "little") % self.dim
            row[slot] += 1.0 if digest[4] & 1 else -1.0
