"""Searching over shards: pinned to one epoch, degraded rather than silent, deletions held."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bench.swap import LocalEncoder, Seen, ask, write_epoch
from deployments.epoch_searcher import LOCAL_COPY, WORDS_ONLY, EpochSearcher
from deployments.shard_epochs import KEEP_OLD_FOR_S, ShardEpochs, ShardQuery
from models.epochs import EpochStore
from models.tombstones import Tombstone, change_tombstones
from models.types import Epoch, Hit, SearchFilter, ShardId
from serving.errors import Failure
from serving.ports import SearchQuery
from serving.types import Documents

pytestmark = pytest.mark.anyio

OLD, NEW = Epoch("20260101T000000-000000Z"), Epoch("20260102T000000-000000Z")
PASSAGES = 64
QUESTION = SearchQuery("price of trek number 3", SearchFilter(), 5)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Breakable:
    """A shard that can be killed and brought back."""

    def __init__(self, shard: ShardEpochs) -> None:
        self.shard = shard
        self.dead = False

    async def ready(self, epoch: Epoch) -> bool:
        return await self.shard.ready(epoch)

    async def search(self, query: ShardQuery) -> list[tuple[Hit, ...]]:
        if self.dead:
            raise ConnectionError("the replica is gone")
        return await self.shard.search(query)


@pytest.fixture
def store(tmp_path: Path) -> EpochStore:
    store = EpochStore(tmp_path / "index")
    for epoch in (OLD, NEW):
        write_epoch(store, epoch, PASSAGES)
    store.publish(OLD)
    return store


@pytest.fixture
def shards(store: EpochStore, tmp_path: Path) -> list[Breakable]:
    return [Breakable(ShardEpochs(store, ShardId(n), tmp_path / "cache")) for n in range(2)]


@pytest.fixture
def searcher(store: EpochStore, shards: list[Breakable], tmp_path: Path) -> EpochSearcher:
    return EpochSearcher(store, shards, LocalEncoder(), tmp_path / "searcher")


async def _one(searcher: EpochSearcher) -> Documents:
    (answer,) = await searcher.search([QUESTION])
    assert isinstance(answer, Documents), answer
    return answer


async def test_before_the_first_epoch_the_caller_may_retry(searcher: EpochSearcher) -> None:
    """No index yet is a failure that passes, not an empty answer."""
    (answer,) = await searcher.search([QUESTION])
    assert isinstance(answer, Failure)
    assert answer.kind == "retryable"


async def test_a_published_epoch_is_followed_and_so_is_a_rollback(
    searcher: EpochSearcher, store: EpochStore
) -> None:
    """Each look moves to what the pointer names; every passage belongs to the answer's epoch."""
    for epoch in (OLD, NEW, OLD):
        store.publish(epoch)
        await searcher.look()
        answer = await _one(searcher)
        assert answer.epoch == epoch
        assert {passage.revision for passage in answer.passages} == {epoch}
        assert answer.degraded == ()


async def test_a_corrupt_new_epoch_leaves_the_old_one_answering(
    searcher: EpochSearcher, store: EpochStore
) -> None:
    """One shard that fails its checksum keeps the searcher where it is."""
    await searcher.look()
    path = Path(store.root) / "epochs" / NEW / "shard-001" / "vectors.faiss"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    store.publish(NEW)
    await searcher.look()
    assert (await _one(searcher)).epoch == OLD


async def test_a_dead_shard_makes_a_partial_answer(
    searcher: EpochSearcher, shards: list[Breakable]
) -> None:
    """What the other shard holds is answered, marked with the shard that is missing."""
    await searcher.look()
    shards[1].dead = True
    answer = await _one(searcher)
    assert answer.degraded == ("shard_missing:1",)
    numbers = [int(p.doc.removeprefix("page-").removesuffix(".md")) for p in answer.passages]
    assert numbers
    assert all(number % 2 == 0 for number in numbers)


async def test_when_all_shards_are_dead_the_local_copy_answers(
    searcher: EpochSearcher, shards: list[Breakable]
) -> None:
    """The same passages as before, from the files on this machine, marked as such."""
    await searcher.look()
    before = await _one(searcher)
    for shard in shards:
        shard.dead = True
    answer = await _one(searcher)
    assert answer.degraded == (LOCAL_COPY,)
    assert answer.passages == before.passages


async def test_without_shards_and_files_the_caller_may_retry(
    searcher: EpochSearcher, shards: list[Breakable], store: EpochStore
) -> None:
    """Nobody and nothing left to ask is said as a failure."""
    await searcher.look()
    for number, shard in enumerate(shards):
        shard.dead = True
        folder = Path(store.root) / "epochs" / OLD / f"shard-{number:03d}"
        (folder / "shard.json").unlink()
    (answer,) = await searcher.search([QUESTION])
    assert isinstance(answer, Failure)
    assert answer.kind == "retryable"


class DeadEncoder(LocalEncoder):
    """Gone when it `raises`, else it hangs."""

    def __init__(self, *, raises: bool) -> None:
        super().__init__()
        self._raises = raises

    async def embed(self, text: str) -> np.ndarray:
        if self._raises:
            raise ConnectionError("the replica is gone")
        await asyncio.sleep(60.0)
        return await super().embed(text)


@pytest.mark.parametrize("raises", [True, False])
async def test_without_the_encoder_words_alone_decide(
    store: EpochStore, shards: list[Breakable], tmp_path: Path, *, raises: bool
) -> None:
    """Gone or hung: what shares words with the question is found, and it is said how."""
    encoder = DeadEncoder(raises=raises)
    searcher = EpochSearcher(store, shards, encoder, tmp_path / "searcher", encoder_deadline_s=0.05)
    await searcher.look()
    answer = await _one(searcher)
    assert answer.degraded == (WORDS_ONLY,)
    assert answer.passages[0].text == "price of trek number 3"
    (nothing,) = await searcher.search([SearchQuery("zzz qqq", SearchFilter(), 5)])
    assert isinstance(nothing, Documents)
    assert nothing.passages == ()


async def test_a_deleted_document_is_gone_at_the_next_look(
    searcher: EpochSearcher, store: EpochStore
) -> None:
    """A tombstone hides its document without a new epoch, and others move up."""
    await searcher.look()
    first = (await _one(searcher)).passages[0]
    change_tombstones(store.root, add={first.doc: Tombstone(None, "2026-01-03T00:00:00Z")})
    await searcher.look()
    answer = await _one(searcher)
    assert first.doc not in {passage.doc for passage in answer.passages}
    assert len(answer.passages) == QUESTION.k


async def test_an_old_epoch_is_let_go_when_idle(store: EpochStore, tmp_path: Path) -> None:
    """It stays while queries may be pinned to it, and is loaded again for a rollback."""
    now = [0.0]
    shard = ShardEpochs(store, ShardId(0), tmp_path / "cache", clock=lambda: now[0])
    assert await shard.ready(OLD)
    assert await shard.ready(NEW)
    shard.drop_idle(NEW)
    assert shard.in_memory == (OLD, NEW)
    now[0] = KEEP_OLD_FOR_S + 1
    shard.drop_idle(NEW)
    assert shard.in_memory == (NEW,)
    assert await shard.ready(OLD)


async def test_no_answer_mixes_epochs_while_they_change(
    searcher: EpochSearcher, store: EpochStore
) -> None:
    """Questions go on while the pointer moves back and forth: no error, no mixture."""
    await searcher.look()

    async def move() -> None:
        for turn in range(10):
            await asyncio.to_thread(store.publish, (NEW, OLD)[turn % 2])
            await searcher.look()

    seen, _ = await asyncio.gather(ask(searcher, 300, 8), move())
    assert isinstance(seen, Seen)
    assert (seen.errors, seen.mixed, seen.degraded) == (0, 0, 0)
    assert seen.answers.total() == 300
