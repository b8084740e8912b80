"""One question through the whole flow, played on a phone of the simulator.

Knows the phone and the read model of a turn. Must not know how it is answered.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx

from deployments.local import simulator
from deployments.local.errors import LocalError
from deployments.local.phone import Phone, Written
from deployments.parts import Parts
from deployments.settings import Settings
from serving.errors import Retryable

if TYPE_CHECKING:
    from serving.stores.stats import TurnView
    from serving.types import TurnRecord

DEFAULT_CUSTOMER: Final = "15550100190"  # nobody of the demo's customers
POLL_S: Final = 0.2
AFTER_REPLY_S: Final = 15.0  # the last two steps run after the customer has the answer
HTTP_TIMEOUT_S: Final = 10.0
# Not over yet, and why: what a person who waits is told.
UNSETTLED: Final = {
    "deferred": "the answer is there, but Meta takes few messages at a time: it is sent when due",
    "parked": "the answer was sent, but it is not known yet whether it arrived",
}
Say = Callable[[str], None]


class Turns(Protocol):
    async def turn_of(self, phone_number_id: str, wamid: str) -> "TurnView | None": ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that was put on its way."""

    message: Written
    number: str  # the business's
    at: float  # monotonic
    give_up_at: float  # monotonic


def ask(settings: Settings, text: str, customer: str, timeout_s: float, say: Say) -> dict[str, Any]:
    """Ask as `customer` (a wa_id) and return what was answered, and how."""
    return asyncio.run(_ask(settings, text, customer, timeout_s, say))


async def _ask(
    settings: Settings, text: str, customer: str, timeout_s: float, say: Say
) -> dict[str, Any]:
    parts = Parts(settings)
    database, stats = parts.database, parts.stats
    address = simulator.address(settings)
    try:
        await parts.open()
        async with httpx.AsyncClient(base_url=address, timeout=HTTP_TIMEOUT_S) as http:
            phone = Phone(http, customer)
            await phone.arrive()
            at = time.monotonic()
            written = await phone.write(text)
            asked = Asked(written, settings.phone_number_id, at, at + timeout_s)
            view = await settled(stats, asked, say)
            reply = await _reply(phone, asked, view)
            total_ms = (time.monotonic() - at) * 1e3
            complete = await _complete(stats, asked, view)
    except httpx.HTTPStatusError as error:
        raise LocalError(f"the simulator refused it: {error.response.text[:200]}") from error
    except httpx.HTTPError as error:
        why = type(error).__name__
        raise LocalError(
            f"the simulator at {address} does not answer ({why}); start with `switchback up`"
        ) from error
    except Retryable as error:
        raise LocalError(f"{error}; start with `switchback up`") from error
    finally:
        await database.close()
    return summary(complete, reply, total_ms)


async def settled(stats: Turns, asked: Asked, say: Say) -> "TurnView":
    """The turn that ended our message, as soon as its outcome is known.

    What is only delayed is waited for, and said; when time is up it is the outcome.
    """
    view: TurnView | None = None
    told = ""
    while time.monotonic() < asked.give_up_at:
        # None again while a deferred answer is on its way
        view = await stats.turn_of(asked.number, asked.message.wamid) or view
        outcome = view.sent.outcome if view is not None and view.sent is not None else ""
        if view is not None and outcome not in UNSETTLED:
            return view
        if outcome not in ("", told):
            say(f"waiting: {UNSETTLED[outcome]}")
            told = outcome
        await asyncio.sleep(POLL_S)
    if view is not None:
        return view
    waited_s = time.monotonic() - asked.at
    raise LocalError(
        f"no answer within {waited_s:.0f} s; see `switchback status` and the logs folder"
    )


async def _reply(phone: Phone, asked: Asked, view: "TurnView") -> str | None:
    """What arrived on the phone; None when nothing was to be said, or nothing was sent yet."""
    if view.sent is None or view.sent.wamid is None:
        return None
    while time.monotonic() < asked.give_up_at:
        for message in await phone.replies(asked.message.seq):
            if message["id"] == view.sent.wamid:
                return str(message["text"])
        await asyncio.sleep(POLL_S)
    raise LocalError("the answer was sent but did not arrive at the simulator")


async def _complete(stats: Turns, asked: Asked, view: "TurnView") -> "TurnView":
    """The same turn with the times of its last steps, if they come in time."""
    give_up_at = time.monotonic() + AFTER_REPLY_S
    while not view.complete and time.monotonic() < give_up_at:
        await asyncio.sleep(POLL_S)
        view = await stats.turn_of(asked.number, asked.message.wamid) or view
    return view


def summary(view: "TurnView", reply: str | None, total_ms: float) -> dict[str, Any]:
    """The turn in the words of the public interface."""
    if view.record is None:
        raise LocalError(f"the turn ended without an answer ({view.state})")
    outcome = view.sent.outcome if view.sent is not None else "silent"
    return {
        "reply": reply or "",
        **_understood(view.record),
        **_answered(view.record),
        "steps": [
            {"name": step.name, "ms": round(step.ms, 3), "outcome": step.outcome}
            for step in view.record.timings
        ],
        "total_ms": round(total_ms, 3),
        "turn_id": view.record.turn.turn_id,
        "outcome": outcome,
    }


def _understood(record: "TurnRecord") -> Mapping[str, Any]:
    return {"language": record.parsed.language, "intent": record.parsed.intent}


def _answered(record: "TurnRecord") -> Mapping[str, Any]:
    draft, validated = record.draft, record.validated
    citations = validated.citations if validated is not None else ()
    return {
        "citations": [
            {"doc": c.doc, "revision": c.revision, "span": list(c.span), "epoch": c.epoch}
            for c in citations
        ],
        "model": draft.model if draft is not None else "",
        "tier": draft.tier if draft is not None else "",
        "degraded": list(record.degraded),
    }
