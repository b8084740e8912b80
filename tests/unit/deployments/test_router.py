"""The router claims, runs, renews and ends turns, and outlives faults of what it depends on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.pulse import Pulse
from deployments.router import FEW, Router, RouterLimits
from models.types import ModelId
from serving.arrivals import POLICIES
from serving.errors import Rejected, Retryable
from serving.middleware import StepSpec
from serving.ports import Arrivals
from serving.types import (
    Consent,
    ContactId,
    ConversationId,
    Draft,
    InboundMessage,
    Intent,
    Interaction,
    Parsed,
    SendOrder,
    Sent,
    Turn,
    TurnId,
    TurnResult,
    Wamid,
)
from tests.fakes.stores import FakeOutbox
from tests.fakes.values import order

FAST = RouterLimits(
    max_turns=4,
    lease_s=1.0,
    renew_every_s=0.01,
    poll_s=0.01,
    sweep_every_s=0.01,
    resume_every_s=0.01,
)


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
        self.news: list[Arrivals] = []
        self.admitted: list[tuple[str, list[str], list[str]]] = []
        self.broken_claims = 0

    async def claim(
        self, holder: str, limit: int, lease_s: float, expected_s: float = 0.0
    ) -> list[Turn]:
        if self.broken_claims:
            self.broken_claims -= 1
            raise Retryable("the database is away")
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    async def renew(self, turns: Sequence[Turn], lease_s: float) -> set[str]:
        return {turn.turn_id for turn in turns} - self.lost

    async def arrivals(self, turns: Sequence[Turn]) -> list[Arrivals]:
        names = {turn.turn_id for turn in turns}
        told = [news for news in self.news if news.turn_id in names]
        self.news = [news for news in self.news if news.turn_id not in names]
        return told

    async def admit_arrivals(
        self, turn: Turn, joining: Sequence[InboundMessage], waiting: Sequence[InboundMessage]
    ) -> None:
        self.admitted.append((turn.turn_id, [m.text for m in joining], [m.text for m in waiting]))

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
    def __init__(self) -> None:
        self.revocations: list[str] = []

    async def notify(self) -> None: ...

    async def revoke(self, turn_id: TurnId) -> None:
        self.revocations.append(turn_id)

    async def revoked(self) -> AsyncIterator[TurnId]:
        for turn_id in self.revocations:
            yield TurnId(turn_id)

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


class Writing:
    """A transport in which step 6 of a turn's own messages takes its time."""

    def __init__(self, turns: Turns, *news: Arrivals) -> None:
        self._turns = turns
        self._news = news
        self.reads: dict[str, Intent] = {"thanks": "smalltalk", "price?": "pricing"}
        self.stopped = 0
        self.go_on = asyncio.Event()

    async def __call__(self, spec: StepSpec[Any, Any], item: Any) -> Any:
        match spec.name:
            case "parse_message":
                intent = self.reads.get(item.text, "trek_info")
                return Parsed("en", "latn", intent, {intent: 1.0}, "neutral")
            case "check_unsubscribed":
                return Consent(opted_out=False)
            case "generate_response":
                return await self._write(item)
            case "send_message":
                return Sent("sent")
        if spec.fallback is None:
            raise Retryable("nothing is remembered here")
        return spec.fallback(item)

    async def _write(self, item: Any) -> Draft:
        self._turns.news.extend(self._news)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return Draft("Hello", "fast", ModelId("fake"))


def message(text: str) -> InboundMessage:
    return InboundMessage(2, Wamid("wamid.B"), "text", text, datetime(2026, 11, 23, tzinfo=UTC))


def run(
    turns: Turns,
    transport: Any,
    until: Callable[[Router], bool],
    *,
    wakeups: Wakeups | None = None,
    limits: RouterLimits = FAST,
    outbox: FakeOutbox | None = None,
    pulse: Pulse | None = None,
) -> None:
    async def scenario() -> None:
        router = Router(
            turns,
            outbox or FakeOutbox(),
            wakeups or Wakeups(),
            transport,
            limits,
            pulse=pulse,
        )
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


@pytest.mark.parametrize(
    ("news", "ended"),
    [
        (Arrivals(TurnId("t1"), (message("price?"),)), "superseded"),
        (Arrivals(TurnId("t1"), (message("thanks"),), commanded=True), "superseded"),
        (Arrivals(TurnId("t1"), taken_over=True), "suppressed"),
    ],
)
def test_a_turn_not_worth_finishing_is_stopped_with_its_model_call(
    news: Arrivals, ended: str
) -> None:
    """A newer question, a control word and a colleague end the turn while its model writes."""
    turns, wakeups = Turns(a_turn()), Wakeups()
    transport = Writing(turns, news)
    run(turns, transport, lambda _router: bool(turns.ended), wakeups=wakeups)
    assert turns.ended == [("t1", ended)]
    assert transport.stopped == 1
    assert wakeups.revocations == ["t1"]


def test_small_talk_does_not_throw_away_what_a_model_writes() -> None:
    """It is answered by the turn under way, which goes on."""
    turns = Turns(a_turn())
    transport = Writing(turns, Arrivals(TurnId("t1"), (message("thanks"),)))

    def answered(_router: Router) -> bool:
        if turns.admitted:
            transport.go_on.set()
        return bool(turns.ended)

    run(turns, transport, answered)
    assert turns.admitted == [("t1", ["thanks"], [])]
    assert turns.ended == [("t1", "sent")]
    assert transport.stopped == 0


def test_a_queued_intent_waits_for_the_turn_under_way() -> None:
    """Where the policy says so, a newer message is the next turn's."""
    turns = Turns(a_turn())
    transport = Writing(turns, Arrivals(TurnId("t1"), (message("price?"),)))
    limits = replace(FAST, policies={**POLICIES, "pricing": "queue"})

    def answered(_router: Router) -> bool:
        if turns.admitted:
            transport.go_on.set()
        return bool(turns.ended)

    run(turns, transport, answered, limits=limits)
    assert turns.admitted == [("t1", [], ["price?"])]
    assert turns.ended == [("t1", "sent")]


def test_deferred_messages_go_through_the_send_step_when_they_are_due() -> None:
    """Each once; a failure of one is left to its lease and stops no other."""
    sent: list[SendOrder] = []

    async def transport(spec: StepSpec[Any, Any], item: SendOrder) -> Sent:
        assert spec.name == "send_message"
        sent.append(item)
        if len(sent) == 1:
            raise Retryable("the step is away")
        return Sent("sent")

    outbox = FakeOutbox(waiting=[order("one"), order("two")])
    run(Turns(), transport, lambda _router: len(sent) == 2, outbox=outbox)
    assert [one.reply.text for one in sent] == ["one", "two"]


class Late(Pulse):
    """A process whose event loop is late by so much, and stays so."""

    def __init__(self, late_s: float) -> None:
        super().__init__()
        self.late_s = late_s

    async def beat(self) -> None:
        await asyncio.sleep(3600)


@pytest.mark.parametrize(("late_s", "held"), [(0.0, 40), (FAST.lease_s / 2, FEW)])
def test_who_cannot_keep_up_takes_on_no_more(late_s: float, held: int) -> None:
    """A router whose loop is late keeps to a few turns; else it would renew none in time."""
    turns = Turns(*(a_turn(f"t{n}") for n in range(60)))
    go_on = asyncio.Event()
    most, looks = 0, 0

    def ended(router: Router) -> bool:
        nonlocal most, looks
        most, looks = max(most, router.num_running), looks + 1
        if looks > 100 and most >= held:
            go_on.set()
        return len(turns.ended) == 60

    limits = replace(FAST, max_turns=40, poll_s=0.001)
    run(turns, Silent(go_on.wait), ended, limits=limits, pulse=Late(late_s))
    assert most == held
