"""FAISS indexes: which kind suits a shard, how it is built, how it is searched under a filter.

Vectors are L2-normalised, so the inner product is the cosine.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
IndexKind = Literal["flat", "ivf-sq8", "ivf-pq"]

# Exact search of 300,000 x 384 takes 2.5 ms a query; below this a third of that, so an
# approximation buys nothing.
EXACT_MAX_VECTORS = 100_000
# What one replica may hold by default; a larger corpus should have more shards.
DEFAULT_MEMORY_BUDGET_BYTES = 2 * 1024**3
# FAISS wants at least 39 training vectors per centroid and uses at most 256.
_TRAIN_PER_CENTROID = 64
_SEED = 1234
# Of 120,000 x 384 in clusters of 500, 20 finds 0.993 of the ten nearest and 10 finds 0.937, which
# the recall gate of ingestion would refuse.
K_FACTOR = 20


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows of an index and their cosines, best first."""

    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]

    def pairs(self) -> list[tuple[int, float]]:
        return list(zip(self.rows.tolist(), self.cosines.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """Kind and parameters of a FAISS index."""

    kind: IndexKind
    factory: str
    """FAISS factory string."""
    nprobe: int = 0
    """Lists visited per query; 0 for an exact index."""
    k_factor: int = 1
    """Candidates refined per result, where the index refines."""


def _faiss() -> Any:
    """Untyped: faiss's own stubs describe the C++ signatures, not the Python wrappers."""
    import faiss

    return faiss


def choose_index(
    count: int, dim: int, memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES
) -> IndexSpec:
    """Exact when small; else PQ fast-scan, refined on full vectors or on SQ8; else SQ8 alone.

    Raises ValueError when not even SQ8 fits.
    """
    full_bytes, byte_bytes = count * dim * 4, count * dim
    if count <= EXACT_MAX_VECTORS and full_bytes <= memory_budget_bytes:
        return IndexSpec("flat", "Flat")
    lists = _lists(count)
    nprobe = min(32, lists)
    for stored_bytes, refine in ((full_bytes, "RFlat"), (byte_bytes, "Refine(SQ8)")):
        if stored_bytes + count * dim // 8 <= memory_budget_bytes and dim % 4 == 0:
            factory = f"IVF{lists},PQ{dim // 4}x4fsr,{refine}"
            return IndexSpec("ivf-pq", factory, nprobe=nprobe, k_factor=K_FACTOR)
    if byte_bytes <= memory_budget_bytes:
        return IndexSpec("ivf-sq8", f"IVF{lists},SQ8", nprobe=nprobe)
    raise ValueError(
        f"{count} vectors of {dim} dimensions do not fit in {memory_budget_bytes} bytes; "
        "use more shards or a larger memory budget"
    )


def _lists(count: int) -> int:
    """About two square roots of the count, as a power of two: 1024 for 300,000."""
    wanted = 1 << round(math.log2(max(1.0, 2 * math.sqrt(count))))
    return max(1, min(wanted, count // 39 or 1))


def train(sample: Vectors, spec: IndexSpec) -> Any:
    """An empty index that has learnt its lists and codes. One thread and a fixed seed."""
    faiss = _faiss()

    index = faiss.index_factory(sample.shape[1], spec.factory, faiss.METRIC_INNER_PRODUCT)
    with _threads(1):
        if not index.is_trained:
            index.train(_training_sample(sample, spec))
    return index


def build(vectors: Vectors, spec: IndexSpec, trained: Path | None = None) -> Any:
    """A FAISS index whose id i is row i. Equal input gives equal bytes.

    `trained` is an empty index that `train` made, from vectors of all shards, and `write` saved:
    then every shard has the same lists and codes, and none trains its own.
    """
    index = train(vectors, spec) if trained is None else _faiss().read_index(str(trained))
    if index.ntotal or not index.is_trained or index.d != vectors.shape[1]:
        raise ValueError(f"{trained}: no empty, trained index of {vectors.shape[1]} dimensions")
    with _threads(1):
        index.add(vectors)
    return index


@contextmanager
def _threads(number: int) -> Iterator[None]:
    faiss = _faiss()

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(number)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def training_size(spec: IndexSpec) -> int:
    """How many vectors an index of this kind learns from; 0 for an exact one."""
    if spec.kind == "flat":
        return 0
    lists = int(spec.factory.removeprefix("IVF").split(",")[0])
    return max(lists * _TRAIN_PER_CENTROID, 10_000)


def _training_sample(vectors: Vectors, spec: IndexSpec) -> Vectors:
    wanted = training_size(spec)
    if len(vectors) <= wanted:
        return vectors
    rows = np.random.default_rng(_SEED).choice(len(vectors), wanted, replace=False)
    return vectors[np.sort(rows)]


def write(index: Any, path: Path) -> None:
    """Save it where `VectorIndex` can open it."""
    faiss = _faiss()

    faiss.write_index(index, str(path))


class VectorIndex:
    """A FAISS index opened for search."""

    def __init__(self, path: Path, spec: IndexSpec, *, mmap: bool = True) -> None:
        faiss = _faiss()

        self.spec = spec
        # Several replicas on one node then share the pages of one copy.
        flags = faiss.IO_FLAG_MMAP_IFC if mmap else 0
        self._index = faiss.read_index(str(path), flags)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def top(self, vectors: Vectors, k: int, mask: NDArray[np.bool_] | None = None) -> list[Ranked]:
        """Per query the k best allowed rows and their cosines; ties go to the lower row."""
        k = min(k, len(self) if mask is None else int(mask.sum()))
        if k == 0:
            return [Ranked(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in vectors]
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        parameters, keep_alive = self._parameters(mask)
        scores, rows = self._index.search(queries, k, params=parameters)
        del keep_alive
        return [_ranked(r, s) for r, s in zip(rows, scores, strict=True)]

    def cosines(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Of the given rows; NaN where the index cannot tell a row without reading its list."""
        if not len(rows) or self.spec.kind == "ivf-sq8":
            return np.full(len(rows), np.nan, np.float32)
        stored: Vectors = self._index.reconstruct_batch(rows)
        return stored @ vector

    def vectors(self) -> Vectors:
        """All stored vectors in row order; approximate where the index is scalar-quantised."""
        faiss = _faiss()

        if self.spec.kind == "ivf-sq8":
            # Rows are found through the lists otherwise; held only while somebody asks for them.
            faiss.extract_index_ivf(self._index).make_direct_map()
        result: Vectors = self._index.reconstruct_n(0, len(self))
        return result

    def _parameters(self, mask: NDArray[np.bool_] | None) -> tuple[Any, object]:
        """Search parameters, and what they point at and must outlive the search."""
        faiss = _faiss()

        options: Mapping[str, Any] = {}
        selector = None
        if mask is not None:
            bits = np.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
            options = {"sel": selector}
        if self.spec.kind == "flat":
            return faiss.SearchParameters(**options), selector
        lists = faiss.SearchParametersIVF(nprobe=self._nprobe(mask), **options)
        if self.spec.k_factor == 1:
            return lists, selector
        refined = faiss.IndexRefineSearchParameters(
            k_factor=self.spec.k_factor, base_index_params=lists
        )
        return refined, (selector, lists)

    def _nprobe(self, mask: NDArray[np.bool_] | None) -> int:
        """A strict filter thins every list, so visit more of them, up to eight times as many."""
        share = 1.0 if mask is None else float(mask.mean())
        return int(self.spec.nprobe * min(8.0, 1.0 / share))


def _ranked(rows: NDArray[np.int64], cosines: NDArray[np.float32]) -> Ranked:
    order = np.lexsort((rows, -cosines))
    order = order[rows[order] >= 0]  # FAISS fills up with -1 what it did not find
    return Ranked(rows[order], cosines[order])
