"""The router claims, runs, renews and ends turns, and outlives faults of what it depends on."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.router import Router, RouterLimits
from serving.errors import Rejected, Retryable
from serving.middleware import StepSpec
from serving.types import (
    Consent,
    ContactId,
    ConversationId,
    InboundMessage,
    Interaction,
    Parsed,
    Turn,
    TurnId,
    TurnResult,
    Wamid,
)

FAST = RouterLimits(max_turns=4, lease_s=1.0, renew_every_s=0.01, poll_s=0.01, sweep_every_s=0.01)


def a_turn(name: str = "t1", attempt: int = 1) -> Turn:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    message = InboundMessage(1, Wamid("wamid.A"), "text", "Hello", now)
    return Turn(
        TurnId(name), ConversationId("c"), ContactId("p"), "1", 1, (message,), now, attempt=attempt
    )


class Turns:
    """A TurnStore in memory that writes down what the router does."""

    def __init__(self, *waiting: Turn) -> None:
        self.waiting = list(waiting)
        self.ended: list[tuple[str, str]] = []
        self.lost: set[str] = set()
        self.broken_claims = 0

    async def claim(self, holder: str, limit: int, lease_s: float) -> list[Turn]:
        if self.broken_claims:
            self.broken_claims -= 1
            raise Retryable("the database is away")
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    async def renew(self, turns: Sequence[Turn], lease_s: float) -> set[str]:
        return {turn.turn_id for turn in turns} - self.lost

    async def finish(self, turn: Turn, result: TurnResult | None, ended: str) -> None:
        self.ended.append((turn.turn_id, ended))

    async def give_back(self, turn: Turn, reason: str, retry_in_s: float) -> None:
        assert retry_in_s > 0
        self.ended.append((turn.turn_id, "given back"))

    async def bury(self, turn: Turn, reason: str) -> None:
        self.ended.append((turn.turn_id, "buried"))

    async def unlogged(self, holder: str, limit: int, lease_s: float) -> list[Interaction]:
        return []


class Wakeups:
    async def notify(self) -> None: ...

    async def wait(self, timeout_s: float) -> None:
        await asyncio.sleep(timeout_s)


class Silent:
    """A transport whose customer has opted out, so that a turn needs two steps only."""

    def __init__(self, before: Callable[[], Any] | None = None) -> None:
        self._before = before

    async def __call__(self, spec: StepSpec[Any, Any], item: Any) -> Any:
        if self._before is not None:
            result = self._before()
            if asyncio.iscoroutine(result):
                await result
        if spec.name == "parse_message":
            return Parsed("en", "latn", "smalltalk", {"smalltalk": 1.0}, "neutral")
        return Consent(opted_out=True, rule="stored")


def run(turns: Turns, transport: Any, until: Callable[[Router], bool]) -> None:
    async def scenario() -> None:
        router = Router(turns, Wakeups(), transport, FAST)
        loops = asyncio.create_task(router.run())
        async with asyncio.timeout(10):
            while not until(router):
                assert not loops.done(), loops
                await asyncio.sleep(0.001)
        loops.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loops

    asyncio.run(scenario())


def test_every_claimed_turn_is_ended_once() -> None:
    """More turns than fit at once are all taken, each ended exactly once."""
    turns = Turns(*(a_turn(f"t{n}") for n in range(10)))
    run(turns, Silent(), lambda router: len(turns.ended) == 10 and router.num_running == 0)
    assert sorted(turns.ended) == sorted((f"t{n}", "silent") for n in range(10))


def test_a_passing_fault_gives_the_turn_back() -> None:
    """A step that cannot be reached costs an attempt, not the message."""

    def away() -> None:
        raise Retryable("away")

    turns = Turns(a_turn())
    run(turns, Silent(away), lambda _router: bool(turns.ended))
    assert turns.ended == [("t1", "given back")]


@pytest.mark.parametrize(
    ("error", "attempt"), [(Rejected("cannot be read"), 1), (Retryable("away"), 99)]
)
def test_a_turn_that_cannot_succeed_is_buried(error: Exception, attempt: int) -> None:
    """What will never work, and what has failed too often, becomes a dead letter."""

    def fails() -> None:
        raise error

    turns = Turns(a_turn(attempt=attempt))
    run(turns, Silent(fails), lambda _router: bool(turns.ended))
    assert turns.ended == [("t1", "buried")]


def test_a_defect_in_a_step_buries_the_turn_and_not_the_router() -> None:
    """An unexpected exception ends one turn; the next one is taken as usual."""
    outcomes = iter([KeyError("defect")])

    def once() -> None:
        error = next(outcomes, None)
        if error is not None:
            raise error

    turns = Turns(a_turn("bad"), a_turn("good"))
    run(turns, Silent(once), lambda _router: len(turns.ended) == 2)
    assert ("bad", "buried") in turns.ended
    assert ("good", "silent") in turns.ended


def test_a_lost_lease_stops_the_turn() -> None:
    """When another holder has the conversation, this router drops it and ends nothing."""
    turns = Turns(a_turn())
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        turns.lost.add("t1")
        await asyncio.sleep(60)

    run(turns, Silent(hang), lambda router: started.is_set() and router.num_running == 0)
    assert turns.ended == []


def test_the_loop_outlives_a_database_that_goes_away() -> None:
    """Claims fail for a while and go on when they can."""
    turns = Turns(a_turn())
    turns.broken_claims = 3
    run(turns, Silent(), lambda _router: bool(turns.ended))
    assert turns.ended == [("t1", "silent")]
