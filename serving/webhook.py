"""Reads a webhook body. The edge: pydantic in, frozen values out; it never raises.

Whatever was signed is understood as far as possible and otherwise kept as an event: a refusal
would be retried for a week. Knows no store and no HTTP.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from serving import notices, wording
from serving.signature import handshake, is_signed, sign
from serving.updates import (
    Event,
    Identity,
    IdentityChange,
    Preference,
    Received,
    StatusUpdate,
    Takeover,
    Updates,
)
from serving.webhook_models import (
    Contact,
    Json,
    Message,
    PreferenceItem,
    Status,
    as_id,
    as_object,
)

__all__ = ["Updates", "handshake", "is_signed", "parse", "sign"]

MAX_BODY_BYTES = 3 * 1024 * 1024

_ID = re.compile(r"[\w.\-]{1,64}", re.ASCII)
_WAMID = "wamid."


def parse(body: bytes, now: datetime | None = None) -> Updates:
    """Everything a signed body says. `now` stands in for timestamps that are missing."""
    try:
        return _parse(body, now or datetime.now(UTC))
    except (ValueError, RecursionError):
        return Updates(events=(Event("unreadable", body.decode("utf-8", "surrogateescape")),))


def _parse(body: bytes, now: datetime) -> Updates:
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("entry"), list):
        return Updates(events=(Event("unexpected", _canonical(document)),))
    reader = _Reader(now)
    for entry in document["entry"]:
        reader.entry(as_object(entry), document.get("object"))
    return reader.updates()


class _Reader:
    """Collects what one body says."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._messages: list[Received] = []
        self._statuses: list[StatusUpdate] = []
        self._takeovers: list[Takeover] = []
        self._preferences: list[Preference] = []
        self._changes: list[IdentityChange] = []
        self._events: list[Event] = []

    def updates(self) -> Updates:
        return Updates(
            tuple(self._messages),
            tuple(self._statuses),
            tuple(self._takeovers),
            tuple(self._preferences),
            tuple(self._changes),
            tuple(self._events),
        )

    def entry(self, entry: Json, kind: object) -> None:
        changes = entry.get("changes")
        if not isinstance(changes, list):
            self._event(f"{kind or 'unknown'}:entry", entry, None)
            return
        for change in map(as_object, changes):
            value = as_object(change.get("value"))
            field = change.get("field") or value.get("field") or _guess(value)
            self._change(str(field), value, entry)

    def _change(self, field: str, value: Json, entry: Json) -> None:
        phone_number_id = as_id(as_object(value.get("metadata")).get("phone_number_id"))
        if phone_number_id is None or not _ID.fullmatch(phone_number_id):
            self._event(field, {"entry": _head(entry), "value": value}, None, value)
            return
        match field:
            case "messages":
                self._take_messages(phone_number_id, value)
            case "standby":
                self._take_standby(phone_number_id, value)
            case "smb_message_echoes":
                self._take_echoes(phone_number_id, value)
            case "user_preferences":
                self._take_preferences(phone_number_id, value)
            case _:
                content = {"entry": _head(entry), "value": value}
                self._event(field, content, phone_number_id, value)

    # ── field messages ───────────────────────────────────────────────────────────────────────

    def _take_messages(self, phone_number_id: str, value: Json) -> None:
        contacts = list(_contacts(value))
        for raw in _list(value, "messages"):
            self._message(phone_number_id, raw, contacts)
        for raw in _list(value, "statuses"):
            self._status(phone_number_id, raw)
        known = {"messaging_product", "metadata", "contacts", "messages", "statuses"}
        if rest := {key: value[key] for key in value.keys() - known}:
            kind = "errors" if "errors" in rest else "messages"
            self._event(kind, rest, phone_number_id, rest)

    def _message(
        self, phone_number_id: str, raw: object, contacts: list[Contact], *, standby: bool = False
    ) -> None:
        try:
            message = Message.model_validate(raw)
        except ValidationError:
            self._event("message", raw, phone_number_id)
            return
        raw = as_object(raw)
        if message.type == "system":
            self._identity_change(message)
        content = as_object(raw.get(message.type))
        why = "standby" if standby else _silence(message, raw)
        self._messages.append(
            Received(
                phone_number_id=phone_number_id,
                wamid=message.id,
                identity=_identity(message, contacts),
                type=message.type if _ID.fullmatch(message.type) else "unknown",
                text=wording.words(message.type, content),
                sent_at=message.timestamp or self._now,
                triggers=not why,
                amends=as_id(content.get("original_message_id")),
                payload_id=wording.payload_id(message.type, content),
                reply_to=as_id(message.context.get("id")),
                advert=wording.advert(as_object(raw.get("referral"))),
                why=why,
                opens_window=message.type not in wording.SILENT and why not in _NOT_A_CHAT,
                raw=raw,
            )
        )

    def _identity_change(self, message: Message) -> None:
        system = message.system
        previous = Identity(message.sender, as_id(system.get("previous_user_id")))
        wa_id = as_id(system.get("wa_id")) or as_id(system.get("new_wa_id"))
        current = Identity(wa_id, as_id(system.get("user_id")))
        if system.get("type") in _CHANGES and current != Identity():
            self._changes.append(IdentityChange(previous, current))

    def _status(self, phone_number_id: str, raw: object) -> None:
        try:
            status = Status.model_validate(raw)
        except ValidationError:
            self._event("status", raw, phone_number_id)
            return
        participant = status.recipient_participant_id or status.recipient_participant_user_id
        self._statuses.append(
            StatusUpdate(
                phone_number_id=phone_number_id,
                wamid=status.id,
                status=status.status,
                at=status.timestamp or self._now,
                participant=participant or "",
                callback_data=status.biz_opaque_callback_data,
                error_code=_error_code(status.errors),
                pricing=status.pricing,
                raw=as_object(raw),
            )
        )

    # ── other fields ─────────────────────────────────────────────────────────────────────────

    def _take_standby(self, phone_number_id: str, value: Json) -> None:
        nested = as_object(value.get("standby")) or value
        for raw in _list(nested, "messages"):
            self._message(phone_number_id, raw, list(_contacts(nested)), standby=True)

    def _take_echoes(self, phone_number_id: str, value: Json) -> None:
        for raw in _list(value, "message_echoes"):
            try:
                echo = Message.model_validate(raw)
            except ValidationError:
                self._event("echo", raw, phone_number_id)
                continue
            content = as_object(as_object(raw).get(echo.type))
            self._takeovers.append(
                Takeover(
                    phone_number_id=phone_number_id,
                    identity=Identity(echo.to, echo.to_user_id),
                    wamid=echo.id,
                    text=wording.words(echo.type, content),
                    sent_at=echo.timestamp or self._now,
                    raw=as_object(raw),
                )
            )

    def _take_preferences(self, phone_number_id: str, value: Json) -> None:
        # Kept whole as well: what was asked for is evidence.
        self._event("user_preferences", value, phone_number_id)
        for raw in _list(value, "user_preferences"):
            try:
                preference = PreferenceItem.model_validate(raw)
            except ValidationError:
                continue
            identity = Identity(preference.wa_id, preference.user_id)
            if preference.category == "marketing_messages" and identity != Identity():
                at = preference.timestamp or self._now
                self._preferences.append(Preference(identity, preference.value, at))

    def _event(
        self, kind: str, content: object, phone_number_id: str | None, value: Json | None = None
    ) -> None:
        name = kind if _ID.fullmatch(kind) else "unknown"
        asked = notices.read(kind, value, self._now) if value is not None else ()
        self._events.append(Event(name, _canonical(content), phone_number_id, asked))


_CHANGES = frozenset({"user_changed_number", "user_changed_user_id", "customer_changed_number"})
_NOT_A_CHAT = frozenset({"group", "placeholder", "standby"})


def _silence(message: Message, raw: Json) -> str:
    """Why a message asks for no reply; "" when it does."""
    if not message.id.startswith(_WAMID):
        return "placeholder"  # the dashboard's test button
    if message.group_id is not None:
        return "group"
    if message.type not in wording.TRIGGERING:
        return "type"
    if message.type not in raw:
        return "empty"
    return ""


def _identity(message: Message, contacts: list[Contact]) -> Identity:
    """The sender; the profile is taken from the contact that is not somebody else's."""
    wa_id, bsuid = message.sender, message.from_user_id
    if message.type == "system":
        return Identity(
            as_id(message.system.get("wa_id")) or wa_id,
            as_id(message.system.get("user_id")) or bsuid,
        )
    for contact in contacts:
        same_wa_id = wa_id is not None and contact.wa_id == wa_id
        same_bsuid = bsuid is not None and contact.user_id == bsuid
        alone = len(contacts) == 1 and wa_id is None and bsuid is None
        if same_wa_id or same_bsuid or alone:
            name = wording.clean(contact.profile.get("name"))[:256] or None
            username = wording.clean(contact.profile.get("username"))[:256].lstrip("@") or None
            return Identity(wa_id or contact.wa_id, bsuid or contact.user_id, name, username)
    return Identity(wa_id, bsuid)


def _contacts(value: Json) -> Iterator[Contact]:
    for raw in _list(value, "contacts"):
        if isinstance(raw, dict):
            yield Contact.model_validate(raw)


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _head(entry: Json) -> Json:
    return {"id": entry.get("id"), "time": entry.get("time")}


def _guess(value: Json) -> str:
    """Meta's own samples leave the field out or get it wrong; the keys tell."""
    return "messages" if value.keys() & {"messages", "statuses"} else "unknown"


def _error_code(errors: list[Any]) -> int | None:
    """Codes are integers; some proxies make text of them."""
    code = as_object(errors[0]).get("code") if errors else None
    try:
        number = int(code)  # type: ignore[arg-type]  # guarded
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 2**31 else None


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
