"""Word search over passages with BM25: finds the names and numbers that vectors blur.

Words are compared without case and accents, in any script, so that `Cuánto`, `cuanto` and `CUANTO`
are one word and Devanagari keeps its vowel signs.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# `\w` alone breaks Devanagari words at their vowel signs, which are combining marks.
_WORD = re.compile(r"[\w\u0900-\u0963\u0966-\u097f]+")
# The Devanagari dot below counts as one: customers type फीस for फ़ीस.
_ACCENT = re.compile(r"[\u0300-\u036f\u093c\u200c\u200d]")
# 1,450 and 1.450, and the Indian 1,20,000.
_THOUSANDS = re.compile(r"(?<=\d)(?:\.(?=\d{3}(?!\d))|,(?=(?:\d{2},)*\d{3}(?!\d)))")
_DEVANAGARI = str.maketrans("०१२३४५६७८९ँ", "0123456789ं")
_VOCABULARY = "vocab.index.json"


def words(text: str) -> list[str]:
    """The text's words as they are indexed; `1,450` and `1.450` are both `1450`."""
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", text).casefold())
    return _WORD.findall(_THOUSANDS.sub("", plain.translate(_DEVANAGARI)))


def write_lexical(folder: Path, texts: Sequence[str]) -> None:
    """Index the texts, row by row, into `folder`. Equal texts give equal bytes."""
    import bm25s

    documents = [words(text) for text in texts]
    # bm25s numbers words through a set, whose order changes from run to run; so number them here.
    vocabulary = {word: i for i, word in enumerate(sorted({w for d in documents for w in d}))}
    ids = [[vocabulary[word] for word in document] for document in documents]
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index((ids, vocabulary), show_progress=False)
    index.save(folder, show_progress=False)
    known = dict(sorted(index.vocab_dict.items(), key=lambda item: item[1]))
    (folder / _VOCABULARY).write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class WordHits:
    """What a word search found."""

    rows: tuple[int, ...]
    """Best first."""
    scores: NDArray[np.float32]
    """BM25 of every row, found or not; 0 where no word matches."""


class LexicalIndex:
    """A written index, opened for search."""

    def __init__(self, folder: Path, *, mmap: bool = True) -> None:
        import bm25s

        self._index = bm25s.BM25.load(folder, mmap=mmap, load_corpus=False)
        self._known = self._index.vocab_dict

    @property
    def count(self) -> int:
        """Rows indexed."""
        return int(self._index.scores["num_docs"])

    def search(self, text: str, k: int, mask: NDArray[np.bool_] | None = None) -> "WordHits":
        """The k best allowed rows with a score above zero; ties go to the lower row."""
        known = [self._known[word] for word in words(text) if word in self._known]
        if not known:
            return WordHits((), np.zeros(self.count, np.float32))
        scores: NDArray[np.float32] = self._index.get_scores_from_ids(known)
        allowed = scores if mask is None else np.where(mask, scores, 0.0)
        # Sort only what can be among the first k: a common word matches nearly every row.
        kth = np.partition(allowed, -k)[-k] if k < len(allowed) else 0.0
        found = np.flatnonzero((allowed > 0.0) & (allowed >= kth))
        best = found[np.lexsort((found, -allowed[found]))[:k]]
        return WordHits(tuple(int(row) for row in best), scores)
