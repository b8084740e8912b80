"""What the administration shows: conversations, what waits for a person, consent, costs.

Reads, and the ticking off of reviews. Whoever asks, and whether they may, is not known here.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from serving.crypto import Vault
from serving.handoff import Handoff, handoff
from serving.sql import queries
from serving.stores.codec import record_codec
from serving.stores.context import said
from serving.stores.database import Connection, Database, fetch, fetch_each
from serving.types import Booking, HistoryMessage, TurnRecord

_SQL = queries("admin")

THREAD = 50
DEAREST = 50  # conversations that are listed with their cost


@dataclass(frozen=True, slots=True)
class Line:
    """A conversation in a list."""

    conversation_id: uuid.UUID
    contact_id: uuid.UUID
    phone_number_id: str
    owner: str
    stage: str
    lead_score: int
    lead_band: str
    language: str | None
    last_inbound_at: datetime | None
    pending_since: datetime | None
    handoff_reason: str | None
    handoff_since: datetime | None


@dataclass(frozen=True, slots=True)
class View:
    """A conversation in full."""

    conversation: Line
    name: str | None  # untrusted: the customer chose it
    opt_out_scope: str | None
    handoff: Handoff | None
    history: tuple[HistoryMessage, ...]  # oldest first


@dataclass(frozen=True, slots=True)
class Review:
    """What a person should look at, of one conversation."""

    conversation_id: uuid.UUID
    kind: str
    count: int
    first_at: datetime
    last_at: datetime
    turn_ids: list[uuid.UUID]  # the latest twenty
    rules: list[str]


@dataclass(frozen=True, slots=True)
class OptOut:
    contact_id: uuid.UUID
    scope: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ModelCost:
    day: date
    tier: str
    model: str
    turns: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class MessageCount:
    day: date
    purpose: str
    messages: int


@dataclass(frozen=True, slots=True)
class CountryCost:
    """What Meta bills for one kind of message to one country, by the company's rate card."""

    country: str  # "" where it is not known
    category: str
    conversations: int
    messages: int  # delivered
    free: int  # of these
    cost_usd: float
    usd_per_conversation: float


@dataclass(frozen=True, slots=True)
class ConversationCost:
    conversation_id: uuid.UUID
    country: str
    messages: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Costs:
    models: tuple[ModelCost, ...]
    messages: tuple[MessageCount, ...]
    model_cost_usd: float
    countries: tuple[CountryCost, ...]
    conversations: tuple[ConversationCost, ...]  # the dearest
    message_cost_usd: float


class Desk:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def conversations(
        self,
        limit: int = 50,
        before: uuid.UUID | None = None,
        owner: str | None = None,
        contact_ids: Sequence[uuid.UUID] | None = None,
    ) -> list[Line]:
        """Latest first; `before` is the last of the page before."""
        parameters = {
            "limit": limit,
            "before": before,
            "owner": owner,
            "contact_ids": None if contact_ids is None else list(contact_ids),
        }
        rows = await self._database.query(_SQL.list_conversations, parameters)
        return [Line(*row) for row in rows]

    async def conversation(self, conversation_id: uuid.UUID) -> View | None:
        ids: dict[str, object] = {"conversation_id": conversation_id, "limit": THREAD}

        async def work(connection: Connection) -> tuple[list[Any], ...]:
            rows = await fetch(connection, _SQL.conversation, ids)
            if not rows:
                return ([], [], [], [])
            return (
                rows,
                await fetch(connection, _SQL.thread, ids),
                await fetch(connection, _SQL.last_records, ids),
                await fetch(connection, _SQL.bookings, {"contact_id": rows[0][1]}),
            )

        rows, thread, records, bookings = await self._database.run(work)
        return _view(self._database.vault, rows[0], thread, records, bookings) if rows else None

    async def reviews(self, limit: int = 50, offset: int = 0) -> list[Review]:
        """Oldest first, one for each conversation and kind: no customer fills the queue."""
        parameters = {"limit": limit, "offset": offset}
        rows = await self._database.query(_SQL.list_reviews, parameters)
        return [Review(*row) for row in rows]

    async def resolve_reviews(self, conversation_id: uuid.UUID) -> int:
        """Tick off everything open of a conversation; how many there were."""
        ids = {"conversation_id": conversation_id}
        return len(await self._database.query(_SQL.resolve_reviews, ids))

    async def opt_outs(self, limit: int = 50, after: uuid.UUID | None = None) -> list[OptOut]:
        parameters = {"limit": limit, "after": after}
        rows = await self._database.query(_SQL.list_opt_outs, parameters)
        return [OptOut(*row) for row in rows]

    async def costs(self, since: datetime, until: datetime) -> Costs:
        """What models cost and what was sent, by day; what messages cost, by whom they went to."""
        period = {"since": since, "until": until, "dearest": DEAREST}

        async def work(connection: Connection) -> list[list[Any]]:
            return await fetch_each(
                connection,
                period,
                _SQL.model_costs,
                _SQL.messages_sent,
                _SQL.billed_by_country,
                _SQL.billed_by_conversation,
            )

        models, messages, countries, conversations = await self._database.run(work)
        rows = tuple(ModelCost(*row) for row in models)
        billed = tuple(CountryCost(*row) for row in countries)
        return Costs(
            models=rows,
            messages=tuple(MessageCount(*row) for row in messages),
            model_cost_usd=sum(row.cost_usd for row in rows),
            countries=billed,
            conversations=tuple(ConversationCost(*row) for row in conversations),
            message_cost_usd=sum(row.cost_usd for row in billed),
        )

    async def record(self, turn_id: uuid.UUID) -> TurnRecord | None:
        """A past turn as it was answered; None when there is none, or it was not answered."""
        rows = await self._database.query(_SQL.record_of_turn, {"turn_id": turn_id})
        if not rows or rows[0][0] is None:
            return None
        return _record(self._database.vault, rows[0][0])


def _view(
    vault: Vault,
    row: Sequence[Any],
    thread: Sequence[Any],
    records: Sequence[Any],
    bookings: Sequence[Any],
) -> View:
    *line, name, opt_out_scope = row
    conversation = Line(*line)
    history = tuple(said(kind, vault.unseal(content), at) for kind, content, at in thread)[::-1]
    told = None
    if conversation.handoff_reason is not None and conversation.handoff_since is not None:
        told = handoff(
            conversation.handoff_reason,
            conversation.handoff_since,
            [_record(vault, record) for (record,) in records],
            history,
            [_booking(booking) for booking in bookings],
        )
    return View(conversation, vault.unseal_optional(name), opt_out_scope, told, history)


def _record(vault: Vault, sealed: bytes) -> TurnRecord:
    return record_codec.validate_json(vault.unseal(sealed))


def _booking(row: Sequence[Any]) -> Booking:
    reference, trek, departs_on, *rest = row
    return Booking(reference, trek, departs_on.isoformat(), *rest)
