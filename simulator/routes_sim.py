"""The routes under `/sim/`: playing customers, looking at what happened, breaking things."""

import asyncio
import base64
import binascii
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from simulator import wire
from simulator.adopt import adopt
from simulator.core import NewCustomer, Simulator
from simulator.faults import PRESETS, Faults
from simulator.phone import Action, BadAction
from simulator.routes_graph import Sim
from simulator.state import ChatMessage, Customer
from simulator.templates import Template
from simulator.wire import Json

router = APIRouter(prefix="/sim", tags=["simulator"])
WaitS = Annotated[float, Query(ge=0, le=300)]


def _customer(sim: Simulator, name: str) -> Customer:
    customer = sim.world.find(name)
    if customer is None:
        raise HTTPException(404, f"there is no customer {name!r}")
    return customer


@router.get("/health")
async def health(sim: Sim) -> Json:
    """Alive, and how busy."""
    return {
        "status": "ok",
        "business_name": sim.settings.business_name,
        "phone_number_id": sim.settings.phone_number_id,
        "display_phone_number": sim.settings.display_phone_number,
        "webhook_url": sim.webhooks.url,
        "customers": len(sim.world.customers),
        "messages": sim.world.num_messages,
        "last_seq": sim.world.seq,
        "webhooks": sim.webhooks.counts(),
    }


@router.post("/reset")
async def reset(sim: Sim) -> Json:
    """Start afresh."""
    sim.reset()
    return {"ok": True}


# Customers -----------------------------------------------------------------------------------


@router.get("/customers")
async def customers(sim: Sim, *, recent: bool = False, limit: int = 1000) -> Json:
    """Everybody in the order of arrival, or the latest chats first."""
    shown = [sim.world.customer_json(customer) for customer in sim.world.customers.values()]
    if recent:
        shown.sort(key=_last_at, reverse=True)
    return {"customers": shown[: max(1, limit)], "total": len(shown)}


def _last_at(customer: Json) -> float:
    last = customer["last_message"]
    return float(last["at"]) if last else 0.0


@router.post("/customers", status_code=201)
async def new_customer(wanted: NewCustomer, sim: Sim) -> Json:
    """Someone new."""
    try:
        customer = sim.world.new_customer(**wanted.model_dump())
    except ValueError as error:
        raise HTTPException(409, str(error)) from error
    return sim.world.customer_json(customer)


@router.get("/customers/{name}")
async def one_customer(name: str, sim: Sim) -> Json:
    """One customer by id, wa_id or BSUID."""
    return sim.world.customer_json(_customer(sim, name))


@router.post("/customers/{name}/open")
async def open_chat(name: str, sim: Sim) -> Json:
    """The customer looks at the chat: nothing is unread any more."""
    customer = _customer(sim, name)
    sim.world.opened(customer)
    if sim.faults.now.statuses.read == "on_open":
        for message in list(sim.world.chat(customer.id)):
            if message.direction == "out":
                sim.statuses.read(message)
    return {"ok": True}


@router.post("/customers/{name}/messages", status_code=201)
async def act(name: str, action: Action, sim: Sim) -> Json:
    """Do something on the customer's phone; the webhook follows at once."""
    try:
        message = sim.phone.act(_customer(sim, name), action)
    except BadAction as error:
        raise HTTPException(422, str(error)) from error
    return {"id": message.id, "seq": message.seq, "timestamp": int(message.at)}


@router.get("/customers/{name}/messages")
async def transcript(name: str, sim: Sim, after: int = 0, limit: int = 500) -> Json:
    """The chat, oldest first, at most the last `limit` bubbles."""
    customer = _customer(sim, name)
    found = [message for message in sim.world.chat(customer.id) if message.seq > after]
    return {
        "customer": sim.world.customer_json(customer),
        "messages": [message.as_json() for message in found[-max(1, limit) :]],
    }


# Messages of everybody -----------------------------------------------------------------------


@router.get("/messages")
async def messages(
    sim: Sim,
    *,
    to: str | None = None,
    after: int = 0,
    direction: Literal["in", "out"] = "out",
    wait_s: WaitS = 0.0,
    limit: int = 500,
) -> Json:
    """What the business sent (or got) after sequence number `after`, waiting for the first."""
    customer_id = None if to is None else _customer(sim, to).id
    until = asyncio.get_running_loop().time() + wait_s
    while True:
        found = _after(sim, customer_id, after, direction)
        left_s = until - asyncio.get_running_loop().time()
        if found or left_s <= 0 or not await sim.hub.wait(left_s):
            break
    shown = [message.as_json() for message in found[: max(1, limit)]]
    return {"messages": shown, "last_seq": shown[-1]["seq"] if shown else after}


def _after(
    sim: Simulator, customer_id: str | None, after: int, direction: str
) -> list[ChatMessage]:
    found = []
    for message in sim.world.newest_first():
        if message.seq <= after:
            break
        if message.direction == direction and customer_id in (None, message.customer_id):
            found.append(message)
    return found[::-1]


@router.get("/media/{media_id}")
async def media(media_id: str, sim: Sim) -> Response:
    """A file, for the page: no token, and never shown as a page of ours."""
    found = sim.media.find(media_id)
    if found is None:
        raise HTTPException(404, "there is no such file")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return Response(sim.media.data(media_id), media_type=found.mime_type, headers=headers)


@router.get("/events")
async def events(sim: Sim) -> StreamingResponse:
    """Everything that changes, as server-sent events."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(sim.hub.stream(), media_type="text/event-stream", headers=headers)


# Faults --------------------------------------------------------------------------------------


def _merged(current: Any, change: Any) -> Any:
    if not isinstance(current, dict) or not isinstance(change, dict):
        return change
    return current | {key: _merged(current.get(key), value) for key, value in change.items()}


@router.get("/faults")
async def faults(sim: Sim) -> Faults:
    """The knobs in force."""
    return sim.faults.now


@router.get("/faults/presets")
async def presets() -> dict[str, Faults]:
    """Ready-made settings of the knobs."""
    return PRESETS


@router.put("/faults")
async def replace_faults(wanted: Faults, sim: Sim) -> Faults:
    """Set all knobs; what is left out takes its calm value. `{}` calms everything."""
    sim.faults.replace(wanted)
    sim.hub.publish("faults", sim.faults.now.model_dump())
    return sim.faults.now


@router.patch("/faults")
async def change_faults(change: dict[str, Any], sim: Sim) -> Faults:
    """Change only the knobs that are given."""
    try:
        wanted = Faults.model_validate(_merged(sim.faults.now.model_dump(), change))
    except ValidationError as error:
        raise HTTPException(422, json.loads(error.json(include_url=False))) from error
    return await replace_faults(wanted, sim)


@router.get("/templates")
async def templates(sim: Sim) -> list[Template]:
    """Registered templates; with none, any name is accepted."""
    return sim.templates.all()


@router.put("/templates")
async def replace_templates(wanted: list[Template], sim: Sim) -> list[Template]:
    """Register these templates, and no others."""
    sim.templates.replace(wanted)
    return sim.templates.all()


# Webhooks ------------------------------------------------------------------------------------


class RawWebhook(BaseModel):
    """A body to deliver: `payload` is encoded as Meta does, `body` and `body_base64` go as is."""

    model_config = ConfigDict(extra="forbid")

    payload: Any = None
    body: str | None = None
    body_base64: str | None = None
    signature: str = "right"  # or "wrong", "none", or the header's value
    retry: bool = False
    register_messages: bool = True  # so that answers to them find a chat
    wait_s: float = 10.0  # for the first attempt
    copies: Annotated[int, Query(ge=1, le=100)] = 1

    def bytes(self) -> bytes:
        """What goes over the wire."""
        if self.body_base64 is not None:
            return base64.b64decode(self.body_base64, validate=True)
        return wire.encode(self.payload) if self.body is None else self.body.encode()


@router.get("/webhooks")
async def webhooks(sim: Sim, *, after: int = 0, limit: int = 200, body: bool = False) -> Json:
    """The delivery log, oldest first."""
    log = sim.webhooks.log(after, max(1, limit), with_body=body)
    return {"counts": sim.webhooks.counts(), "deliveries": log}


@router.post("/webhooks/raw")
async def raw_webhook(wanted: RawWebhook, sim: Sim) -> Json:
    """Deliver any body; answers with what the first attempt of each copy met."""
    try:
        body = wanted.bytes()
    except binascii.Error as error:
        raise HTTPException(422, "body_base64 is not base64") from error
    added = adopt(sim.world, _parsed(body)) if wanted.register_messages else []
    signature = _signature(wanted, sim, body)
    deliveries = [
        sim.webhooks.post(
            body, signature=signature, signed=wanted.signature != "none", retry=wanted.retry
        )
        for _ in range(wanted.copies)
    ]
    waits = [asyncio.wait_for(delivery.done.wait(), wanted.wait_s) for delivery in deliveries]
    await asyncio.gather(*waits, return_exceptions=True)
    return {"registered": added, "deliveries": [delivery.as_json() for delivery in deliveries]}


def _signature(wanted: RawWebhook, sim: Simulator, body: bytes) -> str | None:
    if wanted.signature == "wrong":
        return wire.wrong_signature(sim.settings.app_secret, body)
    return None if wanted.signature in {"right", "none"} else wanted.signature


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


class WebhookUrl(BaseModel):
    """Where webhooks go."""

    url: str | None
    verify: bool = True


@router.put("/webhook")
async def set_webhook(wanted: WebhookUrl, sim: Sim) -> Json:
    """Set the callback URL; as Meta does, only if the handshake succeeds."""
    before, sim.webhooks.url = sim.webhooks.url, wanted.url
    if not wanted.verify:
        return {"ok": True, "url": wanted.url}
    result = await sim.webhooks.handshake()
    if not result["ok"]:
        sim.webhooks.url = before
    return result | {"url": sim.webhooks.url}


@router.post("/webhook/verify")
async def verify(sim: Sim) -> Json:
    """Make the GET handshake with the current URL."""
    return await sim.webhooks.handshake()
