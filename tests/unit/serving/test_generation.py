"""Around the model: paid for once, and not at all when nobody waits any more."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from models.types import Epoch
from serving.errors import Retryable
from serving.generation import EconomicalGeneration, Revoked
from serving.step import Step
from serving.types import (
    Citation,
    CustomerContext,
    Documents,
    Draft,
    GenerationQuery,
    Risk,
    Turn,
    TurnId,
)
from tests.fakes import values
from tests.fakes.models import EPOCH

pytestmark = pytest.mark.anyio

PAID = replace(
    values.draft("It costs 10,500."),
    completion_tokens=9,
    citations=(Citation("prices.md", "1", (0, 4), EPOCH),),
)


@dataclass
class Drafts:
    by_messages: dict[tuple[int, ...], Draft] = field(default_factory=dict)
    broken: bool = False

    async def keep(self, turn: Turn, draft: Draft) -> None:
        if self.broken:
            raise Retryable("the database is away")
        self.by_messages[key(turn)] = draft

    async def kept(self, turn: Turn) -> Draft | None:
        if self.broken:
            raise Retryable("the database is away")
        return self.by_messages.get(key(turn))


def key(turn: Turn) -> tuple[int, ...]:
    return tuple(message.inbox_id for message in turn.messages)


class Hints:
    """Revocations from a queue; nothing else is used here."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[TurnId] = asyncio.Queue()

    async def notify(self) -> None: ...

    async def wait(self, timeout_s: float) -> None: ...

    async def revoke(self, turn_id: TurnId) -> None:
        self.queue.put_nowait(turn_id)

    async def revoked(self) -> AsyncIterator[TurnId]:
        while True:
            yield await self.queue.get()


class Writer(Step[GenerationQuery, Draft]):
    """Counts what is paid for; the turn `slow` is written until it is stopped."""

    name = "generate_response"

    def __init__(self, draft: Draft = PAID) -> None:
        self.calls = 0
        self.stopped = 0
        self.started = asyncio.Event()
        self._draft = draft

    async def one(self, item: GenerationQuery) -> Draft:
        self.calls += 1
        self.started.set()
        if item.turn.turn_id == "slow":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.stopped += 1
                raise
        return self._draft


def query(turn_id: str = "t1", attempt: int = 1, epoch: Epoch = EPOCH) -> GenerationQuery:
    turn = replace(values.turn("How much?", turn_id=turn_id), attempt=attempt)
    return GenerationQuery(
        turn, values.parsed("pricing"), CustomerContext(), Documents(epoch), Risk(0, "low", {})
    )


async def test_a_draft_is_paid_for_once() -> None:
    """The holder dies after the model answered; the next turn of the same messages goes on."""
    writer, drafts = Writer(), Drafts()
    assert await EconomicalGeneration(writer, drafts, Hints()).one(query()) == PAID
    again = EconomicalGeneration(writer, drafts, Hints())
    assert await again.one(query("t2", attempt=2)) == PAID
    assert writer.calls == 1


async def test_a_draft_of_another_epoch_is_written_anew() -> None:
    """Citations must be of the documents that are live now."""
    writer, drafts = Writer(), Drafts()
    step = EconomicalGeneration(writer, drafts, Hints())
    await step.one(query())
    await step.one(query("t2", attempt=2, epoch=Epoch("e-next")))
    assert writer.calls == 2


async def test_words_that_cost_nothing_are_not_kept() -> None:
    """A template is made again in no time."""
    drafts = Drafts()
    await EconomicalGeneration(Writer(values.draft("Hello!")), drafts, Hints()).one(query())
    assert drafts.by_messages == {}


async def test_without_the_database_the_answer_is_given_all_the_same() -> None:
    """Keeping is economy, not a condition."""
    writer = Writer()
    step = EconomicalGeneration(writer, Drafts(broken=True), Hints())
    assert await step.one(query("t2", attempt=2)) == PAID


async def test_a_revoked_call_is_stopped_and_its_neighbours_go_on() -> None:
    """In one batch the revoked item fails, the other one is answered."""
    writer, hints = Writer(), Hints()
    step = EconomicalGeneration(writer, Drafts(), hints)
    await step.warm_up()
    batch = asyncio.create_task(step.many([query("slow"), query("t1")]))
    await writer.started.wait()
    await hints.revoke(TurnId("slow"))
    failed, answered = await asyncio.wait_for(batch, 10)
    assert answered == PAID
    assert not isinstance(failed, Draft)
    assert failed.kind == "degraded"
    assert writer.stopped == 1


async def test_a_cancelled_caller_takes_the_call_along() -> None:
    """Where the step runs in the caller's process, no message is needed."""
    writer = Writer()
    step = EconomicalGeneration(writer, Drafts(), Hints())
    call = asyncio.create_task(step.one(query("slow")))
    await writer.started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert writer.stopped == 1


def test_a_revoked_turn_is_a_degraded_one() -> None:
    """Whoever still listens uses the fallback."""
    assert str(Revoked()) == "Nobody waits for this answer any more."
