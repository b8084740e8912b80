"""One shard of an epoch, loaded for search: vectors, words and chunk records side by side."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.chunk_table import FilterColumns, Mask, Records, read_parquet, to_records
from models.errors import CorruptShard, WrongEncoder
from models.fusion import fuse
from models.lexical import LexicalIndex, WordHits
from models.shard_files import CHUNKS, LEXICAL, VECTORS, ShardRecord, read_record, verify_files
from models.types import ChunkRecord, EncoderFingerprint, Hit, SearchFilter
from models.vector_index import Ranked, VectorIndex

# Candidates per ranking for each hit wanted: a passage that one ranking puts low can still win
# together.
_CANDIDATES_PER_HIT = 4
_MIN_CANDIDATES = 50

Nearest = list[tuple[int, float]]
"""Rows and cosines, best first."""


class IndexShard:
    """Open it with `IndexShard.load`. Searching is thread-safe and changes nothing."""

    def __init__(
        self, record: ShardRecord, table: pa.Table, vectors: VectorIndex, lexical: LexicalIndex
    ) -> None:
        self.record = record
        self._table = table
        self._records = Records(table)
        self._filters = FilterColumns(table)
        self._vectors = vectors
        self._lexical = lexical

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        encoder: EncoderFingerprint | None = None,
        verify: bool = True,
        mmap: bool = True,
    ) -> "IndexShard":
        """Open a shard folder.

        Raises WrongEncoder when `encoder` is given and is not the one that made the vectors, and
        CorruptShard when a file is missing, differs from its checksum (`verify`) or does not fit.
        """
        record = read_record(folder)
        if encoder is not None and encoder != record.encoder:
            raise WrongEncoder(
                f"{folder}: built with {record.encoder!r}, searched with {encoder!r}"
            )
        if verify:
            verify_files(folder, record)
        try:
            table = read_parquet(folder / CHUNKS)
            vectors = VectorIndex(folder / VECTORS, record.index, mmap=mmap)
            lexical = LexicalIndex(folder / LEXICAL, mmap=mmap)
        except (OSError, ValueError, RuntimeError, pa.ArrowInvalid) as error:
            raise CorruptShard(f"{folder}: cannot be opened: {error}") from error
        if not table.num_rows == len(vectors) == lexical.count == record.count:
            counts = f"{table.num_rows} chunks, {len(vectors)} vectors, {lexical.count} texts"
            raise CorruptShard(f"{folder}: {counts}, recorded {record.count}")
        return cls(record, table, vectors, lexical)

    def __len__(self) -> int:
        return self.record.count

    def search(
        self,
        vectors: NDArray[np.float32] | None,
        texts: Sequence[str],
        filters: Sequence[SearchFilter],
        k: int,
    ) -> list[tuple[Hit, ...]]:
        """The k best passages for each query, best first; one answer per query, in order.

        `vectors` has shape (len(texts), dim), L2-normalised; `texts` are what word search looks
        for. What either ranking finds is scored by both; without `vectors` words alone decide.
        A query may get fewer than k hits, or none, when its filter leaves no more.
        """
        given = len(texts) if vectors is None else len(vectors)
        if not given == len(texts) == len(filters):
            raise ValueError(f"{given} vectors, {len(texts)} texts, {len(filters)} filters")
        wanted = max(_MIN_CANDIDATES, _CANDIDATES_PER_HIT * k)
        masks = [self._filters.mask(wanted_filter) for wanted_filter in filters]
        words = [
            self._lexical.search(text, wanted, mask)
            for text, mask in zip(texts, masks, strict=True)
        ]
        if vectors is None:
            return [self._hits(np.array(w.rows, np.int64), None, w, k) for w in words]
        dense = self._dense(vectors, filters, masks, wanted)
        return [
            self._fuse(vector, ranked, found, k)
            for vector, ranked, found in zip(vectors, dense, words, strict=True)
        ]

    def exact(self, vectors: NDArray[np.float32], k: int) -> list[Nearest]:
        """Rows and cosines by comparing with every stored vector; the measure for recall."""
        stored = self._vectors.vectors()
        return [_best(stored @ vector, k) for vector in vectors]

    def nearest(self, vectors: NDArray[np.float32], k: int) -> list[Nearest]:
        """Rows and cosines as the served vector index finds them."""
        return [ranked.pairs() for ranked in self._vectors.top(vectors, k)]

    def vectors(self) -> NDArray[np.float32]:
        """All stored vectors, in row order; approximate where the index is scalar-quantised."""
        return self._vectors.vectors()

    def chunks(self) -> list[ChunkRecord]:
        """All records, in row order."""
        return to_records(self._table)

    def _dense(
        self,
        vectors: NDArray[np.float32],
        filters: Sequence[SearchFilter],
        masks: Sequence[Mask | None],
        wanted: int,
    ) -> list[Ranked]:
        """One FAISS call per different filter, since a batch usually shares one."""
        groups: dict[SearchFilter, list[int]] = {}
        for row, wanted_filter in enumerate(filters):
            groups.setdefault(wanted_filter, []).append(row)
        results: dict[int, Ranked] = {}
        for rows in groups.values():
            found = self._vectors.top(vectors[rows], wanted, masks[rows[0]])
            results.update(zip(rows, found, strict=True))
        return [results[row] for row in range(len(filters))]

    def _fuse(
        self, vector: NDArray[np.float32], dense: Ranked, lexical: WordHits, k: int
    ) -> tuple[Hit, ...]:
        by_words = np.setdiff1d(np.array(lexical.rows, np.int64), dense.rows)
        rows = np.concatenate((dense.rows, by_words))
        cosines = np.concatenate((dense.cosines, self._vectors.cosines(vector, by_words)))
        return self._hits(rows, cosines, lexical, k)

    def _hits(
        self,
        rows: NDArray[np.int64],
        cosines: NDArray[np.float32] | None,
        lexical: WordHits,
        k: int,
    ) -> tuple[Hit, ...]:
        """Of candidate rows; without cosines nothing was looked up by meaning."""
        if cosines is None:
            cosines = np.full(len(rows), np.nan, np.float32)
        bm25 = lexical.scores[rows]
        scores = fuse(cosines, np.where(bm25 > 0.0, bm25, np.nan))
        best = np.lexsort((rows, -scores))[:k]
        chunks = self._records.at(rows[best].tolist())
        figures = (column[best].tolist() for column in (scores, cosines, bm25))
        return tuple(
            Hit(chunk, score, None if math.isnan(cosine) else cosine, words or None)
            for chunk, score, cosine, words in zip(chunks, *figures, strict=True)
        )


def _best(scores: NDArray[np.float32], k: int) -> Nearest:
    order = np.lexsort((np.arange(len(scores)), -scores))[:k]
    return [(int(row), float(scores[row])) for row in order]
