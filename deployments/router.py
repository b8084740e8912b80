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
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from deployments.pulse import Pulse
from serving import flow
from serving.arrivals import POLICIES, Policies, Policy, policy_of
from serving.errors import Failure, SwitchbackError
from serving.metrics import Counters
from serving.middleware import Meter, StepSpec, Transport, with_deadline
from serving.pace import Pace
from serving.ports import Arrivals, Outbox, TurnStore, Wakeups
from serving.retry import decide
from serving.types import InboundMessage, Interaction, SendOrder, SendOutcome, Turn, TurnResult

In = TypeVar("In")
Out = TypeVar("Out")

log = logging.getLogger("switchback.router")

# A renewal passes through the event loop about ten times: when the loop is later than this share
# of a lease, what is held already can hardly be renewed, and nothing is added to it ...
LATE_SHARE = 0.05
FEW = 8  # ... beyond these: so few never are the cause
MOST_AT_ONCE = 32  # turns of one claim: their number is felt before the next


class Work(Protocol):
    __name__: str

    def __call__(self) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class RouterLimits:
    policies: Policies = field(default_factory=lambda: POLICIES)  # of messages during a turn
    max_turns: int = 256  # running at once in one replica
    lease_s: float = 10.0  # how long a dead router's conversations wait for the next one
    renew_every_s: float = 3.0  # three tries within a lease
    poll_s: float = 1.0  # when no wake-up comes
    sweep_every_s: float = 5.0  # look for answered turns that nobody logged, and unheard sends
    # Meta's statuses come within seconds; its webhooks are repeated for days, but then we knew
    # of an outage of ours, and the mark excuses the repetition.
    unheard_after_s: float = 600.0
    resume_every_s: float = 1.0  # look for deferred messages that are due
    max_resumed: int = 16  # at once: after an outage the rest follows when these have left


@dataclass(slots=True)
class _Run:
    """One turn under way."""

    turn: Turn
    started: float
    task: "asyncio.Task[None] | None" = None
    weighing: "asyncio.Task[None] | None" = None
    at_gate: bool = False  # from here on the gate decides what newer messages mean
    stopped: SendOutcome | None = None  # why we ended it ourselves

    def stop(self, why: SendOutcome | None) -> None:
        if self.task is not None and not self.at_gate:
            self.stopped = why
            self.task.cancel()


class Router:
    """Runs turns until told to stop. `run` is started once per replica."""

    def __init__(
        self,
        turns: TurnStore,
        outbox: Outbox,
        wakeups: Wakeups,
        transport: Transport,
        limits: RouterLimits | None = None,
        *,
        meter: Meter | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self._turns = turns
        self._outbox = outbox
        self._wakeups = wakeups
        self._transport = transport
        self._limits = limits or RouterLimits()
        self._meter = meter or Counters()
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._running: dict[str, _Run] = {}
        self._pace = Pace()
        self._pulse = pulse or Pulse()
        self._alive_at = time.monotonic()

    @property
    def num_running(self) -> int:
        return len(self._running)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forever(self._pulse.beat, 0.0))
            group.create_task(self._forever(self._claim, 0.0))
            group.create_task(self._forever(self._renew, self._limits.renew_every_s))
            group.create_task(self._forever(self._sweep, self._limits.sweep_every_s))
            group.create_task(self._forever(self._resume, self._limits.resume_every_s))

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
        turns = await self._take_on(self._room())
        await self._watch()
        for turn in turns:
            run = self._running[turn.turn_id] = _Run(turn, time.monotonic())
            run.task = asyncio.create_task(self._take(run))
        if not turns:
            await self._wakeups.wait(self._limits.poll_s)

    def _room(self) -> int:
        """How many turns can be taken on now."""
        late = self._pulse.late_s > LATE_SHARE * self._limits.lease_s
        most = min(FEW, self._limits.max_turns) if late else self._limits.max_turns
        return max(0, min(MOST_AT_ONCE, most - len(self._running)))

    async def _take_on(self, room: int) -> list[Turn]:
        if not room:
            return []
        limits = self._limits
        return await self._turns.claim(self._holder, room, limits.lease_s, self._pace.expected_s)

    async def _renew(self) -> None:
        turns = [run.turn for run in self._running.values()]
        if not turns:
            return
        ours = await self._turns.renew(turns, self._limits.lease_s)
        for turn in turns:
            if turn.turn_id not in ours and turn.turn_id in self._running:
                # Somebody else has the conversation: whatever we still did would be refused.
                self._running[turn.turn_id].stop(None)

    async def _sweep(self) -> None:
        left = await self._turns.unlogged(self._holder, self._limits.max_turns, 30.0)
        for interaction in left:
            await self._log(interaction)
        await self._outbox.close_unheard(self._limits.unheard_after_s, self._limits.max_resumed)

    async def _resume(self) -> None:
        due = await self._outbox.due(self._limits.max_resumed)
        if due:
            await asyncio.gather(*map(self._send_again, due))
            await self._wakeups.notify()  # what waited behind them

    async def _send_again(self, order: SendOrder) -> None:
        """Through the same gate; if this fails the order's lease runs out and it is due again."""
        call = with_deadline(self._transport)
        try:
            await call(flow.SEND_MESSAGE, order)
        except SwitchbackError as error:
            log.warning("turn %s: %s", order.record.turn.turn_id, error)

    # ── what comes during a turn ─────────────────────────────────────────────────────────────

    async def _watch(self) -> None:
        """Stop turns that are not worth finishing: newer messages, or the bot lost its say."""
        before_gate = [
            run.turn
            for run in self._running.values()
            if not run.at_gate and run.stopped is None and run.weighing is None
        ]
        for news in await self._turns.arrivals(before_gate):
            run = self._running.get(news.turn_id)
            if run is None:
                continue
            if news.taken_over:
                run.stop("suppressed")
            elif news.commanded:
                run.stop("superseded")
            else:
                run.weighing = asyncio.create_task(self._weigh(run, news))

    async def _weigh(self, run: _Run, news: Arrivals) -> None:
        """Understand what came, then begin the turn anew or let it finish."""
        # What cannot be weighed is left to the gate, which supersedes.
        with contextlib.suppress(SwitchbackError):
            policies = await asyncio.gather(*(self._policy(run.turn, m) for m in news.messages))
            if "supersede" in policies:
                run.stop("superseded")
            else:
                by_policy = list(zip(news.messages, policies, strict=True))
                joining = [message for message, policy in by_policy if policy == "ignore"]
                waiting = [message for message, policy in by_policy if policy == "queue"]
                await self._turns.admit_arrivals(run.turn, joining, waiting)
        run.weighing = None

    async def _policy(self, turn: Turn, message: InboundMessage) -> Policy:
        alone = replace(turn, messages=(message,))
        parsed = await flow.understand(alone, self._transport, self._meter)
        return policy_of(message, parsed, self._limits.policies)

    # ── one turn ─────────────────────────────────────────────────────────────────────────────

    async def _take(self, run: _Run) -> None:
        try:
            await self._answer(run)
        except asyncio.CancelledError:
            await self._wakeups.revoke(run.turn.turn_id)
            if run.stopped is None:
                raise
            await self._end(run.turn, None, run.stopped)
        finally:
            self._running.pop(run.turn.turn_id, None)
            if run.weighing is not None:
                run.weighing.cancel()

    async def _answer(self, run: _Run) -> None:
        turn = run.turn

        async def carry(spec: StepSpec[In, Out], item: In) -> Out:
            run.at_gate = run.at_gate or spec.name == flow.SEND_MESSAGE.name
            return await self._transport(spec, item)

        try:
            try:
                result = await flow.run(turn, carry, self._meter)
            finally:
                run.at_gate = True  # and past it
        except SwitchbackError as error:
            await self._give_up_or_retry(turn, error)
        except Exception as error:
            log.exception("turn %s: a defect", turn.turn_id)
            await self._give_up_or_retry(turn, Failure.of(error).error())
        else:
            if result.sent is not None and result.sent.outcome == "sent":
                self._pace.saw(time.monotonic() - run.started)
            ended = "silent" if result.sent is None else result.sent.outcome
            await self._end(turn, result, ended)

    async def _end(self, turn: Turn, result: TurnResult | None, ended: str) -> None:
        self._meter.turn(ended)
        with contextlib.suppress(SwitchbackError):  # the lease runs out; the outbox knows
            await self._turns.finish(turn, result, ended)
        await self._wakeups.notify()  # messages that came meanwhile

    async def _give_up_or_retry(self, turn: Turn, error: SwitchbackError) -> None:
        decision = decide(error, turn.attempt)
        self._meter.turn("given_up" if decision is None else "tried_again")
        log.warning("turn %s attempt %d: %s", turn.turn_id, turn.attempt, error)
        with contextlib.suppress(SwitchbackError):
            if decision is None:
                await self._turns.bury(turn, str(error))
            else:
                await self._turns.give_back(turn, str(error), decision.delay_s)

    async def _log(self, interaction: Interaction) -> None:
        result = await flow.log(interaction, self._transport, self._meter)
        if result.logged is not None:
            await self._turns.finish(interaction.record.turn, result, interaction.sent.outcome)
