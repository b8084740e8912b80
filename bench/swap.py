"""Ten thousand questions while the live epoch changes under them, and how long a rollback takes.

    python -m bench.swap [--questions 10000] [--askers 16] [--passages 2000]

The real shards and searcher in one process, with the encoder that needs no model. Two epochs of
the same documents take turns; every passage carries the epoch it belongs to, so that an answer
which mixes them is seen.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from deployments.epoch_searcher import EpochSearcher
from deployments.shard_epochs import ShardEpochs
from models.epochs import EpochStore, new_epoch_id, shard_entry, shard_folder
from models.hash_encoder import HashEncoder
from models.manifest import Manifest
from models.shard_writer import write_shard
from models.types import ChunkRecord, EncoderFingerprint, Epoch, SearchFilter, ShardId
from serving.errors import Failure
from serving.ports import SearchQuery
from serving.types import Documents

SHARDS = 2
SWAP_EVERY_S = 3.0
SUBJECTS = ("price", "season", "permits", "food", "altitude", "refund", "tents", "insurance")


class LocalEncoder:
    """The encoder without a model, as the searcher sees one."""

    def __init__(self) -> None:
        self._encoder = HashEncoder()

    async def embed(self, text: str) -> np.ndarray:
        vector: np.ndarray = self._encoder.encode([text], "query")[0]
        return vector

    async def fingerprint(self) -> EncoderFingerprint:
        return self._encoder.fingerprint


@dataclass
class Seen:
    """What the askers saw."""

    answers: Counter[Epoch] = field(default_factory=Counter)
    errors: int = 0
    mixed: int = 0
    degraded: int = 0
    ms: list[float] = field(default_factory=list)

    def add(self, answer: Documents | Failure, took_ms: float) -> None:
        self.ms.append(took_ms)
        if isinstance(answer, Failure):
            self.errors += 1
            return
        self.answers[answer.epoch or Epoch("")] += 1
        self.degraded += bool(answer.degraded)
        self.mixed += {passage.revision for passage in answer.passages} != {answer.epoch}


def write_epoch(store: EpochStore, epoch: Epoch, passages: int) -> Manifest:
    """An epoch whose passages name it as their revision."""
    encoder = HashEncoder()
    folder = Path(store.root) / "epochs" / epoch
    for shard in range(SHARDS):
        chunks = [_chunk(number, epoch) for number in range(shard, passages, SHARDS)]
        vectors = encoder.encode([chunk.text for chunk in chunks], "passage")
        write_shard(folder / shard_folder(ShardId(shard)), vectors, chunks, encoder.fingerprint)
    manifest = Manifest(
        epoch=epoch,
        created_at="2026-01-01T00:00:00+00:00",
        encoder=encoder.fingerprint,
        dim=encoder.dim,
        chunker="bench",
        shards=tuple(shard_entry(folder / shard_folder(ShardId(shard))) for shard in range(SHARDS)),
        document_count=passages,
        chunk_count=passages,
        languages=("en",),
    )
    store.write(manifest)
    return manifest


def _chunk(number: int, epoch: Epoch) -> ChunkRecord:
    subject = SUBJECTS[number % len(SUBJECTS)]
    return ChunkRecord(
        chunk_id=f"c{number:06d}",
        doc=f"page-{number}.md",
        revision=epoch,
        span=(0, 40),
        text=f"{subject} of trek number {number // len(SUBJECTS)}",
        title=f"Trek {number // len(SUBJECTS)}",
        doc_type="trek",
        language="en",
        trek=None,
        valid_from=None,
        valid_to=None,
        url=None,
        heading=(),
    )


async def ask(searcher: EpochSearcher, questions: int, askers: int) -> Seen:
    """So many questions, so many at once."""
    seen, numbers = Seen(), iter(range(questions))

    async def asker() -> None:
        for number in numbers:
            text = f"{SUBJECTS[number % len(SUBJECTS)]} of trek {number % 97}"
            started = time.perf_counter()
            (answer,) = await searcher.search([SearchQuery(text, SearchFilter(), 5)])
            seen.add(answer, 1000 * (time.perf_counter() - started))

    await asyncio.gather(*(asker() for _ in range(askers)))
    return seen


async def swap_for_ever(store: EpochStore, epochs: tuple[Epoch, Epoch]) -> None:
    for turn in count(1):
        await asyncio.sleep(SWAP_EVERY_S)
        await asyncio.to_thread(store.publish, epochs[turn % 2])


async def rollback_s(store: EpochStore, searcher: EpochSearcher, to: Epoch) -> float:
    """From the order to the first answer of the older epoch."""
    started = time.monotonic()
    await asyncio.to_thread(store.publish, to)
    while True:
        (answer,) = await searcher.search([SearchQuery("price", SearchFilter(), 5)])
        if isinstance(answer, Documents) and answer.epoch == to:
            return time.monotonic() - started
        await asyncio.sleep(0.02)


async def run(folder: Path, questions: int, askers: int, passages: int) -> dict[str, Any]:
    store = EpochStore(folder / "index")
    now = datetime.now(UTC)
    old, new = new_epoch_id(now), new_epoch_id(now + timedelta(seconds=1))
    for epoch in (old, new):
        await asyncio.to_thread(write_epoch, store, epoch, passages)
    store.publish(old)
    shards = [ShardEpochs(store, ShardId(n), folder / "cache") for n in range(SHARDS)]
    searcher = EpochSearcher(store, shards, LocalEncoder(), folder / "searcher")
    await searcher.look()
    watchers = [asyncio.create_task(shard.watch()) for shard in shards]
    watchers.append(asyncio.create_task(searcher.watch()))
    swapping = asyncio.create_task(swap_for_ever(store, (old, new)))
    started = time.monotonic()
    seen = await ask(searcher, questions, askers)
    took_s = time.monotonic() - started
    swapping.cancel()
    store.publish(new)
    while searcher.manifest is None or searcher.manifest.epoch != new:
        await asyncio.sleep(0.05)
    load = asyncio.create_task(ask(searcher, questions, askers))  # rolling back is under load too
    rollback = await rollback_s(store, searcher, old)
    load.cancel()
    for watcher in watchers:
        watcher.cancel()
    await asyncio.gather(swapping, load, *watchers, return_exceptions=True)
    return {
        "questions": questions,
        "errors": seen.errors,
        "mixed": seen.mixed,
        "degraded": seen.degraded,
        "answers_by_epoch": sorted(seen.answers.values()),
        "per_s": round(questions / took_s),
        "ms_p50": round(statistics.median(seen.ms), 1),
        "ms_p99": round(statistics.quantiles(seen.ms, n=100)[98], 1),
        "rollback_s": round(rollback, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--askers", type=int, default=16)
    parser.add_argument("--passages", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="swap-") as folder:
        result = asyncio.run(run(Path(folder), options.questions, options.askers, options.passages))
    print(json.dumps({**machine.describe(), **result}))


if __name__ == "__main__":
    main()
