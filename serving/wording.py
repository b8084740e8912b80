"""The words of an inbound message, and whether its type asks for a reply."""

import json
from collections.abc import Callable, Mapping
from typing import Any

# The consumer app allows far more than we could answer to.
MAX_TEXT_CHARS = 8192
MAX_ADVERT_CHARS = 300  # a headline and the first sentences

TRIGGERING = frozenset(
    {
        *("text", "image", "audio", "video", "document"),
        *("location", "contacts", "interactive", "button", "order"),
    }
)
# Not written by the customer, or not a message of its own.
SILENT = frozenset(
    {"reaction", "system", "edit", "revoke", "request_welcome", "unknown", "errors", "ephemeral"}
)


def clean(value: object) -> str:
    """Text that every store and model takes: no NUL, no lone surrogates, not too long."""
    if not isinstance(value, str):
        return ""
    text = value[:MAX_TEXT_CHARS].replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8")


def words(kind: str, content: Mapping[str, Any]) -> str:
    """What the customer said with a message of this type; "" when it carries no words."""
    read = _WORDS.get(kind)
    return read(content) if read else ""


def advert(referral: Mapping[str, Any]) -> str:
    """What the advertisement said on which the customer tapped to write."""
    return _lines(referral.get("headline"), referral.get("body"))[:MAX_ADVERT_CHARS]


def payload_id(kind: str, content: Mapping[str, Any]) -> str | None:
    """The id of the tapped button or list row."""
    if kind == "button":
        return clean(content.get("payload")) or None
    if kind == "interactive":
        return clean(_part(content).get("id")) or None
    return None


def _part(content: Mapping[str, Any]) -> Mapping[str, Any]:
    part = content.get(str(content.get("type")))
    return part if isinstance(part, Mapping) else {}


def _chosen(content: Mapping[str, Any]) -> str:
    part = _part(content)
    return clean(part.get("title")) or _form(part) or clean(part.get("body"))


def _form(part: Mapping[str, Any]) -> str:
    """What was filled in, a line for each field; the body only says that it was sent."""
    try:
        fields = json.loads(part.get("response_json") or "null")
    except (TypeError, ValueError, RecursionError):
        return ""
    if not isinstance(fields, dict):
        return ""
    filled = {name: value for name, value in fields.items() if name not in _OF_THE_FORM}
    return _lines(*(f"{name}: {_plain(value)}" for name, value in filled.items() if _plain(value)))


def _plain(value: object) -> str:
    """Of a field: text, a number, a choice or several."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_plain, value)))
    return str(value) if isinstance(value, str | int | float) else ""


def _edited(content: Mapping[str, Any]) -> str:
    """The words as they are now."""
    message = content.get("message")
    if not isinstance(message, Mapping):
        return ""
    kind = str(message.get("type"))
    inner = message.get(kind)
    return words(kind, inner) if isinstance(inner, Mapping) and kind != "edit" else ""


def _order(content: Mapping[str, Any]) -> str:
    items = content.get("product_items")
    known = items if isinstance(items, list) else []
    lines = [_item(item) for item in known if isinstance(item, Mapping)]
    return _lines(content.get("text"), *lines)


def _item(item: Mapping[str, Any]) -> str:
    return f"{clean(str(item.get('quantity', 1)))} x {clean(item.get('product_retailer_id'))}"


def _lines(*parts: object) -> str:
    return "\n".join(text for text in map(clean, parts) if text)


def _caption(content: Mapping[str, Any]) -> str:
    return clean(content.get("caption"))


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "text": lambda content: clean(content.get("body")),
    "image": _caption,
    "video": _caption,
    "document": _caption,
    "button": lambda content: clean(content.get("text")),
    "interactive": _chosen,
    "location": lambda content: _lines(content.get("name"), content.get("address")),
    "order": _order,
    "edit": _edited,
}
_OF_THE_FORM = frozenset({"flow_token", "screen", "version"})
