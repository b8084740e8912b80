"""The router host: claims conversations, runs their turns through the flow, ends them.

It holds no state that is not also in the database: killed at any point, its leases run out and
another replica goes on from what was committed.
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from serving import flow
from serving.errors import Failure, SwitchbackError
from serving.middleware import Transport
from serving.ports import TurnStore, Wakeups
from serving.retry import decide
from serving.types import Interaction, Turn, TurnResult

log = logging.getLogger("switchback.router")


class Work(Protocol):
    __name__: str

    def __call__(self) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class RouterLimits:
    max_turns: int = 256  # running at once in one replica
    lease_s: float = 10.0  # how long a dead router's conversations wait for the next one
    renew_every_s: float = 3.0  # three tries within a lease
    poll_s: float = 1.0  # when no wake-up comes
    sweep_every_s: float = 5.0  # look for answered turns that nobody logged


class Router:
    """Runs turns until told to stop. `run` is started once per replica."""

    def __init__(
        self,
        turns: TurnStore,
        wakeups: Wakeups,
        transport: Transport,
        limits: RouterLimits | None = None,
    ) -> None:
        self._turns = turns
        self._wakeups = wakeups
        self._transport = transport
        self._limits = limits or RouterLimits()
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._running: dict[str, tuple[Turn, asyncio.Task[None]]] = {}
        self._alive_at = time.monotonic()

    @property
    def num_running(self) -> int:
        return len(self._running)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forever(self._claim, 0.0))
            group.create_task(self._forever(self._renew, self._limits.renew_every_s))
            group.create_task(self._forever(self._sweep, self._limits.sweep_every_s))

    def check_health(self) -> None:
        """Raise when the claim loop has stood still for longer than a lease."""
        still_s = time.monotonic() - self._alive_at
        if still_s > 3 * self._limits.lease_s:
            raise RuntimeError(f"the router has not looked at the inbox for {still_s:.0f} s")

    async def _forever(self, work: Work, pause_s: float) -> None:
        """Keep a loop going through faults of the database: they pass, the loop must not."""
        while True:
            try:
                await work()
            except (SwitchbackError, OSError, TimeoutError) as error:
                log.warning("%s: %s", work.__name__, error)
                await asyncio.sleep(self._limits.poll_s)
            await asyncio.sleep(pause_s)

    async def _claim(self) -> None:
        self._alive_at = time.monotonic()
        room = self._limits.max_turns - len(self._running)
        turns = await self._turns.claim(self._holder, room, self._limits.lease_s) if room else []
        for turn in turns:
            task = asyncio.create_task(self._take(turn))
            self._running[turn.turn_id] = (turn, task)
        if not turns:
            await self._wakeups.wait(self._limits.poll_s)

    async def _renew(self) -> None:
        turns = [turn for turn, _ in self._running.values()]
        if not turns:
            return
        ours = await self._turns.renew(turns, self._limits.lease_s)
        for turn in turns:
            if turn.turn_id not in ours and turn.turn_id in self._running:
                # Somebody else has the conversation: whatever we still did would be refused.
                self._running[turn.turn_id][1].cancel()

    async def _sweep(self) -> None:
        left = await self._turns.unlogged(self._holder, self._limits.max_turns, 30.0)
        for interaction in left:
            await self._log(interaction)

    async def _take(self, turn: Turn) -> None:
        try:
            await self._answer(turn)
        finally:
            self._running.pop(turn.turn_id, None)

    async def _answer(self, turn: Turn) -> None:
        try:
            result = await flow.run(turn, self._transport)
        except SwitchbackError as error:
            await self._give_up_or_retry(turn, error)
        except Exception as error:
            log.exception("turn %s: a defect", turn.turn_id)
            await self._give_up_or_retry(turn, Failure.of(error).error())
        else:
            await self._finish(turn, result)

    async def _finish(self, turn: Turn, result: TurnResult) -> None:
        ended = "silent" if result.sent is None else result.sent.outcome
        with contextlib.suppress(SwitchbackError):  # the lease runs out; the outbox knows
            await self._turns.finish(turn, result, ended)
        await self._wakeups.notify()  # messages that came meanwhile

    async def _give_up_or_retry(self, turn: Turn, error: SwitchbackError) -> None:
        decision = decide(error, turn.attempt)
        log.warning("turn %s attempt %d: %s", turn.turn_id, turn.attempt, error)
        with contextlib.suppress(SwitchbackError):
            if decision is None:
                await self._turns.bury(turn, str(error))
            else:
                await self._turns.give_back(turn, str(error), decision.delay_s)

    async def _log(self, interaction: Interaction) -> None:
        result = await flow.log(interaction, self._transport)
        if result.logged is not None:
            await self._turns.finish(interaction.record.turn, result, interaction.sent.outcome)
