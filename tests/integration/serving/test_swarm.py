"""Many workers that die at any point, on many conversations that get every message twice.

The smallest form of the chaos run: whatever happens, every message is answered once, in order.
"""

import asyncio
import random
from itertools import pairwise

import pytest

from serving.ports import Settlement
from serving.types import Turn, TurnResult, Wamid
from serving.webhook import parse
from tests.integration.serving.world import World, envelope, interaction, order, play, text

CONVERSATIONS, MESSAGES, WORKERS = 12, 5, 4


class Died(Exception):
    """A worker is gone; it tidies up nothing."""


class Worker:
    def __init__(self, world: World, name: str, rng: random.Random) -> None:
        self._world = world
        self._name = name
        self._rng = rng

    async def run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            for turn in await self._world.claim(self._name, 3, lease_s=0.3):
                try:
                    await self._answer(turn)
                except Died:
                    continue
            await asyncio.sleep(0.01)

    def _perhaps_die(self) -> None:
        if self._rng.random() < 0.15:
            raise Died

    async def _answer(self, turn: Turn) -> None:
        await asyncio.sleep(self._rng.uniform(0, 0.03))
        self._perhaps_die()
        (gate,) = await self._world.outbox.admit([order(turn)])
        self._perhaps_die()
        if gate.outcome == "go":
            wamid = Wamid(f"wamid.{gate.callback_data}")
            await self._world.outbox.settle(gate.callback_data, Settlement("sent", wamid, ""))
            self._perhaps_die()
        done = interaction(turn)
        ended = "sent" if gate.outcome == "go" else gate.outcome
        await self._world.turns.finish(turn, TurnResult(done.record, done.sent, None), ended)


async def deliver(world: World, rng: random.Random) -> None:
    """Everything twice, in random bodies, not in the order it was written."""
    messages = [
        text(f"{n}", sender=f"1555{c:07d}", age_s=MESSAGES - n)
        for c in range(CONVERSATIONS)
        for n in range(MESSAGES)
    ]
    again = messages * 2
    rng.shuffle(again)
    while again:
        size = rng.randint(1, 8)
        body, again = again[:size], again[size:]
        await world.inbox.accept(parse(envelope(messages=body)))
        await asyncio.sleep(rng.uniform(0, 0.02))


async def emptied(world: World) -> None:
    while (await world.stats.inbox_stats()).pending:  # known by the database only
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_message_is_answered_once_whoever_dies(database_url: str, seed: int) -> None:
    """Nothing lost, nothing answered twice, and each turn in the order the customer wrote."""

    async def scenario(world: World) -> None:
        rng = random.Random(seed)
        over = asyncio.Event()
        workers = [Worker(world, f"w{n}", random.Random(seed * 10 + n)) for n in range(WORKERS)]
        running = [asyncio.create_task(worker.run(over)) for worker in workers]
        await deliver(world, rng)
        await asyncio.wait_for(emptied(world), 60.0)
        over.set()
        await asyncio.gather(*running)

        counts = await world.rows("SELECT state, count(*) FROM inbox GROUP BY state")
        assert counts == [("answered", CONVERSATIONS * MESSAGES)]
        answers = await world.rows(
            "SELECT t.inbox_ids FROM outbox o JOIN turns t USING (turn_id)"
            " ORDER BY t.conversation_id, t.fence"
        )
        answered = [inbox_id for (ids,) in answers for inbox_id in ids]
        assert len(answered) == len(set(answered)) == CONVERSATIONS * MESSAGES
        written = dict(await world.rows("SELECT inbox_id, sent_at FROM inbox"))
        for (ids,) in answers:
            times = [written[inbox_id] for inbox_id in ids]
            assert all(earlier <= later for earlier, later in pairwise(times))

    play(database_url, scenario)
