"""Step 9: the gate, then one Graph call, then what became of it.

What Graph may have accepted is never sent again: an unclear outcome is parked for the status
webhook. Only refusals that are known not to have been accepted are repeated, within one budget.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from serving.errors import Failure, Overloaded, Retryable, SwitchbackError
from serving.ports import Clock, Gate, Graph, GraphResult, Outbox, OutgoingMessage
from serving.replies import to_whatsapp
from serving.retry import decide
from serving.sentences import shorten
from serving.step import Step, as_outcome
from serving.types import SendOrder, SendOutcome, Sent

MAX_TEXT_CHARS = 4096  # Graph's limits for a text body and for the body above buttons
MAX_BUTTON_TEXT_CHARS = 1024
MAX_BUTTONS = 3
MAX_BUTTON_TITLE_CHARS = 20
MAX_BUTTON_ID_CHARS = 256


@dataclass(frozen=True, slots=True)
class SendSettings:
    budget_s: float = 14.0  # of the step's 20: all tries and the waits between them
    call_deadline_s: float = 8.0  # of one call; Graph answers in well under two seconds
    settle_attempts: int = 3


class SendMessage(Step[SendOrder, Sent]):
    name = "send_message"

    def __init__(
        self, outbox: Outbox, graph: Graph, clock: Clock, settings: SendSettings | None = None
    ) -> None:
        self._outbox = outbox
        self._graph = graph
        self._clock = clock
        self._settings = settings or SendSettings()
        self._rng = random.Random()

    async def one(self, item: SendOrder) -> Sent:
        result = (await self.many([item]))[0]
        if isinstance(result, Failure):
            raise result.error()
        return result

    async def many(self, items: Sequence[SendOrder]) -> list[Sent | Failure]:
        try:
            gates = await self._outbox.admit(items)
        except SwitchbackError as error:  # nothing was committed, so nothing will be sent
            return [Failure.of(error)] * len(items)
        results = await asyncio.gather(*map(self._deliver, items, gates), return_exceptions=True)
        return [as_outcome(result) for result in results]

    async def _deliver(self, order: SendOrder, gate: Gate) -> Sent:
        if gate.outcome != "go":
            return Sent(gate.outcome, gate.wamid, gate.reason)
        sent = verdict(await self._send(outgoing(order, gate)))
        await self._settle(gate.callback_data, sent)
        return sent

    async def _send(self, message: OutgoingMessage) -> GraphResult:
        """Call until it is accepted, refused, unclear, or the budget is spent."""
        deadline = time.monotonic() + self._settings.budget_s
        attempts = 0
        while True:
            left_s = deadline - time.monotonic()
            result = await self._graph.send(message, min(self._settings.call_deadline_s, left_s))
            attempts += 1
            delay_s = self._delay(result, attempts)
            # A call needs time too: with less than a second left it would only be cut off.
            if delay_s is None or time.monotonic() + delay_s + 1.0 > deadline:
                return result
            await asyncio.sleep(delay_s)

    def _delay(self, result: GraphResult, attempts: int) -> float | None:
        error: SwitchbackError
        match result.outcome:
            case "retry":
                error = Retryable(result.detail)
            case "wait":
                error = Overloaded(result.detail, result.retry_after_s)
            case "accepted" | "refused" | "ambiguous":
                return None
            case _ as never:
                assert_never(never)
        decision = decide(error, attempts, self._rng)
        return decision.delay_s if decision else None

    async def _settle(self, callback_data: str, sent: Sent) -> None:
        """Record the outcome. If that cannot be done, the status webhook will: it carries the
        same callback data, and the outbox row keeps the turn from being sent again.
        """
        for attempt in range(1, self._settings.settle_attempts + 1):
            try:
                await self._outbox.settle(callback_data, sent.outcome, sent.wamid, sent.reason)
            except SwitchbackError as error:
                decision = decide(error, attempt, self._rng)
                if decision is None:
                    return
                await asyncio.sleep(decision.delay_s)
            else:
                return


def outgoing(order: SendOrder, gate: Gate) -> OutgoingMessage:
    """The reply as Graph takes it: one message, never split."""
    turn, reply = order.record.turn, order.reply
    assert gate.recipient is not None, "a gate that says go names the recipient"
    limit = MAX_BUTTON_TEXT_CHARS if reply.buttons else MAX_TEXT_CHARS
    newest = turn.messages[-1]
    return OutgoingMessage(
        phone_number_id=turn.phone_number_id,
        recipient=gate.recipient,
        text=shorten(to_whatsapp(reply.text), limit),
        buttons=tuple(
            (button[:MAX_BUTTON_ID_CHARS], title[:MAX_BUTTON_TITLE_CHARS])
            for button, title in reply.buttons[:MAX_BUTTONS]
        ),
        callback_data=gate.callback_data,
        # After a burst the quoted message shows which one the answer is for.
        reply_to=newest.wamid if len(turn.messages) > 1 else None,
    )


def verdict(result: GraphResult) -> Sent:
    outcome: SendOutcome
    match result.outcome:
        case "accepted":
            return Sent("sent", result.wamid)
        case "ambiguous":
            outcome = "parked"
        case "refused" | "retry" | "wait":
            # Known not to have been accepted, and out of time: a person sees it as failed.
            outcome = "failed"
        case _ as never:
            assert_never(never)
    code = f"{result.code}: " if result.code is not None else ""
    return Sent(outcome, result.wamid, f"{code}{result.detail}"[:300])
