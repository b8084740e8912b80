"""Taking note of hand-made webhooks, so that a bot's answers to them find a customer and a chat.

The payload may be anything at all: whatever does not look like a message is left alone.
"""

from collections.abc import Iterator
from typing import Any

from simulator.phone import as_object
from simulator.render import text_of
from simulator.state import Customer, World
from simulator.wire import Json


def adopt(world: World, payload: Any) -> list[str]:
    """Add the payload's customers and messages; the ids of the messages that were new."""
    return [
        str(message["id"])
        for value in _values(payload)
        for message in _dicts(value, "messages")
        if world.message(str(message.get("id"))) is None and _add(world, value, message)
    ]


def _dicts(parent: Any, key: str) -> Iterator[Json]:
    items = parent.get(key) if isinstance(parent, dict) else None
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))


def _values(payload: Any) -> Iterator[Json]:
    for entry in _dicts(payload, "entry"):
        for change in _dicts(entry, "changes"):
            if isinstance(change.get("value"), dict):
                yield change["value"]


def _add(world: World, value: Json, message: Json) -> bool:
    kind, timestamp = message.get("type"), str(message.get("timestamp"))
    if not isinstance(message.get("id"), str) or not isinstance(kind, str):
        return False
    customer = _customer(world, value, message)
    if customer is None or not timestamp.isdigit():
        return False
    context = message.get("context")
    world.add_message(
        customer,
        wamid=message["id"],
        direction="in",
        kind=kind,
        text=text_of(kind, message.get(kind)),
        content=as_object(message.get(kind)),
        raw=message,
        reply_to=context.get("id") if isinstance(context, dict) else None,
        at=float(timestamp),
    )
    return True


def _customer(world: World, value: Json, message: Json) -> Customer | None:
    wa_id, bsuid = message.get("from"), message.get("from_user_id")
    for name in (wa_id, bsuid):
        found = world.find(name) if isinstance(name, str) else None
        if found is not None:
            return found
    if not isinstance(wa_id, str) and not isinstance(bsuid, str):
        return None
    profile = _profile(value, wa_id, bsuid)
    return world.new_customer(
        name=str(profile.get("name") or wa_id or bsuid),
        wa_id=wa_id if isinstance(wa_id, str) else None,
        bsuid=bsuid if isinstance(bsuid, str) else None,
        username=profile.get("username"),
    )


def _profile(value: Json, wa_id: Any, bsuid: Any) -> Json:
    for contact in _dicts(value, "contacts"):
        same = {contact.get("wa_id"), contact.get("user_id")} & {wa_id, bsuid} - {None}
        if same and isinstance(contact.get("profile"), dict):
            profile: Json = contact["profile"]
            return profile
    return {}
