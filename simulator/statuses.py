"""The life of a sent message: which statuses come, when, and in which order."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from simulator import payloads
from simulator.errors import status_error
from simulator.faults import FaultBoard, StatusKnobs
from simulator.state import RANK, ChatMessage, World
from simulator.timers import Timers
from simulator.webhooks import WebhookSender
from simulator.wire import Json

_MONTH_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Step:
    """One status, so many seconds after the message was accepted."""

    after_s: float
    status: str


def plan(knobs: StatusKnobs, dice: random.Random, *, with_read: bool = True) -> list[Step]:
    """Roll the dice for one message. The list is in the order of arrival."""

    def hits(probability: float) -> bool:
        return dice.random() < probability

    def when(delay_s: float) -> float:
        return delay_s * (1 + knobs.jitter * dice.uniform(-1, 1))

    lost = hits(knobs.never_delivered_p)
    skip = hits(knobs.read_without_delivered_p)
    times = {"sent": when(knobs.sent_delay_s)}
    if not lost and not (skip and with_read):
        times["delivered"] = max(when(knobs.delivered_delay_s), times["sent"])
    if not lost and with_read:
        times["read"] = max(when(knobs.read_delay_s), *times.values())
    if len(times) > 1 and hits(knobs.out_of_order_p):
        times = dict(zip(times, reversed(list(times.values())), strict=True))
    if hits(knobs.late_p):
        late = dice.choice(list(times))
        times[late] += when(knobs.late_s)
    steps = [Step(after_s, status) for status, after_s in times.items()]
    steps += [Step(s.after_s + 0.05, s.status) for s in steps if hits(knobs.duplicate_p)]
    return sorted(steps, key=lambda step: step.after_s)


class StatusReporter:
    """Moves messages through their life, and tells the webhook."""

    def __init__(
        self,
        world: World,
        faults: FaultBoard,
        webhooks: WebhookSender,
        timers: Timers,
        clock: Callable[[], float],
    ) -> None:
        self._world, self._faults, self._webhooks = world, faults, webhooks
        self._timers, self._clock = timers, clock
        self._month_started_at = 0.0
        self._service_messages = 0

    def follow(self, message: ChatMessage, category: str, failure: int | None) -> bool:
        """Schedule what becomes of an accepted message; `failure` is a code, or None.

        True: `sent` is reported already, and is meant to overtake the answer of the send call.
        """
        knobs = self._faults.now.statuses
        if failure is not None:
            errors = [status_error(failure)]
            self._later(message, Step(knobs.sent_delay_s, "failed"), None, errors)
            return False
        if not knobs.enabled:
            return False
        pricing = self._pricing(category)
        steps = self._steps(message, knobs)
        overtaken = self._faults.hits(knobs.before_response_p)
        if overtaken:
            self._report(message, "sent", pricing, None)
            steps = [step for step in steps if step.status != "sent"]
        # A price comes with `sent` and with one of `delivered` and `read`.
        second = {"delivered", "read"} & {step.status for step in steps}
        billed = {"sent", "delivered" if "delivered" in second else "read"}
        for step in steps:
            self._later(message, step, pricing if step.status in billed else None, None)
        return overtaken

    def _steps(self, message: ChatMessage, knobs: StatusKnobs) -> list[Step]:
        if message.type == "reaction":  # reactions only ever become `sent`
            return [Step(knobs.sent_delay_s, "sent")]
        return plan(knobs, self._faults.dice, with_read=knobs.read == "auto")

    def read(self, message: ChatMessage) -> None:
        """The customer has seen this message."""
        if message.status in {"sent", "delivered"}:
            self._report(message, "read", None, None)

    def _later(
        self, message: ChatMessage, step: Step, pricing: Json | None, errors: list[Json] | None
    ) -> None:
        self._timers.later(
            step.after_s, lambda: self._report(message, step.status, pricing, errors)
        )

    def _report(
        self,
        message: ChatMessage,
        status: str,
        pricing: Json | None,
        errors: list[Json] | None,
    ) -> None:
        customer = self._world.find(message.customer_id)
        if customer is None:
            return
        now = int(self._clock())
        _advance(message, status, now, errors)
        self._world.touch(message)
        update = payloads.status_update(
            customer,
            message,
            status,
            now,
            pricing=pricing,
            errors=errors,
            wild_contacts=self._faults.hits(0.5),
        )
        self._webhooks.enqueue(update)

    def _pricing(self, category: str) -> Json:
        """What this message costs: so many service messages a month are free."""
        free = category == "service" and self._within_quota()
        return {
            "billable": not free,
            "pricing_model": "PMP",
            "type": "free_customer_service" if free else "regular",
            "category": category,
        }

    def _within_quota(self) -> bool:
        now = self._clock()
        if now - self._month_started_at > _MONTH_S:
            self._month_started_at, self._service_messages = now, 0
        self._service_messages += 1
        return self._service_messages <= self._faults.now.limits.free_service_messages

    def clear(self) -> None:
        """Forget the month."""
        self._month_started_at, self._service_messages = 0.0, 0


def _advance(message: ChatMessage, status: str, now: int, errors: list[Json] | None) -> None:
    """What the page shows goes only forward, however statuses arrive."""
    message.statuses.append({"status": status, "timestamp": now})
    del message.statuses[:-20]
    if status == "failed":
        message.status, message.error = "failed", errors[0] if errors else None
    elif message.status != "failed" and RANK[status] > RANK[message.status]:
        message.status = status
