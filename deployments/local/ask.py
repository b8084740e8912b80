"""One question through the whole flow, played on a phone of the simulator.

Knows the simulator's REST routes and the read model of a turn. Must not know how it is answered.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from deployments.local import simulator
from deployments.local.errors import LocalError
from deployments.parts import Parts
from deployments.settings import Settings
from serving.errors import Retryable

if TYPE_CHECKING:
    from serving.stores.stats import TurnView
    from serving.types import TurnRecord

DEFAULT_CUSTOMER: Final = "15550100190"  # nobody of the demo's customers
POLL_S: Final = 0.2
AFTER_REPLY_S: Final = 15.0  # the last two steps run after the customer has the answer


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that was put on its way."""

    wamid: str
    seq: int
    customer: str
    at: float  # monotonic


def ask(settings: Settings, text: str, customer: str, timeout_s: float) -> dict[str, Any]:
    """Ask as `customer` (a wa_id) and return what was answered, and how."""
    return asyncio.run(_ask(settings, text, customer, timeout_s))


async def _ask(settings: Settings, text: str, customer: str, timeout_s: float) -> dict[str, Any]:
    parts = Parts(settings)
    database, stats = parts.database, parts.stats
    address = simulator.address(settings)
    try:
        await parts.open()
        async with httpx.AsyncClient(base_url=address, timeout=10.0) as phone:
            asked = await _write(phone, customer, text)
            give_up_at = asked.at + timeout_s
            view = await _turn(stats, settings.phone_number_id, asked, give_up_at)
            reply = await _reply(phone, asked, view, give_up_at)
            total_ms = (time.monotonic() - asked.at) * 1e3
            complete = await _complete(stats, settings.phone_number_id, asked, view)
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


async def _write(phone: httpx.AsyncClient, customer: str, text: str) -> Asked:
    known = await phone.get(f"/sim/customers/{customer}")
    if known.status_code == httpx.codes.NOT_FOUND:
        new = {"name": "Guest", "wa_id": customer}
        (await phone.post("/sim/customers", json=new)).raise_for_status()
    at = time.monotonic()
    body = {"type": "text", "text": text}
    sent = await phone.post(f"/sim/customers/{customer}/messages", json=body)
    if sent.is_error:
        raise LocalError(f"the simulator refused the message: {sent.text[:200]}")
    message = sent.json()
    return Asked(message["id"], message["seq"], customer, at)


async def _turn(stats: Any, number: str, asked: Asked, give_up_at: float) -> "TurnView":
    """The turn that ended our message, as soon as its outcome is known."""
    while time.monotonic() < give_up_at:
        view: TurnView | None = await stats.turn_of(number, asked.wamid)
        if view is not None:
            return view
        await asyncio.sleep(POLL_S)
    waited_s = time.monotonic() - asked.at
    raise LocalError(
        f"no answer within {waited_s:.0f} s; see `switchback status` and the logs folder"
    )


async def _reply(
    phone: httpx.AsyncClient, asked: Asked, view: "TurnView", give_up_at: float
) -> str | None:
    """What arrived on the phone; None when nothing was to be said."""
    if view.sent is None or view.sent.wamid is None:
        return None
    while time.monotonic() < give_up_at:
        chat = await phone.get(f"/sim/customers/{asked.customer}/messages?after={asked.seq}")
        for message in chat.raise_for_status().json()["messages"]:
            if message["id"] == view.sent.wamid:
                return str(message["text"])
        await asyncio.sleep(POLL_S)
    raise LocalError("the answer was sent but did not arrive at the simulator")


async def _complete(stats: Any, number: str, asked: Asked, view: "TurnView") -> "TurnView":
    """The same turn with the times of its last steps, if they come in time."""
    give_up_at = time.monotonic() + AFTER_REPLY_S
    while not view.complete and time.monotonic() < give_up_at:
        await asyncio.sleep(POLL_S)
        view = await stats.turn_of(number, asked.wamid) or view
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
