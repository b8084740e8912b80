"""Ten million vectors of 384 dimensions on one small machine: built shard by shard, then served.

    python -m bench.ten_million --folder DIR                      # everything; 5 GB of disk
    python -m bench.ten_million --folder DIR --minutes 10         # stop after so long; call again
    python -m bench.ten_million --folder DIR --vectors 300000 --shards 1     # rehearsal

Vectors are synthetic, with the shape of text embeddings: clusters on a sphere whose members differ
in a few dozen directions and in a little noise. Each phase runs in a process of its own, whose peak
of resident memory is reported. Recall is against exact search over all vectors.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import machine
from models import vector_index
from models.vector_index import IndexSpec, VectorIndex, choose_index

DIM = 384
CLUSTER_SIZE = 500
DIRECTIONS = 48  # in which members of a cluster differ
SPREAD, NOISE = 0.35, 0.1  # members of a cluster have cosines around 0.88, as passages on one topic
BLOCK = 50_000
QUERIES = 200
K = 10
WANTED_RECALL = 0.95
WIDER = ((64, 20), (64, 40), (128, 40))  # nprobe and k_factor, where the defaults find too little
SERVE_BUDGET_BYTES = 8 * 1024**3

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is built where."""

    folder: Path
    vectors: int
    shards: int

    @property
    def per_shard(self) -> int:
        return self.vectors // self.shards

    @property
    def spec(self) -> IndexSpec:
        # A fifth is left for the process itself and what it holds beside the indexes.
        budget = SERVE_BUDGET_BYTES * 4 // 5 // self.shards
        return choose_index(self.per_shard, DIM, min(budget, SERVE_BUDGET_BYTES))

    def index(self, shard: int) -> Path:
        return self.folder / f"shard-{shard:03d}.faiss"

    def truth(self, shard: int) -> Path:
        return self.folder / f"truth-{shard:03d}.npz"

    @property
    def trained(self) -> Path:
        return self.folder / "trained.faiss"


class Source:
    """The vectors of one seed, in blocks, the same at each call."""

    def __init__(self, plan: Plan) -> None:
        rng = np.random.default_rng(1)
        self._clusters = max(1, plan.vectors // CLUSTER_SIZE)
        self._centres = _unit(rng.standard_normal((self._clusters, DIM), np.float32))
        self._directions = _unit(rng.standard_normal((DIRECTIONS, DIM), np.float32))
        # One block of noise, shifted for each use: drawing 3.8 billion numbers would take longest.
        noise = rng.standard_normal((2 * BLOCK, DIM), np.float32)
        self._noise = np.float32(NOISE / np.sqrt(DIM)) * noise

    def block(self, seed: int, count: int) -> Vectors:
        rng = np.random.default_rng([2, seed])
        scale = np.float32(SPREAD / np.sqrt(DIRECTIONS))
        varied = scale * rng.standard_normal((count, DIRECTIONS), np.float32) @ self._directions
        shift = rng.integers(BLOCK)
        noise = self._noise[shift : shift + count]
        return _unit(self._centres[rng.integers(self._clusters, size=count)] + varied + noise)

    def shard(self, plan: Plan, shard: int) -> Iterator[Vectors]:
        blocks = -(-plan.per_shard // BLOCK)
        for block in range(blocks):
            size = min(BLOCK, plan.per_shard - block * BLOCK)
            yield self.block(shard * 10_000 + block, size)

    def queries(self) -> Vectors:
        return self.block(99_999_999, QUERIES)


def _unit(vectors: Vectors) -> Vectors:
    result: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return result


def train(plan: Plan) -> dict[str, Any]:
    """One training for all shards, on blocks of each."""
    source = Source(plan)
    sample = np.vstack([source.block(shard * 10_000, BLOCK) for shard in range(plan.shards)])
    vector_index.write(vector_index.train(sample, plan.spec), plan.trained)
    return {"factory": plan.spec.factory, "sample": len(sample)}


def build(plan: Plan, shard: int) -> dict[str, Any]:
    """Add a shard's vectors, and find the exact neighbours of the queries among them."""
    source = Source(plan)
    queries = source.queries()
    index = vector_index.build(np.zeros((0, DIM), np.float32), plan.spec, plan.trained)
    rows = np.zeros((QUERIES, 0), np.int64)
    scores = np.zeros((QUERIES, 0), np.float32)
    start = 0
    for vectors in source.shard(plan, shard):
        index.add(vectors)
        rows, scores = _best(rows, scores, queries @ vectors.T, start)
        start += len(vectors)
    np.savez(plan.truth(shard), rows=rows, scores=scores)
    building = plan.index(shard).with_suffix(".tmp")
    vector_index.write(index, building)
    building.rename(plan.index(shard))
    return {"shard": shard, "vectors": start, "bytes": plan.index(shard).stat().st_size}


def _best(
    rows: NDArray[np.int64], scores: Vectors, found: Vectors, start: int
) -> tuple[NDArray[np.int64], Vectors]:
    top = np.argpartition(-found, K, axis=1)[:, :K]
    rows = np.hstack([rows, top + start])
    scores = np.hstack([scores, np.take_along_axis(found, top, axis=1)])
    keep = np.argsort(-scores, axis=1)[:, :K]
    return np.take_along_axis(rows, keep, axis=1), np.take_along_axis(scores, keep, axis=1)


def serve(plan: Plan) -> dict[str, Any]:
    """Open every shard as serving does, ask each query of all of them, compare with the truth."""
    queries, truth = Source(plan).queries(), _truth(plan)
    tried = []
    for nprobe, k_factor in ((plan.spec.nprobe, plan.spec.k_factor), *WIDER):
        spec = replace(plan.spec, nprobe=nprobe, k_factor=k_factor)
        indexes = [VectorIndex(plan.index(shard), spec) for shard in range(plan.shards)]
        tried.append({"nprobe": nprobe, "k_factor": k_factor, **_asked(indexes, queries, truth)})
        if tried[-1]["recall_at_10"] >= WANTED_RECALL:
            break
    return {"served": sum(len(index) for index in indexes), "tried": tried}


def _asked(
    indexes: Sequence[VectorIndex], queries: Vectors, truth: Sequence[set[tuple[int, int]]]
) -> dict[str, float]:
    found, took_ms = [], []
    for query in queries:
        started = time.perf_counter()
        hits = [index.top(query[None], K)[0].pairs() for index in indexes]
        pairs = [(-score, shard, row) for shard, of in enumerate(hits) for row, score in of]
        found.append({(shard, row) for _, shard, row in sorted(pairs)[:K]})
        took_ms.append(1000 * (time.perf_counter() - started))
    recall = np.mean([len(one & right) / K for one, right in zip(found, truth, strict=True)])
    return {
        "recall_at_10": round(float(recall), 4),
        "ms_p50": round(float(np.percentile(took_ms, 50)), 1),
        "ms_p95": round(float(np.percentile(took_ms, 95)), 1),
    }


def _truth(plan: Plan) -> list[set[tuple[int, int]]]:
    pairs: list[list[tuple[float, int, int]]] = [[] for _ in range(QUERIES)]
    for shard in range(plan.shards):
        with np.load(plan.truth(shard)) as stored:
            for query in range(QUERIES):
                pairs[query] += [
                    (-float(score), shard, int(row))
                    for score, row in zip(
                        stored["scores"][query], stored["rows"][query], strict=True
                    )
                ]
    return [{(shard, row) for _, shard, row in sorted(of)[:K]} for of in pairs]


def _measured(phase: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    started = time.monotonic()
    result = phase(*arguments)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    took_s = round(time.monotonic() - started, 1)
    return {"phase": phase.__name__, "s": took_s, "peak_mib": peak_mib, **result}


def _in_process(phase: Callable[..., dict[str, Any]], *arguments: object) -> None:
    with get_context("spawn").Pool(1) as pool:
        result = pool.apply(_measured, (phase, *arguments))
    print(json.dumps(result), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--vectors", type=int, default=10_000_000)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    options = parser.parse_args()
    plan = Plan(options.folder, options.vectors, options.shards)
    plan.folder.mkdir(parents=True, exist_ok=True)
    print(json.dumps(machine.describe()))
    ends = time.monotonic() + 60 * options.minutes
    if not plan.trained.exists():
        _in_process(train, plan)
    for shard in range(plan.shards):
        if time.monotonic() > ends:
            print(json.dumps({"phase": "stopped", "next_shard": shard}))
            return
        if not plan.index(shard).exists():
            _in_process(build, plan, shard)
    _in_process(serve, plan)


if __name__ == "__main__":
    from bench.ten_million import main as program  # so that another process finds the phases

    program()
