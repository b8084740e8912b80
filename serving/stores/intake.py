"""Webhook bodies turned into encrypted rows, and counted. No I/O: may run in a thread."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.crypto import Vault
from serving.notices import Notice
from serving.stores.contacts import ContactBook, Keys
from serving.stores.delivery import StatusRow
from serving.understanding import control
from serving.understanding.control import Control
from serving.updates import (
    Event,
    IdentityChange,
    Preference,
    Received,
    StatusUpdate,
    Takeover,
    Updates,
)

ECHO = "echo"  # type of what a colleague wrote from the business app

_KEPT_OF_STATUSES = frozenset({"status", "timestamp", "errors", "pricing", "conversation", "type"})

Mark = tuple[str, ...]  # names an update, to count it once


@dataclass(frozen=True, slots=True)
class Accepted:
    new: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Line:
    """A message ready to be inserted."""

    message: Received
    keys: Keys
    wamid_key: bytes
    payload: bytes
    control: Control | None = None
    amends_key: bytes | None = None  # of the message it edits or takes back

    @property
    def mark(self) -> Mark:
        return message_mark(self.message.phone_number_id, self.wamid_key)


@dataclass(frozen=True, slots=True)
class EventRow:
    kind: str
    phone_number_id: str | None
    content_key: bytes
    payload: bytes
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything some bodies say, in one transaction's worth of rows."""

    lines: list[Line]
    statuses: list[StatusRow]
    events: list[EventRow]
    preferences: list[Preference]
    changes: list[IdentityChange]
    marks: list[list[Mark]]  # of each body


def prepare(vault: Vault, book: ContactBook, bodies: Sequence[Updates]) -> Rows:
    rows = Rows([], [], [], [], [], [])
    for body in bodies:
        lines = [_line(vault, book, message) for message in body.messages]
        lines += [_line(vault, book, _as_message(takeover)) for takeover in body.takeovers]
        statuses = [_status_row(vault, status) for status in body.statuses]
        events = [_event_row(vault, event) for event in body.events]
        rows.lines.extend(lines)
        rows.statuses.extend(statuses)
        rows.events.extend(events)
        rows.preferences.extend(body.preferences)
        rows.changes.extend(body.changes)
        rows.marks.append(
            [
                *(line.mark for line in lines),
                *(status_mark(row.wamid_key, row.status, row.recipient_key) for row in statuses),
                *(event_mark(row.content_key) for row in events),
            ]
        )
    return rows


def count(marks: Sequence[Mark], new: set[Mark]) -> Accepted:
    """How much of a body was new. Each is credited, once, to the first body that holds it."""
    fresh = 0
    for mark in marks:
        if mark in new:
            new.discard(mark)
            fresh += 1
    return Accepted(fresh, len(marks) - fresh)


def message_mark(phone_number_id: str, wamid_key: bytes) -> Mark:
    return ("message", phone_number_id, wamid_key.hex())


def status_mark(wamid_key: bytes, status: str, recipient_key: bytes) -> Mark:
    return ("status", wamid_key.hex(), status, recipient_key.hex())


def event_mark(content_key: bytes) -> Mark:
    return ("event", content_key.hex())


def _line(vault: Vault, book: ContactBook, message: Received) -> Line:
    payload = {
        "wamid": message.wamid,
        "text": message.text,
        "payload_id": message.payload_id,
        "reply_to": message.reply_to,
        "advert": message.advert,
        "raw": message.raw,
    }
    return Line(
        message,
        book.keys(message.identity),
        vault.index("wamid", message.wamid),
        vault.seal(json.dumps(payload)),
        _control(message),
        vault.index_optional("wamid", message.amends),
    )


def _control(message: Received) -> Control | None:
    """A command counts whoever owns the conversation, and however late it comes."""
    if not message.opens_window:
        return None
    return control.read(message.text, message.payload_id)


def _as_message(takeover: Takeover) -> Received:
    """A colleague's words are kept beside the customer's: they are part of the history."""
    return Received(
        phone_number_id=takeover.phone_number_id,
        wamid=takeover.wamid,
        identity=takeover.identity,
        type=ECHO,
        text=takeover.text,
        sent_at=takeover.sent_at,
        triggers=False,
        why=ECHO,
        opens_window=False,
        raw=takeover.raw,
    )


def _status_row(vault: Vault, status: StatusUpdate) -> StatusRow:
    participant = status.participant
    return StatusRow(
        phone_number_id=status.phone_number_id,
        wamid_key=vault.index("wamid", status.wamid),
        wamid=vault.seal(status.wamid),
        status=status.status,
        recipient_key=vault.index("recipient", participant) if participant else b"",
        callback_data=status.callback_data,
        error_code=status.error_code,
        payload=vault.seal(json.dumps(_impersonal(status.raw))),
        occurred_at=status.at,
        pricing=status.pricing,
    )


def _impersonal(raw: Mapping[str, Any] | None) -> dict[str, Any]:
    """A status without its recipient: that stands in the message it is of, and goes with it.

    Statuses come for days, also after the customer was erased.
    """
    return {name: value for name, value in (raw or {}).items() if name in _KEPT_OF_STATUSES}


def _event_row(vault: Vault, event: Event) -> EventRow:
    return EventRow(
        event.kind,
        event.phone_number_id,
        vault.index("event", f"{event.kind}\n{event.content}"),
        vault.seal(event.content),
        event.notices,
    )
