"""Commits webhook bodies: all of a body or nothing, each update once. Knows no HTTP.

Concurrent bodies share a transaction. Unique keys of the database decide what is new.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from serving.business import RateCard
from serving.crypto import Vault
from serving.sql import queries
from serving.stores import billing, consent, delivery, handover, notices
from serving.stores.batching import Batcher
from serving.stores.cache import ContextCache
from serving.stores.contacts import ContactBook, Keys, Resolved
from serving.stores.database import Connection, Database, fetch
from serving.stores.intake import (
    ECHO,
    Accepted,
    EventRow,
    Line,
    Mark,
    Rows,
    count,
    event_mark,
    message_mark,
    prepare,
    status_mark,
)
from serving.updates import Updates

__all__ = ["Accepted", "Inbox"]

_SQL = queries("inbox")

# Encrypting takes about 30 us; from here on it would hold up the event loop noticeably.
_MANY = 64

Pair = tuple[str, uuid.UUID]  # (phone_number_id, contact_id)


@dataclass(frozen=True, slots=True)
class _Place:
    """The conversation a message belongs to."""

    conversation_id: uuid.UUID
    owner: str


class Inbox:
    def __init__(
        self,
        database: Database,
        cache: ContextCache | None = None,
        rate_card: RateCard | None = None,
    ) -> None:
        self._database = database
        self._cache = cache
        self._rate_card = rate_card  # None: messages are not charged
        self._batch = Batcher(self._accept_many)

    async def accept(self, updates: Updates) -> Accepted:
        """Commit everything in `updates`. `Retryable` when it could not be committed."""
        return await self._batch(updates)

    async def _accept_many(self, bodies: Sequence[Updates]) -> list[Accepted]:
        vault = self._database.vault
        book = ContactBook(vault)
        size = sum(len(body.messages) + len(body.statuses) for body in bodies)
        if size > _MANY:
            rows = await asyncio.to_thread(prepare, vault, book, bodies)
        else:
            rows = prepare(vault, book, bodies)

        async def work(connection: Connection) -> tuple[set[Mark], Resolved]:
            return await _commit(connection, vault, book, rows, self._rate_card)

        new, resolved = await self._database.run(work)
        if resolved.renamed and self._cache is not None:
            await self._cache.forget([str(contact_id) for contact_id in resolved.renamed])
        return [count(marks, new) for marks in rows.marks]


async def _commit(
    connection: Connection,
    vault: Vault,
    book: ContactBook,
    rows: Rows,
    rate_card: RateCard | None,
) -> tuple[set[Mark], Resolved]:
    """Store it all; returns what was new, and whom it was about."""
    for change in rows.changes:
        await book.move(connection, change)
    identities = [(line.keys, line.message.identity) for line in rows.lines]
    identities += [(book.keys(item.identity), item.identity) for item in rows.preferences]
    resolved = await book.resolve(connection, identities)
    for preference in rows.preferences:
        contact_id = resolved.contacts[book.keys(preference.identity)]
        await consent.apply_preference(connection, vault, contact_id, preference)
    # Before the conversations are locked: contacts come first, for everybody.
    await consent.apply_controls(connection, _commands(rows.lines, resolved.contacts))
    new: set[Mark] = set()
    if rows.lines:
        new |= await _store_messages(connection, rows.lines, resolved.contacts)
    if rows.statuses:
        new |= await _store_statuses(connection, vault, rows.statuses, rate_card)
    if rows.events:
        new |= await _store_events(connection, rows.events)
    return new, resolved


# ── messages ─────────────────────────────────────────────────────────────────────────────────


async def _store_messages(
    connection: Connection, lines: Sequence[Line], contacts: dict[Keys, uuid.UUID]
) -> set[Mark]:
    pairs = [_pair(line, contacts) for line in lines]
    conversations = await _conversations(connection, {pair for pair in pairs if pair})
    places = [conversations.get(pair) if pair else None for pair in pairs]
    rows = await fetch(connection, _SQL.add_messages, _message_columns(lines, places))
    amended = {message_mark(number, wamid_key): amended for number, wamid_key, amended in rows}
    new = set(amended)
    await _amend(connection, [line for line in lines if line.amends_key or amended.get(line.mark)])
    taken = [
        handover.Taking(place.conversation_id, "echo")
        for line, place in zip(lines, places, strict=True)
        if place is not None and line.message.type == ECHO and line.mark in new
    ]
    asking = [
        handover.Taking(place.conversation_id, "customer", wamid_key=line.wamid_key)
        for line, place in zip(lines, places, strict=True)
        if place is not None and place.owner == "bot" and line.mark in new and _asks(line)
    ]
    if asking:
        ids = [taking.conversation_id for taking in asking]
        allowed = await handover.askable(connection, ids)
        taken += [taking for taking in asking if taking.conversation_id in allowed]
    await handover.take_over(connection, taken)
    return new


async def _amend(connection: Connection, lines: Sequence[Line]) -> None:
    """Of messages with several versions, only the latest is answered."""
    if lines:
        columns = {
            "phone_number_ids": [line.message.phone_number_id for line in lines],
            "wamid_keys": [line.wamid_key for line in lines],
        }
        await connection.execute(_SQL.amend_messages, columns)


def _asks(line: Line) -> bool:
    """For a person, in a word. Other wordings are understood by the message's turn."""
    return line.control is not None and line.control.kind == "human"


def _commands(lines: Sequence[Line], contacts: dict[Keys, uuid.UUID]) -> list[consent.Command]:
    """What is said on consent itself, each customer's in the order of saying."""
    commands = [
        consent.Command(contacts[line.keys], line.wamid_key, line.control, line.message.sent_at)
        for line in lines
        if line.control is not None and line.keys in contacts
    ]
    return sorted(commands, key=lambda command: (command.contact_id, command.said_at))


def _pair(line: Line, contacts: dict[Keys, uuid.UUID]) -> Pair | None:
    contact_id = contacts.get(line.keys)
    return (line.message.phone_number_id, contact_id) if contact_id else None


async def _conversations(connection: Connection, pairs: set[Pair]) -> dict[Pair, _Place]:
    """The conversations of these pairs, made where missing, locked until the commit."""
    if not pairs:
        return {}
    ordered = sorted(pairs)
    columns: dict[str, object] = {
        "phone_number_ids": [phone_number_id for phone_number_id, _ in ordered],
        "contact_ids": [contact_id for _, contact_id in ordered],
    }
    rows = await fetch(connection, _SQL.lock_conversations, columns)
    if len(rows) < len(pairs):
        await connection.execute(_SQL.add_conversations, columns)
        rows = await fetch(connection, _SQL.lock_conversations, columns)
    return {
        (phone_number_id, contact_id): _Place(conversation_id, owner)
        for conversation_id, phone_number_id, contact_id, owner in rows
    }


def _message_columns(
    lines: Sequence[Line], places: Sequence[_Place | None]
) -> dict[str, Sequence[object]]:
    whys = [_why(line, place) for line, place in zip(lines, places, strict=True)]
    return {
        "phone_number_ids": [line.message.phone_number_id for line in lines],
        "wamid_keys": [line.wamid_key for line in lines],
        "conversation_ids": [place and place.conversation_id for place in places],
        "types": [line.message.type for line in lines],
        "payloads": [line.payload for line in lines],
        "sent_ats": [line.message.sent_at for line in lines],
        "triggers": [not why for why in whys],
        "whys": whys,
        "controls": [line.control and line.control.kind for line in lines],
        "amends_keys": [line.amends_key for line in lines],
        "window_openers": [line.wamid_key for line in lines if line.message.opens_window],
    }


def _why(line: Line, place: _Place | None) -> str:
    """Why a message is not answered by the bot; "" when it is."""
    if line.message.why:
        return line.message.why
    if place is None:
        return "nobody"
    # While a colleague has the conversation, what is said is history and not work.
    return "human" if place.owner == "human" else ""


# ── statuses and events ──────────────────────────────────────────────────────────────────────


async def _store_statuses(
    connection: Connection,
    vault: Vault,
    rows: Sequence[delivery.StatusRow],
    rate_card: RateCard | None,
) -> set[Mark]:
    # Those with callback data find their message without knowing its wamid.
    await delivery.lock_wamids(
        connection, [row.wamid_key for row in rows if row.callback_data is None]
    )
    columns = {
        "phone_number_ids": [row.phone_number_id for row in rows],
        "wamid_keys": [row.wamid_key for row in rows],
        "statuses": [row.status for row in rows],
        "recipient_keys": [row.recipient_key for row in rows],
        "callback_datas": [row.callback_data for row in rows],
        "error_codes": [row.error_code for row in rows],
        "payloads": [row.payload for row in rows],
        "occurred_ats": [row.occurred_at for row in rows],
    }
    fresh = {status_mark(*row) for row in await fetch(connection, _SQL.add_statuses, columns)}
    pricings = await delivery.apply_statuses(
        connection,
        vault,
        [row for row in rows if status_mark(row.wamid_key, row.status, row.recipient_key) in fresh],
    )
    if rate_card is not None and pricings:
        await billing.charge(connection, vault, rate_card, pricings)
    return fresh


async def _store_events(connection: Connection, rows: Sequence[EventRow]) -> set[Mark]:
    columns = {
        "kinds": [row.kind for row in rows],
        "phone_number_ids": [row.phone_number_id for row in rows],
        "content_keys": [row.content_key for row in rows],
        "payloads": [row.payload for row in rows],
    }
    fresh = await fetch(connection, _SQL.add_events, columns)
    marks = {event_mark(content_key) for (content_key,) in fresh}
    for row in rows:
        if event_mark(row.content_key) in marks:
            await notices.act(connection, row.phone_number_id, row.notices)
    return marks
