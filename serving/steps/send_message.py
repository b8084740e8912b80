"""Step 9: the gate, then one Graph call, then what became of it.

What Graph may have accepted is never sent again: an unclear outcome is parked for the status
webhook. A refusal has its row in the error table: repeated here while the budget lasts, deferred
when it has to wait longer, or over.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from serving.errors import Failure, SwitchbackError
from serving.graph_errors import ErrorRule
from serving.ports import (
    Clock,
    Gate,
    Graph,
    GraphResult,
    Outbox,
    OutgoingMessage,
    Settlement,
)
from serving.replies import MAX_BUTTONS, MAX_ROWS, to_whatsapp
from serving.retry import decide
from serving.sentences import shorten
from serving.step import Step, as_outcome
from serving.types import Reply, SendOrder, Sent

MAX_TEXT_CHARS = 4096  # Graph's limits for a text body and for the body above buttons
MAX_BUTTON_TEXT_CHARS = 1024
MAX_BUTTON_TITLE_CHARS = 20
MAX_BUTTON_ID_CHARS = 256
MAX_ROW_TITLE_CHARS = 24
MAX_ROW_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class SendSettings:
    budget_s: float = 14.0  # of the step's 20: all tries and the waits between them
    call_deadline_s: float = 8.0  # of one call; Graph answers in well under two seconds
    settle_attempts: int = 3
    first_delay_s: float = 0.5  # before the first repetition here
    first_deferral_s: float = 15.0  # before a deferred message is tried again
    longest_deferral_s: float = 300.0


class SendMessage(Step[SendOrder, Sent]):
    name = "send_message"

    def __init__(
        self,
        outbox: Outbox,
        graph: Graph,
        clock: Clock,
        settings: SendSettings | None = None,
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
        deadline = time.monotonic() + self._settings.budget_s
        if gate.wait_s > self._settings.budget_s / 2:
            ended = Settlement("deferred", detail="throughput", due_in_s=gate.wait_s)
        else:
            await asyncio.sleep(gate.wait_s)
            ended = await self._send(outgoing(order, gate), gate.attempt, deadline)
        await self._settle(gate.callback_data, ended)
        return Sent(ended.outcome, ended.wamid, ended.detail)

    async def _send(self, message: OutgoingMessage, attempt: int, deadline: float) -> Settlement:
        """Call until it is accepted, over, unclear, or has to wait longer than we can."""
        calls = 0
        while True:
            left_s = max(1.0, deadline - time.monotonic())
            result = await self._graph.send(message, min(self._settings.call_deadline_s, left_s))
            calls += 1
            if result.outcome != "refused":
                return settled(result)
            pause_s = self._pause(result.rule, calls)
            if pause_s is None:
                return settled(result)
            # A call needs time too: with less than a second left it would only be cut off.
            if result.rule.action == "hold" or time.monotonic() + pause_s + 1.0 > deadline:
                return settled(result, max(pause_s, self._deferral(attempt)))
            await asyncio.sleep(pause_s)

    def _pause(self, rule: ErrorRule, calls: int) -> float | None:
        """Seconds before the next call; None: there is none."""
        match rule.action:
            case "retry":
                if rule.retries is not None and calls > rule.retries:
                    return None
                first_s = max(self._settings.first_delay_s, rule.retry_after_s)
            case "wait":
                first_s = rule.retry_after_s
            case "hold":
                return 0.0  # the sender's hold is longer than anything we could wait here
            case "template" | "drop" | "suppress" | "alert":
                return None
            case _ as never:
                assert_never(never)
        # Never earlier than asked for; the spread is added on top (see `serving.retry`).
        return self._jittered(first_s * rule.growth ** (calls - 1))

    def _deferral(self, attempt: int) -> float:
        longest, first = self._settings.longest_deferral_s, self._settings.first_deferral_s
        return self._jittered(min(longest, first * 2.0 ** (attempt - 1)))

    def _jittered(self, seconds: float) -> float:
        return seconds * self._rng.uniform(1.0, 1.5)

    async def _settle(self, callback_data: str, settlement: Settlement) -> None:
        """Record the outcome. If that cannot be done, the status webhook will: it carries the
        same callback data, and the outbox row keeps the turn from being sent again.
        """
        for attempt in range(1, self._settings.settle_attempts + 1):
            try:
                await self._outbox.settle(callback_data, settlement)
            except SwitchbackError as error:
                decision = decide(error, attempt, self._rng)
                if decision is None:
                    return
                await asyncio.sleep(decision.delay_s)
            else:
                return


def outgoing(order: SendOrder, gate: Gate) -> OutgoingMessage:
    """The reply as Graph takes it: one message, never split."""
    turn, reply = order.record.turn, gate.reply or order.reply
    assert gate.recipient is not None, "a gate that says go names the recipient"
    limit = MAX_BUTTON_TEXT_CHARS if reply.buttons and not reply.list_label else MAX_TEXT_CHARS
    quotes = (len(turn.messages) > 1 or order.part > 0) and reply.template is None
    return OutgoingMessage(
        phone_number_id=turn.phone_number_id,
        recipient=gate.recipient,
        text=shorten(to_whatsapp(reply.text), limit),
        buttons=_choices(reply),
        callback_data=gate.callback_data,
        # After a burst, and in a repetition, the quoted message shows which one it is for.
        reply_to=turn.messages[-1].wamid if quotes else None,
        template=reply.template,
        list_label=reply.list_label[:MAX_BUTTON_TITLE_CHARS],
    )


def _choices(reply: Reply) -> tuple[tuple[str, str], ...]:
    if reply.list_label:
        rows = reply.buttons[:MAX_ROWS]
        return tuple((row[:MAX_ROW_ID_CHARS], title[:MAX_ROW_TITLE_CHARS]) for row, title in rows)
    buttons = reply.buttons[:MAX_BUTTONS]
    return tuple(
        (button[:MAX_BUTTON_ID_CHARS], title[:MAX_BUTTON_TITLE_CHARS]) for button, title in buttons
    )


def settled(result: GraphResult, due_in_s: float | None = None) -> Settlement:
    """How the call ended; with `due_in_s` a refused message waits instead of being over."""
    code = f"{result.code}: " if result.code is not None else ""
    detail = f"{code}{result.detail}"[:300]
    match result.outcome:
        case "accepted":
            return Settlement("sent", result.wamid)
        case "ambiguous":
            return Settlement("parked", result.wamid, detail)
        case "refused" if due_in_s is None:
            return Settlement("failed", None, detail, result.code)
        case "refused":
            return Settlement("deferred", None, detail, result.code, due_in_s)
        case _ as never:
            assert_never(never)
