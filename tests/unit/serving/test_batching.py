"""Group commit: batches under load, no waiting when idle, no shared failures."""

import asyncio
from collections.abc import Sequence

import pytest

from serving.errors import Rejected, Retryable
from serving.stores.batching import Batcher


def test_callers_that_come_during_a_flush_share_the_next() -> None:
    """The first goes alone, the rest together, and everyone gets their own answer."""
    sizes: list[int] = []

    async def flush(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        await asyncio.sleep(0.01)
        return [item * 2 for item in items]

    async def scenario() -> None:
        batch = Batcher(flush, max_items=8)
        first = asyncio.create_task(batch(0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rest = await asyncio.gather(*map(batch, range(1, 12)))
        assert [await first, *rest] == [number * 2 for number in range(12)]
        assert sizes == [1, 8, 3]

    asyncio.run(scenario())


def test_a_bad_item_fails_alone() -> None:
    """When a batch fails for what it holds, each item is tried on its own."""

    async def flush(items: Sequence[int]) -> list[int]:
        if 3 in items:
            raise Rejected("three")
        return list(items)

    async def scenario() -> None:
        batch = Batcher(flush)
        results = await asyncio.gather(*map(batch, range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [int, int, int, Rejected, int]

    asyncio.run(scenario())


def test_a_passing_fault_is_told_to_all_at_once() -> None:
    """A lost database is not asked once per item."""
    calls = 0

    async def flush(_: Sequence[int]) -> list[int]:
        nonlocal calls
        calls += 1
        raise Retryable("gone")

    async def scenario() -> None:
        batch = Batcher(flush)
        results = await asyncio.gather(*map(batch, range(5)), return_exceptions=True)
        assert {type(result) for result in results} == {Retryable}
        with pytest.raises(Retryable):
            await batch(9)
        assert calls == 2

    asyncio.run(scenario())


def test_a_caller_that_leaves_does_not_disturb_the_others() -> None:
    """A cancelled caller's item may be flushed; its neighbours get their answers."""

    async def flush(items: Sequence[int]) -> list[int]:
        await asyncio.sleep(0.01)
        return list(items)

    async def scenario() -> None:
        batch = Batcher(flush)
        leaving, staying = asyncio.create_task(batch(1)), asyncio.create_task(batch(2))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == 2

    asyncio.run(scenario())
