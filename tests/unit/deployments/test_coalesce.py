"""The coalescing client gathers, never loses and never mixes up."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.coalesce import Coalescer, Limits
from serving.errors import Failure, Rejected, Retryable


class Callee:
    """Doubles numbers; counts calls; holds them while `gate` is closed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def was_called(self, times: int) -> None:
        while len(self.batches) < times:
            await asyncio.sleep(0)

    async def __call__(self, items: Sequence[int]) -> list[int | Failure]:
        self.batches.append(list(items))
        await self.gate.wait()
        return [Failure("rejected", "odd") if item % 2 else item * 2 for item in items]


def test_an_idle_queue_sends_at_once() -> None:
    """A lone item is on the wire before anything else happens."""

    async def scenario() -> None:
        callee = Callee()
        assert await Coalescer(callee)(4) == 8
        assert callee.batches == [[4]]

    asyncio.run(scenario())


def test_what_comes_in_one_moment_travels_together() -> None:
    """Turns that go on at the same time do not send the first of them alone."""

    async def scenario() -> None:
        callee = Callee()
        await asyncio.gather(*map(Coalescer(callee), [2, 4, 6]))
        assert callee.batches == [[2, 4, 6]]

    asyncio.run(scenario())


def test_a_busy_queue_gathers_what_came_meanwhile() -> None:
    """Items that arrive while the allowed calls are out travel together in the next one."""

    async def scenario() -> None:
        callee = Callee()
        callee.gate.clear()
        client = Coalescer(callee, Limits(max_batch=64, max_in_flight=1, patience_s=60))
        answers = [asyncio.create_task(client(0))]
        await callee.was_called(1)
        answers += [asyncio.create_task(client(item)) for item in range(2, 40, 2)]
        await asyncio.sleep(0)
        callee.gate.set()
        assert await asyncio.gather(*answers) == [item * 2 for item in range(0, 40, 2)]
        assert [len(batch) for batch in callee.batches] == [1, 19]

    asyncio.run(scenario())


def test_a_second_call_leaves_when_enough_has_gathered() -> None:
    """Beside a call that is out goes only what is worth a call of its own."""

    async def scenario() -> None:
        callee = Callee()
        callee.gate.clear()
        client = Coalescer(callee, Limits(max_in_flight=2, min_beside=3, patience_s=60))
        answers = [asyncio.create_task(client(2))]
        await callee.was_called(1)
        answers += [asyncio.create_task(client(item)) for item in (4, 6)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert callee.batches == [[2]]
        answers.append(asyncio.create_task(client(8)))
        await callee.was_called(2)
        assert callee.batches == [[2], [4, 6, 8]]
        callee.gate.set()
        assert await asyncio.gather(*answers) == [4, 8, 12, 16]

    asyncio.run(scenario())


def test_a_slow_call_stops_holding_back_the_next() -> None:
    """Once a call has been out for its patience, another may leave beside it."""

    async def scenario() -> None:
        callee = Callee()
        callee.gate.clear()
        client = Coalescer(callee, Limits(max_in_flight=1, patience_s=0.001))
        first = asyncio.create_task(client(2))
        await callee.was_called(1)
        second = asyncio.create_task(client(4))
        while len(callee.batches) < 2:
            await asyncio.sleep(0.001)
        callee.gate.set()
        assert await asyncio.gather(first, second) == [4, 8]

    asyncio.run(scenario())


def test_one_failed_item_does_not_fail_its_neighbours() -> None:
    """A Failure becomes its own caller's exception and nobody else's."""

    async def scenario() -> None:
        client = Coalescer(Callee())
        outcomes = await asyncio.gather(*map(client, [2, 3, 4]), return_exceptions=True)
        assert outcomes[0] == 4
        assert outcomes[2] == 8
        assert isinstance(outcomes[1], Rejected)

    asyncio.run(scenario())


def test_a_lost_callee_is_retryable_for_everyone_in_the_batch() -> None:
    """A call that dies on the wire is told to each waiting caller as a passing fault."""

    async def dies(_items: Sequence[int]) -> list[int]:
        raise ConnectionError("replica died")

    async def scenario() -> None:
        client: Coalescer[int, int] = Coalescer(dies)
        outcomes = await asyncio.gather(client(1), client(2), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Retryable, Retryable]

    asyncio.run(scenario())


def test_a_short_answer_is_an_error_and_not_a_mix_up() -> None:
    """A callee that breaks the contract of equal length is refused as a whole."""

    async def short(items: Sequence[int]) -> list[int]:
        return list(items)[1:]

    async def scenario() -> None:
        with pytest.raises(Retryable, match="1 items were sent and 0 came back"):
            await Coalescer(short)(1)

    asyncio.run(scenario())


def test_a_caller_that_gave_up_is_not_sent() -> None:
    """A cancelled item leaves the queue without a call."""

    async def scenario() -> None:
        callee = Callee()
        callee.gate.clear()
        client = Coalescer(callee, Limits(max_in_flight=1, patience_s=60))
        first = asyncio.create_task(client(2))
        await callee.was_called(1)
        gone = asyncio.create_task(client(4))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        callee.gate.set()
        assert await first == 4
        assert await client(6) == 12
        assert callee.batches == [[2], [6]]

    asyncio.run(scenario())


@given(
    items=st.lists(st.integers(0, 1000).map(lambda n: 2 * n), max_size=60),
    max_batch=st.integers(1, 8),
    max_in_flight=st.integers(1, 4),
)
def test_every_item_gets_its_own_answer(
    items: list[int], max_batch: int, max_in_flight: int
) -> None:
    """Whatever the limits, each caller receives exactly its item's answer, in batches in bounds."""

    async def scenario() -> list[int]:
        callee = Callee()
        client = Coalescer(callee, Limits(max_batch, max_in_flight))
        answers = await asyncio.gather(*map(client, items))
        assert all(len(batch) <= max_batch for batch in callee.batches)
        return list(answers)

    assert asyncio.run(scenario()) == [item * 2 for item in items]
