"""Races of a customer's STOP and a colleague's take-over against a turn that is about to send.

Straight at the stores: what counts is which commit comes first, thousands of times.
"""

# ruff: noqa: PLR2004  # figures of the promise and shares of chance stand where they apply

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bench.storm.house import Services, fresh_database
from serving.ports import Gate
from serving.stores.database import Database
from serving.stores.handover import Handover
from serving.stores.inbox import Inbox
from serving.stores.outbox import PostgresOutbox
from serving.stores.turns import PostgresTurns
from serving.types import Consent, Parsed, Reply, SendOrder, Turn, TurnRecord
from serving.updates import Identity, Received, Takeover, Updates

NUMBER = "106500000000002"
AT_ONCE = 40
PARSED = Parsed("en", "latn", "pricing", {"pricing": 1.0}, "neutral")
SENT = b"SELECT count(*) FROM outbox WHERE turn_id = %(turn_id)s"

Ending = Callable[[Turn, str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Races:
    run: int
    sent_before: int  # the gate's commit came first
    sent_after: int  # must be none


class _Field:
    """The stores of one run."""

    def __init__(self, database: Database, rng: random.Random) -> None:
        self.database, self.rng = database, rng
        self.inbox, self.turns = Inbox(database), PostgresTurns(database)
        self.outbox, self.handover = PostgresOutbox(database), Handover(database)

    def message(self, sender: str, text: str) -> Received:
        wamid = f"wamid.{self.rng.getrandbits(64):x}"
        return Received(
            NUMBER, wamid, Identity(sender), "text", text, datetime.now(UTC), triggers=True
        )

    async def stop(self, _turn: Turn, sender: str) -> None:
        await self.inbox.accept(Updates(messages=(self.message(sender, "STOP"),)))

    async def take(self, turn: Turn, sender: str) -> None:
        """By the desk's API, or by answering from the business app."""
        if self.rng.random() < 0.5:
            await self.handover.take_over(uuid.UUID(turn.conversation_id), "race")
            return
        said = self.message(sender, "I am on it")
        echo = Takeover(NUMBER, Identity(sender), said.wamid, said.text, said.sent_at)
        await self.inbox.accept(Updates(takeovers=(echo,)))

    async def race(self, turn: Turn, sender: str, end: Ending) -> tuple[bool, bool]:
        """Whether the reply was committed, and whether after the end was."""
        ended = asyncio.Event()
        pauses = self.rng.uniform(0, 0.01), self.rng.uniform(0, 0.03)

        async def ending() -> int:
            await asyncio.sleep(pauses[0])
            await end(turn, sender)
            ended.set()
            return await self._sent(turn)

        async def answering() -> tuple[bool, Gate]:
            await asyncio.sleep(pauses[1])
            late = ended.is_set()
            (gate,) = await self.outbox.admit([_order(turn)])
            return late, gate

        sent_then, (late, gate) = await asyncio.gather(ending(), answering())
        sent_now = await self._sent(turn)
        after = (late and gate.outcome == "go") or sent_now > sent_then
        return sent_now > 0, after

    async def _sent(self, turn: Turn) -> int:
        parameters = {"turn_id": turn.turn_id}
        [(count,)] = await self.database.query(SENT, parameters)
        return int(count)


def _order(turn: Turn) -> SendOrder:
    return SendOrder(TurnRecord(turn, PARSED, Consent(opted_out=False)), Reply("It costs 10,500."))


async def races(services: Services, seed: int, count: int, kind: str) -> Races:
    """`kind`: stop, or take. Each race has a customer and a turn of its own."""
    url = await asyncio.to_thread(fresh_database, services)
    settings = replace(services.settings, database_url=url)
    database = Database(url, settings.encryption_keys, max_connections=16)
    await database.open()
    try:
        it = _Field(database, random.Random(seed))
        end = it.stop if kind == "stop" else it.take
        outcomes = [
            outcome
            for start in range(0, count, AT_ONCE)
            for outcome in await _round(it, min(AT_ONCE, count - start), end, start)
        ]
    finally:
        await database.close()
    after = sum(late for _, late in outcomes)
    return Races(len(outcomes), sum(sent for sent, _ in outcomes) - after, after)


async def _round(it: _Field, size: int, end: Ending, start: int) -> Sequence[tuple[bool, bool]]:
    senders = {f"q{start + n}": f"1555{start + n:08d}" for n in range(size)}
    messages = tuple(it.message(sender, name) for name, sender in senders.items())
    await it.inbox.accept(Updates(messages=messages))
    turns: list[Turn] = []
    while len(turns) < size:
        turns += [t for t in await it.turns.claim("races", size, 60.0) if t.text in senders]
    return await asyncio.gather(*(it.race(turn, senders[turn.text], end) for turn in turns))
