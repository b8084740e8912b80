"""Reading a body of `POST /{version}/{number}/messages`: what it asks for, or Graph's refusal.

Pure: no state is looked at here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator import checks, ids, interactive
from simulator.errors import GraphError, bad_parameter
from simulator.wire import Json

_COMMON = {
    "messaging_product",
    "recipient_type",
    "to",
    "recipient",
    "type",
    "context",
    "biz_opaque_callback_data",
    "recipient_identity_key_hash",
    "messaging_account_id",
    "paid_messaging_account_id",
    "message_activity_sharing",
    "ttl",
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """Mark a message read, and perhaps show that a reply is being typed."""

    message_id: str
    typing: bool


@dataclass(frozen=True, slots=True)
class Send:
    """A valid message on its way out. `to` has digits only; one of `to` and `recipient` is set."""

    type: str
    content: Json
    raw: Json
    to: str | None
    had_plus: bool
    recipient: str | None
    reply_to: str | None
    callback_data: str | None


def parse(body: object) -> Send | Receipt:
    """What the caller wants; GraphError if it is not valid."""
    if not isinstance(body, dict):
        raise bad_parameter("The request body must be a JSON object.")
    if body.get("messaging_product") != "whatsapp":
        raise bad_parameter("The parameter messaging_product is required and must be 'whatsapp'.")
    return _receipt(body) if "status" in body else _send(body)


def _receipt(body: Json) -> Receipt:
    checks.one_of(body, "status", "status", {"read"})
    message_id = checks.text(body, "message_id", "message_id", most=1024)
    typing = body.get("typing_indicator")
    if typing is not None:
        indicator = checks.obj(body, "typing_indicator", "typing_indicator")
        checks.one_of(indicator, "type", "typing_indicator.type", {"text"})
    return Receipt(message_id, typing is not None)


def _send(body: Json) -> Send:
    kind = "text" if body.get("type") is None else checks.one_of(body, "type", "type", _RULES)
    checks.only(body, _COMMON | {kind}, "message")
    to, had_plus, recipient = _address(body)
    content = body.get(kind)
    if kind == "contacts":
        checks.objects(body, kind, kind, most=257)
    else:
        content = checks.obj(body, kind, kind)
    _RULES[kind](body)
    return Send(
        type=kind,
        content=content if isinstance(content, dict) else {"contacts": content},
        raw=body,
        to=to,
        had_plus=had_plus,
        recipient=recipient,
        reply_to=_context(body, kind),
        callback_data=_callback_data(body),
    )


def _address(body: Json) -> tuple[str | None, bool, str | None]:
    if body.get("recipient_type") is not None:
        kind = checks.one_of(body, "recipient_type", "recipient_type", {"individual", "group"})
        if kind == "group":
            raise GraphError(131041, "This number has no groups.")
    to, recipient = body.get("to"), body.get("recipient")
    if to is None and recipient is None:
        raise bad_parameter("The parameter to is required.")
    if to is None:
        return None, False, _bsuid(recipient)
    if not isinstance(to, str | int) or not re.fullmatch(r"\+?[\d ().-]{4,30}", str(to)):
        raise checks.invalid("to", "is not a phone number")
    return ids.digits(str(to)), str(to).startswith("+"), None


def _bsuid(recipient: object) -> str:
    if not isinstance(recipient, str) or not ids.BSUID.match(recipient):
        raise checks.invalid("recipient", "is not a business-scoped user id")
    return recipient


def _context(body: Json, kind: str) -> str | None:
    if body.get("context") is None:
        return None
    if kind == "reaction":
        raise bad_parameter("Param context is not allowed for type reaction.")
    context = checks.obj(body, "context", "context")
    message_id = checks.text(context, "message_id", "context.message_id", most=1024)
    if not message_id.startswith("wamid."):
        raise checks.invalid("context.message_id", "is not a message id")
    return message_id


def _callback_data(body: Json) -> str | None:
    data = body.get("biz_opaque_callback_data")
    if data is not None and (not isinstance(data, str) or len(data) > 512):
        raise bad_parameter("Param biz_opaque_callback_data must be a string of at most 512.")
    return data


def _text(body: Json) -> None:
    content = body["text"]
    checks.only(content, {"body", "preview_url"}, "text")
    value = content.get("body")
    if isinstance(value, str) and len(value) > 4096:
        raise bad_parameter("Param text['body'] must be at most 4096 characters long.")
    checks.text(content, "body", "text.body", most=4096)
    if not isinstance(content.get("preview_url", False), bool):
        raise bad_parameter("Param text['preview_url'] must be a boolean.")


def _media(kind: str, *extra: str) -> Callable[[Json], None]:
    def rule(body: Json) -> None:
        content = body[kind]
        checks.only(content, {"id", "link", *extra}, kind)
        if not content.get("id") and not content.get("link"):
            raise checks.missing(f"{kind}.id or {kind}.link")
        if content.get("id") and content.get("link"):
            raise bad_parameter(f"Param {kind} must have either id or link, not both.")
        link = checks.optional_text(content, "link", f"{kind}.link", most=2048)
        if link is not None and not link.startswith(("https://", "http://")):
            raise checks.invalid(f"{kind}.link", "must be a web address")
        checks.optional_text(content, "caption", f"{kind}.caption", most=1024)
        checks.optional_text(content, "filename", f"{kind}.filename", most=240)

    return rule


def _location(body: Json) -> None:
    content = body["location"]
    checks.only(content, {"latitude", "longitude", "name", "address"}, "location")
    checks.number(content, "latitude", "location.latitude", low=-90, high=90)
    checks.number(content, "longitude", "location.longitude", low=-180, high=180)


def _contacts(body: Json) -> None:
    for place, contact in enumerate(body["contacts"]):
        name = checks.obj(contact, "name", f"contacts[{place}].name")
        path = f"contacts[{place}].name.formatted_name"
        checks.text(name, "formatted_name", path, most=1024)


def _reaction(body: Json) -> None:
    content = body["reaction"]
    checks.only(content, {"message_id", "emoji"}, "reaction")
    checks.text(content, "message_id", "reaction.message_id", most=1024)
    emoji = content.get("emoji")
    if not isinstance(emoji, str):
        raise checks.missing("reaction.emoji")
    if len(emoji) > 16 or (emoji and emoji.isascii()):
        raise checks.invalid("reaction.emoji", "must be one emoji")


_TEMPLATE_NAME = re.compile(r"^[a-z0-9_]{1,512}$")


def _template(body: Json) -> None:
    content = body["template"]
    checks.only(content, {"name", "language", "components", "namespace"}, "template")
    name = checks.text(content, "name", "template.name", most=512)
    if not _TEMPLATE_NAME.match(name):
        raise checks.invalid("template.name", "must be lower case letters, digits and underscores")
    language = checks.obj(content, "language", "template.language")
    checks.text(language, "code", "template.language.code", most=16)
    if content.get("components"):
        for component in checks.objects(content, "components", "template.components", most=20):
            _component(component)


def _component(component: Json) -> None:
    path = "template.components"
    allowed = {"header", "body", "button", "carousel", "limited_time_offer"}
    kind = checks.one_of(component, "type", f"{path}.type", allowed)
    if kind == "button":
        kinds = {"quick_reply", "url", "copy_code", "catalog", "flow", "voice_call", "mpm"}
        checks.one_of(component, "sub_type", f"{path}.sub_type", kinds)
        checks.number(component, "index", f"{path}.index", low=0, high=9)
    for parameter in component.get("parameters") or ():
        if not isinstance(parameter, dict) or not isinstance(parameter.get("type"), str):
            raise GraphError(132012, "Every template parameter needs a type.")
        if parameter["type"] == "text":
            checks.text(parameter, "text", f"{path}.parameters.text", most=32768)


def _interactive(body: Json) -> None:
    interactive.validate(body["interactive"])


_RULES: dict[str, Callable[[Json], None]] = {
    "text": _text,
    "image": _media("image", "caption"),
    "video": _media("video", "caption"),
    "audio": _media("audio", "voice"),
    "document": _media("document", "caption", "filename"),
    "sticker": _media("sticker"),
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "interactive": _interactive,
    "template": _template,
}
