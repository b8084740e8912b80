"""Counting tokens as the encoder will, without loading the encoder."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from models.catalog import load_catalog
from models.checksums import sha256_file
from models.encoder_tokenizer import EncoderTokenizer
from models.loaders import prepare
from models.open import HASH_ENCODER
from pipelines.ingest.config import IngestConfig


class TokenCounter(Protocol):
    """What the chunker needs to know of an encoder."""

    def count_tokens(self, text: str) -> int: ...


class WordCounter:
    """For the hash encoder, which has no vocabulary: words and signs."""

    fingerprint = "words-v1"
    _word = re.compile(r"\w+|[^\w\s]")

    def count_tokens(self, text: str) -> int:
        return sum(1 for _ in self._word.finditer(text))


def encoder_folder(config: IngestConfig) -> Path | None:
    """The encoder's prepared folder; None for the hash encoder, which has none."""
    if config.encoder_id == HASH_ENCODER:
        return None
    return prepare(load_catalog(config.catalog), config.encoder_id, config.models_dir)


def tokenizer_fingerprint(folder: Path | None) -> str:
    """Changes when texts would be cut into other tokens."""
    if folder is None:
        return WordCounter.fingerprint
    return sha256_file(folder / "tokenizer.json")[:16]


@lru_cache(maxsize=2)
def token_counter(folder: Path | None) -> TokenCounter:
    """One per process: a vocabulary takes a second to load."""
    return WordCounter() if folder is None else EncoderTokenizer(folder)
