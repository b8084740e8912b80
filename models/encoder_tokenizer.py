"""The encoder's tokenizer and fingerprint, for a chunker and an index check, without torch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.checksums import sha256_file, sha256_text
from models.errors import CorruptModel
from models.model_folder import file_checksums
from models.types import EncoderFingerprint

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# The E5 family was trained with these; another encoder's come from its catalogue entry.
QUERY_PREFIX = "query: "
PASSAGE_PREFIX = "passage: "

_IDENTITY_FILES = ("model.safetensors", "tokenizer.json", "modules.json", "1_Pooling/config.json")


class EncoderTokenizer:
    """Counts and places tokens. The vocabulary (about 1 s) is read on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tokenizer: Tokenizer | None = None

    @property
    def tokenizer(self) -> "Tokenizer":
        """The underlying fast tokenizer, without truncation or padding."""
        if self._tokenizer is None:
            self._tokenizer = _load(self._folder)
        return self._tokenizer

    def count_tokens(self, text: str) -> int:
        """Tokens of the text itself, without the prefix and the special tokens."""
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end character of each token in `text`, in order, special tokens left out."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).offsets)

    def encode_ids(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Token ids with special tokens, each cut to `max_tokens` and still ended properly."""
        encodings = self.tokenizer.encode_batch_fast(list(texts))
        return [_cut(encoding.ids, max_tokens) for encoding in encodings]


def encoder_fingerprint(
    folder: Path, query_prefix: str = QUERY_PREFIX, passage_prefix: str = PASSAGE_PREFIX
) -> EncoderFingerprint:
    """`<folder name>-<12 hex>`: vectors of two encoders are comparable only when these are equal.

    Covers weights, tokenizer, pooling and prefixes. Uses the recorded checksums where the folder
    has them.
    """
    known = file_checksums(folder)
    sums = [known.get(name) or _checksum(folder / name) for name in _IDENTITY_FILES]
    digest = sha256_text(*sums, query_prefix, passage_prefix)
    return EncoderFingerprint(f"{folder.name}-{digest[:12]}")


def max_tokens_of(folder: Path) -> int:
    """The longest input of the model in tokens, special tokens included."""
    config = json.loads((folder / "sentence_bert_config.json").read_text())
    return int(config["max_seq_length"])


def _checksum(path: Path) -> str:
    return sha256_file(path) if path.is_file() else ""


def _cut(ids: list[int], max_tokens: int) -> list[int]:
    return ids if len(ids) <= max_tokens else [*ids[: max_tokens - 1], ids[-1]]


def _load(folder: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise CorruptModel(f"{path}: missing; prepare the model first")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
