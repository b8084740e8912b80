"""What is known of customers: the `ContextStore` of the request path.

What belongs to the contact (profile, bookings, preferences) may come from the cache, and still
does when the database does not answer; what changes with every turn never does.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from serving import wording
from serving.crypto import Vault
from serving.errors import Rejected, Retryable
from serving.sql import queries
from serving.stores.cache import ContextCache
from serving.stores.codec import reply_codec
from serving.stores.database import Connection, Database, fetch_each
from serving.stores.handover import askable
from serving.stores.intake import ECHO
from serving.types import (
    Booking,
    CustomerContext,
    HistoryMessage,
    Preferences,
    Profile,
    Stage,
    Turn,
)

_SQL = queries("context")

# The step has 2 s; what is left is for its retry.
DEADLINE_S = 1.5

_SPOKEN = [*sorted(wording.TRIGGERING), ECHO]


@dataclass(frozen=True, slots=True)
class _Person:
    """What belongs to a contact and changes rarely."""

    profile: Profile
    bookings: tuple[Booking, ...] = ()
    preferences: Preferences = field(default_factory=Preferences)


@dataclass(frozen=True, slots=True)
class _Thread:
    """What belongs to a conversation and changes with every turn."""

    lead_score: int = 0
    stage: Stage = "initial"
    first_contact: bool = True
    may_ask_person: bool = True
    history: tuple[HistoryMessage, ...] = ()


_person_codec = TypeAdapter(_Person)


class PostgresContext:
    def __init__(self, database: Database, cache: ContextCache | None = None) -> None:
        self._database = database
        self._cache = cache

    async def load(self, turns: Sequence[Turn]) -> list[CustomerContext]:
        """One context per turn. `Retryable` when neither database nor cache knows anything."""
        people = await self._cached({turn.contact_id for turn in turns})
        unknown = sorted({turn.contact_id for turn in turns} - people.keys())

        async def work(connection: Connection) -> tuple[dict[str, _Person], dict[str, _Thread]]:
            fresh = await _people(connection, self._database.vault, unknown) if unknown else {}
            return fresh, await _threads(connection, self._database.vault, turns)

        try:
            fresh, threads = await self._database.run(work, deadline_s=DEADLINE_S)
        except Retryable:
            if not people:
                raise
            return [_context(people.get(turn.contact_id), None) for turn in turns]
        await self._remember(fresh)
        people |= fresh
        return [
            _context(people.get(turn.contact_id), threads.get(turn.conversation_id))
            for turn in turns
        ]

    async def _cached(self, contact_ids: Iterable[str]) -> dict[str, _Person]:
        ids = sorted(contact_ids)
        if self._cache is None:
            return {}
        found = zip(ids, await self._cache.get(ids), strict=True)
        people = {key: self._opened(value) for key, value in found if value is not None}
        return {key: person for key, person in people.items() if person is not None}

    def _opened(self, value: bytes) -> _Person | None:
        """None when another release or another key wrote it."""
        try:
            return _person_codec.validate_json(self._database.vault.unseal(value))
        except (ValidationError, Rejected):
            return None

    async def _remember(self, people: Mapping[str, _Person]) -> None:
        if self._cache is not None and people:
            vault = self._database.vault
            await self._cache.put(
                {
                    key: vault.seal(_person_codec.dump_json(person).decode())
                    for key, person in people.items()
                }
            )


def _context(person: _Person | None, thread: _Thread | None) -> CustomerContext:
    missing = (() if person else ("profile", "bookings", "preferences")) + (
        () if thread else ("lead", "history")
    )
    known, talk = person or _Person(Profile()), thread or _Thread()
    return CustomerContext(
        profile=replace(known.profile, first_contact=talk.first_contact),
        bookings=known.bookings,
        preferences=known.preferences,
        lead_score=talk.lead_score,
        stage=talk.stage,
        history=talk.history,
        may_ask_person=talk.may_ask_person,
        missing=missing,
    )


async def _people(
    connection: Connection, vault: Vault, contact_ids: Sequence[str]
) -> dict[str, _Person]:
    ids = {"contact_ids": contact_ids}
    booked, rows = await fetch_each(connection, ids, _SQL.bookings, _SQL.contacts)
    bookings: defaultdict[str, list[Booking]] = defaultdict(list)
    for row in booked:
        contact_id, reference, trek, departs_on, *rest = row
        booking = Booking(reference, trek, departs_on.isoformat(), *rest)
        bookings[str(contact_id)].append(booking)
    return {str(row[0]): _person(vault, row[1:], bookings[str(row[0])]) for row in rows}


def _person(vault: Vault, row: Sequence[Any], bookings: Sequence[Booking]) -> _Person:
    name, email, tier, joined, *preferences = row
    profile = Profile(
        name=vault.unseal_optional(name),
        email=vault.unseal_optional(email),
        tier=tier,
        joined=joined.isoformat() if joined else None,
    )
    return _Person(profile, tuple(bookings), Preferences(*preferences))


async def _threads(
    connection: Connection, vault: Vault, turns: Sequence[Turn]
) -> dict[str, _Thread]:
    parameters: dict[str, object] = {
        "conversation_ids": [turn.conversation_id for turn in turns],
        "inbox_ids": [message.inbox_id for turn in turns for message in turn.messages],
        "spoken": _SPOKEN,
    }
    history: defaultdict[str, list[HistoryMessage]] = defaultdict(list)
    said_before, rows = await fetch_each(connection, parameters, _SQL.history, _SQL.conversations)
    for conversation_id, kind, content, at in said_before:
        text = vault.unseal(content)
        message = said(kind, text, at)
        if message.text:
            history[str(conversation_id)].insert(0, message)
    may_ask = await askable(connection, [row[0] for row in rows])
    return {
        str(key): _Thread(score, stage, first_contact, key in may_ask, tuple(history[str(key)]))
        for key, score, stage, first_contact in rows
    }


def said(kind: str, content: str, at: Any) -> HistoryMessage:
    """A stored message of the customer, of ours, or of a colleague."""
    if kind == "reply":
        return HistoryMessage("assistant", reply_codec.validate_json(content).text, at)
    return HistoryMessage("agent" if kind == ECHO else "customer", json.loads(content)["text"], at)
