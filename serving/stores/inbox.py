"""Commits webhook bodies: all of a body or nothing, each update once. Knows no HTTP.

Concurrent bodies share a transaction. Unique keys of the database decide what is new.
"""

import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from serving.crypto import Vault
from serving.sql import queries
from serving.stores import consent, delivery
from serving.stores.batching import Batcher
from serving.stores.cache import ContextCache
from serving.stores.contacts import ContactBook, Keys
from serving.stores.database import Connection, Database, fetch
from serving.updates import Event, Received, StatusUpdate, Takeover, Updates

_SQL = queries("inbox")

ECHO = "echo"  # type of what a colleague wrote from the business app
# Encrypting takes about 30 us; from here on it would hold up the event loop noticeably.
_MANY = 64

Pair = tuple[str, uuid.UUID]  # (phone_number_id, contact_id)


@dataclass(frozen=True, slots=True)
class Accepted:
    new: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class _Line:
    """A message ready to be inserted."""

    message: Received
    keys: Keys
    wamid_key: bytes
    payload: bytes


class Inbox:
    def __init__(self, database: Database, cache: ContextCache | None = None) -> None:
        self._database = database
        self._cache = cache
        self._batch = Batcher(self._accept_many)

    async def accept(self, updates: Updates) -> Accepted:
        """Commit everything in `updates`. `Retryable` when it could not be committed."""
        return await self._batch(updates)

    async def _accept_many(self, bodies: Sequence[Updates]) -> list[Accepted]:
        size = sum(len(body.messages) + len(body.statuses) for body in bodies)
        if size > _MANY:
            prepared = await asyncio.to_thread(self._prepare, bodies)
        else:
            prepared = self._prepare(bodies)
        new, renamed = await self._database.run(prepared.commit)
        if renamed and self._cache is not None:
            await self._cache.forget([str(contact_id) for contact_id in renamed])
        return [_count(self._database.vault, body, new) for body in bodies]

    def _prepare(self, bodies: Sequence[Updates]) -> "_Delivery":
        return _Delivery(self._database.vault, bodies)


Mark = tuple[str, ...]  # names an update, to count it once


class _Delivery:
    """Some bodies, encrypted, and the transaction that stores them."""

    def __init__(self, vault: Vault, bodies: Sequence[Updates]) -> None:
        self._vault = vault
        self._book = ContactBook(vault)
        self._bodies = bodies
        self._takeovers = [item for body in bodies for item in body.takeovers]
        self._lines = [
            *(self._line(message) for body in bodies for message in body.messages),
            *(self._line(_as_message(takeover)) for takeover in self._takeovers),
        ]
        statuses = [status for body in bodies for status in body.statuses]
        self._statuses = [self._status_row(status) for status in statuses]
        events = [event for body in bodies for event in body.events]
        self._events = [self._event_row(event) for event in events]

    async def commit(self, connection: Connection) -> tuple[set[Mark], frozenset[uuid.UUID]]:
        """Store it all; returns what was new, and whose profile changed."""
        new: set[Mark] = set()
        for change in (change for body in self._bodies for change in body.changes):
            await self._book.move(connection, change)
        identities = [(line.keys, line.message.identity) for line in self._lines]
        preferences = [item for body in self._bodies for item in body.preferences]
        identities += [(self._book.keys(p.identity), p.identity) for p in preferences]
        resolved = await self._book.resolve(connection, identities)
        for preference in preferences:
            contact_id = resolved.contacts[self._book.keys(preference.identity)]
            await consent.apply_preference(connection, self._vault, contact_id, preference)
        if self._lines:
            new |= await self._store_messages(connection, resolved.contacts)
        if self._statuses:
            new |= await self._store_statuses(connection)
        if self._events:
            new |= await self._store_events(connection)
        return new, resolved.renamed

    async def _store_messages(
        self, connection: Connection, contacts: dict[Keys, uuid.UUID]
    ) -> set[Mark]:
        pairs = {self._pair(line, contacts) for line in self._lines} - {None}
        conversations = await _conversations(connection, [pair for pair in pairs if pair])
        places = [conversations.get(self._pair(line, contacts)) for line in self._lines]
        rows = await fetch(connection, _SQL.add_messages, self._columns(places))
        new = {_message_mark(phone_number_id, key) for phone_number_id, key, _ in rows}
        taken = [
            place.conversation_id
            for line, place in zip(self._lines, places, strict=True)
            if place is not None
            and line.message.type == ECHO
            and _message_mark(line.message.phone_number_id, line.wamid_key) in new
        ]
        if taken:
            await connection.execute(_SQL.give_to_human, {"conversation_ids": taken})
        return new

    def _columns(self, places: "Sequence[_Place | None]") -> dict[str, object]:
        lines = self._lines
        human = [place is not None and place.owner == "human" for place in places]
        return {
            "phone_number_ids": [line.message.phone_number_id for line in lines],
            "wamid_keys": [line.wamid_key for line in lines],
            "conversation_ids": [place and place.conversation_id for place in places],
            "types": [line.message.type for line in lines],
            "payloads": [line.payload for line in lines],
            "sent_ats": [line.message.sent_at for line in lines],
            "triggers": [
                line.message.triggers and place is not None and not owned
                for line, place, owned in zip(lines, places, human, strict=True)
            ],
            "whys": [
                line.message.why or ("human" if owned else "nobody" if place is None else "")
                for line, place, owned in zip(lines, places, human, strict=True)
            ],
            "window_openers": [line.wamid_key for line in lines if line.message.opens_window],
        }

    async def _store_statuses(self, connection: Connection) -> set[Mark]:
        rows = self._statuses
        columns = {f"{name}s": [getattr(row, name) for row in rows] for name in _STATUS_COLUMNS}
        columns["statuses"] = columns.pop("statuss")
        # Those with callback data find their message without knowing its wamid.
        unnamed = [row.wamid_key for row in rows if row.callback_data is None]
        await delivery.lock_wamids(connection, unnamed)
        fresh = {tuple(row) for row in await fetch(connection, _SQL.add_statuses, columns)}
        await delivery.apply_statuses(
            connection,
            [row for row in rows if (row.wamid_key, row.status, row.recipient_key) in fresh],
        )
        return {_status_mark(*row) for row in fresh}

    async def _store_events(self, connection: Connection) -> set[Mark]:
        rows = self._events
        fresh = await fetch(
            connection,
            _SQL.add_events,
            {
                "kinds": [row.kind for row in rows],
                "phone_number_ids": [row.phone_number_id for row in rows],
                "content_keys": [row.content_key for row in rows],
                "payloads": [row.payload for row in rows],
            },
        )
        return {_event_mark(key) for (key,) in fresh}

    def _pair(self, line: _Line, contacts: dict[Keys, uuid.UUID]) -> Pair | None:
        contact_id = contacts.get(line.keys)
        return (line.message.phone_number_id, contact_id) if contact_id else None

    def _line(self, message: Received) -> _Line:
        payload = {
            "wamid": message.wamid,
            "text": message.text,
            "payload_id": message.payload_id,
            "reply_to": message.reply_to,
            "raw": message.raw,
        }
        return _Line(
            message,
            self._book.keys(message.identity),
            self._vault.index("wamid", message.wamid),
            self._vault.seal(json.dumps(payload)),
        )

    def _status_row(self, status: StatusUpdate) -> delivery.StatusRow:
        return delivery.StatusRow(
            phone_number_id=status.phone_number_id,
            wamid_key=self._vault.index("wamid", status.wamid),
            wamid=self._vault.seal(status.wamid),
            status=status.status,
            recipient_key=_participant_key(self._vault, status),
            callback_data=status.callback_data,
            error_code=status.error_code,
            payload=self._vault.seal(json.dumps(status.raw)),
            occurred_at=status.at,
        )

    def _event_row(self, event: Event) -> "_EventRow":
        return _EventRow(
            event.kind,
            event.phone_number_id,
            _event_key(self._vault, event),
            self._vault.seal(event.content),
        )


@dataclass(frozen=True, slots=True)
class _EventRow:
    kind: str
    phone_number_id: str | None
    content_key: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Place:
    """The conversation a message belongs to."""

    conversation_id: uuid.UUID
    owner: str


_STATUS_COLUMNS = (
    "phone_number_id",
    "wamid_key",
    "status",
    "recipient_key",
    "callback_data",
    "error_code",
    "payload",
    "occurred_at",
)


async def _conversations(
    connection: Connection, pairs: Sequence[Pair]
) -> dict[Pair | None, _Place]:
    """The conversations of these pairs, made where missing, locked until the commit."""
    if not pairs:
        return {}
    columns: dict[str, object] = {
        "phone_number_ids": [phone_number_id for phone_number_id, _ in pairs],
        "contact_ids": [contact_id for _, contact_id in pairs],
    }
    rows = await fetch(connection, _SQL.lock_conversations, columns)
    if len(rows) < len(pairs):
        await connection.execute(_SQL.add_conversations, columns)
        rows = await fetch(connection, _SQL.lock_conversations, columns)
    return {
        (phone_number_id, contact_id): _Place(conversation_id, owner)
        for conversation_id, phone_number_id, contact_id, owner in rows
    }


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


# ── counting ─────────────────────────────────────────────────────────────────────────────────


def _count(vault: Vault, body: Updates, new: set[Mark]) -> Accepted:
    """How much of a body was new. Each new update is credited to the first body that holds it."""
    marks = [
        *(_message_mark(m.phone_number_id, vault.index("wamid", m.wamid)) for m in body.messages),
        *(_message_mark(t.phone_number_id, vault.index("wamid", t.wamid)) for t in body.takeovers),
        *(
            _status_mark(vault.index("wamid", s.wamid), s.status, _participant_key(vault, s))
            for s in body.statuses
        ),
        *(_event_mark(_event_key(vault, event)) for event in body.events),
    ]
    fresh = 0
    for mark in marks:
        if mark in new:
            new.discard(mark)
            fresh += 1
    return Accepted(fresh, len(marks) - fresh)


def _message_mark(phone_number_id: str, wamid_key: bytes) -> Mark:
    return ("message", phone_number_id, wamid_key.hex())


def _status_mark(wamid_key: bytes, status: str, recipient_key: bytes) -> Mark:
    return ("status", wamid_key.hex(), status, recipient_key.hex())


def _event_mark(content_key: bytes) -> Mark:
    return ("event", content_key.hex())


def _participant_key(vault: Vault, status: StatusUpdate) -> bytes:
    return vault.index("recipient", status.participant) if status.participant else b""


def _event_key(vault: Vault, event: Event) -> bytes:
    return vault.index("event", f"{event.kind}\n{event.content}")
