"""The customer's side: turning a tap, a text or a file into the webhook that Meta would send."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from simulator import ids, payloads, samples
from simulator.faults import FaultBoard
from simulator.limits import ThroughputBucket
from simulator.media import MAX_INBOUND_BYTES, MediaStore
from simulator.render import taps, text_of
from simulator.state import ChatMessage, Customer, World
from simulator.webhooks import WebhookSender
from simulator.wire import Json

Kind = Literal[
    "text",
    "button",
    "list",
    "quick_reply",
    "image",
    "audio",
    "video",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "unsupported",
    "raw",
]


class Action(BaseModel):
    """What a customer does on the phone."""

    model_config = ConfigDict(extra="forbid")

    type: Kind = "text"
    text: str | None = None  # text; the label of a template's quick reply
    reply_to: str | None = None  # the message that is answered or reacted to
    button_id: str | None = None
    row_id: str | None = None
    title: str | None = None  # of a button or row that no message of ours offers
    payload: str | None = None  # of a template's quick reply
    caption: str | None = None
    filename: str | None = None
    mime_type: str | None = None
    bytes_base64: str | None = None  # otherwise a small file is made up
    size_bytes: int | None = None  # pretend that the file is this large
    voice: bool = True
    latitude: float = Field(28.0043, ge=-90, le=90)
    longitude: float = Field(86.8557, ge=-180, le=180)
    name: str | None = None
    address: str | None = None
    contacts: list[Json] | None = None
    emoji: str | None = None  # None takes the reaction back
    unsupported_type: str = "poll_creation"
    forwarded: bool = False
    frequently_forwarded: bool = False
    referral: Json | None = None
    timestamp: int | None = None  # Unix seconds; default now
    message: Json | None = None  # raw: merged over the generated message


class BadAction(ValueError):
    """The phone cannot do that."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The webhook's `type`, and the keys beside it."""

    type: str
    body: Json
    context: Json = field(default_factory=dict)


class Phone:
    """Acts for customers."""

    def __init__(
        self,
        *,
        world: World,
        media: MediaStore,
        webhooks: WebhookSender,
        faults: FaultBoard,
        throughput: ThroughputBucket,
        clock: Callable[[], float],
        business_phone: str,
    ) -> None:
        self._world, self._media, self._webhooks = world, media, webhooks
        self._faults, self._throughput, self._clock = faults, throughput, clock
        self._business_phone = business_phone

    def act(self, customer: Customer, action: Action) -> ChatMessage:
        """Do it: the bubble appears, and the webhook is on its way."""
        compose: Callable[[Customer, Action], Composed] = getattr(self, _COMPOSERS[action.type])
        composed = compose(customer, action)
        wamid = ids.wamid(customer.visible_wa_id, outbound=False)
        now = self._clock() - self._faults.now.webhooks.age_s
        timestamp = action.timestamp if action.timestamp is not None else int(now)
        context = self._context(action) | composed.context
        body = composed.body | ({"referral": action.referral} if action.referral else {})
        raw = payloads.inbound(
            customer,
            wamid=wamid,
            timestamp=timestamp,
            kind=composed.type,
            body=body,
            context=context,
        )
        if action.type == "raw":
            raw |= action.message or {}
        message = self._record(customer, raw, context)
        self._throughput.count_inbound(self._clock())
        self._webhooks.enqueue(payloads.message_update(customer, raw))
        return message

    def _record(self, customer: Customer, raw: Json, context: Json) -> ChatMessage:
        kind = str(raw["type"])
        self._react(kind, raw)
        return self._world.add_message(
            customer,
            wamid=str(raw["id"]),
            direction="in",
            kind=kind,
            text=text_of(kind, raw.get(kind)),
            content=as_object(raw.get(kind)),
            raw=raw,
            reply_to=context.get("id"),
            at=float(raw["timestamp"]),
        )

    def _react(self, kind: str, raw: Json) -> None:
        if kind != "reaction":
            return
        target = self._world.message(str(raw["reaction"].get("message_id")))
        if target is not None:
            set_reaction(target, "customer", raw["reaction"].get("emoji"))
            self._world.touch(target)

    def _context(self, action: Action) -> Json:
        if action.frequently_forwarded:
            return {"frequently_forwarded": True}
        if action.forwarded:
            return {"forwarded": True}
        if action.reply_to is None or action.type == "reaction":
            return {}
        return self._quote(action.reply_to)

    def _quote(self, wamid: str) -> Json:
        quoted = self._world.message(wamid)
        mine = quoted is not None and quoted.direction == "in"
        sender = quoted.raw.get("from") if quoted is not None and mine else self._business_phone
        return ({"from": sender} if sender else {}) | {"id": wamid}

    # Taps ------------------------------------------------------------------------------------

    def _tapped(
        self, customer: Customer, action: Action, kind: str, identifier: str | None
    ) -> tuple[Json, Json]:
        """The tapped thing and the context: the newest message that offers it."""
        if identifier is None:
            raise BadAction(f"a {action.type} tap needs the id of what is tapped")
        for message in reversed(list(self._world.chat(customer.id))):
            if action.reply_to not in (None, message.id):
                continue
            for tap in taps(message):
                if (tap["kind"], tap["id"]) == (kind, identifier):
                    return tap, self._quote(message.id)
        if action.title is None:
            raise BadAction(f"no message in this chat offers the {action.type} {identifier!r}")
        return {"id": identifier, "title": action.title}, {}

    def _button(self, customer: Customer, action: Action) -> Composed:
        tap, context = self._tapped(customer, action, "button", action.button_id)
        reply = {"id": tap["id"], "title": tap["title"]}
        return _interactive("button_reply", reply, context)

    def _list(self, customer: Customer, action: Action) -> Composed:
        tap, context = self._tapped(customer, action, "list", action.row_id)
        keys = ("id", "title", "description")
        return _interactive("list_reply", {key: tap[key] for key in keys if tap.get(key)}, context)

    def _quick_reply(self, customer: Customer, action: Action) -> Composed:
        identifier = action.payload or action.text
        title = action.title or action.text or action.payload
        tap, context = self._tapped(
            customer, action.model_copy(update={"title": title}), "quick_reply", identifier
        )
        return Composed("button", {"button": {"payload": tap["id"], "text": tap["title"]}}, context)

    # Files -----------------------------------------------------------------------------------

    def _file(self, action: Action, mime_type: str, default: Callable[[], bytes]) -> Json:
        mime_type = action.mime_type or mime_type
        if action.bytes_base64 is None:
            data = default()
        else:
            try:
                data = base64.b64decode(action.bytes_base64, validate=True)
            except binascii.Error as error:
                raise BadAction("bytes_base64 is not base64") from error
        media = self._media.add(data, mime_type, filename=action.filename, inbound=True)
        link = self._media.link(media)
        return {"mime_type": mime_type, "sha256": media.sha256, "id": media.id, "url": link}

    def _attachment(self, _customer: Customer, action: Action) -> Composed:
        if (action.size_bytes or 0) > MAX_INBOUND_BYTES:
            return _too_big()
        kind = action.type
        if kind == "image":
            body = self._file(action, "image/png", samples.png)
        elif kind == "audio":
            body = self._file(action, "audio/ogg; codecs=opus", samples.voice_note)
            body["voice"] = action.voice
        elif kind == "document":
            name = action.filename or "document.pdf"
            body = self._file(action, "application/pdf", lambda: samples.pdf(name))
            body["filename"] = name
        elif kind == "sticker":
            body = self._file(action, "image/webp", lambda: samples.png(96, 96)) | {
                "animated": False
            }
        else:
            body = self._file(action, "video/mp4", lambda: b"\0\0\0\x18ftypmp42" + bytes(64))
        caption = {"caption": action.caption} if action.caption else {}
        return Composed(kind, {kind: caption | body})

    # Other kinds -----------------------------------------------------------------------------

    def _text(self, _customer: Customer, action: Action) -> Composed:
        if not action.text:
            raise BadAction("a text message needs a text")
        return Composed("text", {"text": {"body": action.text}})

    def _location(self, _customer: Customer, action: Action) -> Composed:
        place: Json = {"latitude": action.latitude, "longitude": action.longitude}
        if action.name:
            place["name"] = action.name
        if action.address:
            place["address"] = action.address
        return Composed("location", {"location": place})

    def _contacts(self, customer: Customer, action: Action) -> Composed:
        phone = {"phone": f"+{customer.wa_id}", "wa_id": customer.wa_id, "type": "CELL"}
        own = {
            "name": {"formatted_name": customer.name, "first_name": customer.name.split()[0]},
            "phones": [phone] if customer.wa_id else [],
        }
        return Composed("contacts", {"contacts": action.contacts or [own]})

    def _reaction(self, _customer: Customer, action: Action) -> Composed:
        if action.reply_to is None:
            raise BadAction("a reaction needs reply_to, the message it is put on")
        reaction = {"message_id": action.reply_to}
        if action.emoji:
            reaction["emoji"] = action.emoji
        return Composed("reaction", {"reaction": reaction})

    def _unsupported(self, _customer: Customer, action: Action) -> Composed:
        error = {
            "code": 131051,
            "title": "Message type unknown",
            "message": "Message type unknown",
            "error_data": {"details": "Message type is currently not supported."},
        }
        body = {"unsupported": {"type": action.unsupported_type}, "errors": [error]}
        return Composed("unsupported", body)

    def _raw(self, _customer: Customer, action: Action) -> Composed:
        if not action.message or not isinstance(action.message.get("type"), str):
            raise BadAction("a raw message needs `message` with its type")
        return Composed(action.message["type"], {})


def _interactive(kind: str, reply: Json, context: Json) -> Composed:
    return Composed("interactive", {"interactive": {"type": kind, kind: reply}}, context)


def _too_big() -> Composed:
    title = (
        "Media file size too big. Max file size we currently support: 100MB. Please communicate "
        "with your customer to send a media file less than 100MB"
    )
    error = {
        "code": 131052,
        "title": title,
        "message": title,
        "error_data": {"details": "Media download error"},
    }
    return Composed("unsupported", {"errors": [error]})


def as_object(content: Any) -> Json:
    """Content as an object: `contacts` is a list on the wire."""
    if isinstance(content, dict):
        return content
    return {} if content is None else {"contacts": content}


def set_reaction(target: ChatMessage, side: str, emoji: str | None) -> None:
    """Put a reaction on a bubble, or take it off."""
    target.reactions.pop(side, None)
    if emoji:
        target.reactions[side] = emoji


_COMPOSERS: dict[str, str] = {
    "text": "_text",
    "button": "_button",
    "list": "_list",
    "quick_reply": "_quick_reply",
    "image": "_attachment",
    "audio": "_attachment",
    "video": "_attachment",
    "document": "_attachment",
    "sticker": "_attachment",
    "location": "_location",
    "contacts": "_contacts",
    "reaction": "_reaction",
    "unsupported": "_unsupported",
    "raw": "_raw",
}
