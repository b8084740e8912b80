"""Claims, leases and endings of turns: the `TurnStore` of the router. Knows no step.

A lease carries a fence that grows with every claim. Whoever comes with an older one has lost the
conversation: it can neither end the turn nor touch the messages.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from psycopg.types.json import Jsonb

from serving.crypto import Vault
from serving.ports import Arrivals
from serving.sql import queries
from serving.stores import dead_letters, handover
from serving.stores.batching import Batcher
from serving.stores.codec import record_codec, reply_codec, timings_codec
from serving.stores.database import Connection, Database, fetch, fetch_each
from serving.types import (
    LANGUAGES,
    ContactId,
    ConversationId,
    InboundMessage,
    Interaction,
    SendOutcome,
    Sent,
    Turn,
    TurnId,
    TurnResult,
    Wamid,
)

_SQL = queries("turns")

# A customer who does not stop writing is answered within this, from the oldest message on ...
ANSWER_WITHIN_S = 15.0
# ... so that turns begin anew only while one more fits: less what claiming it takes, and Graph.
SUPERSEDE_CAP_S = ANSWER_WITHIN_S - 1.0
# As long as the send step may take: what is "sending" for longer has nobody who sends it.
SEND_S = 20.0

# Their messages stay pending: another turn answers them.
_REOPENING = frozenset({"superseded", "fenced"})
# The gate has stored their record.
_COMMITTED = frozenset({"sent", "parked", "failed", "deferred"})


@dataclass(frozen=True, slots=True)
class _Ending:
    turn: Turn
    result: TurnResult | None
    ended: str

    @property
    def logged(self) -> bool:
        result = self.result
        return result is not None and result.logged is not None and result.lead is not None


@dataclass(frozen=True, slots=True)
class _Lease:
    conversation_id: uuid.UUID
    contact_id: uuid.UUID
    phone_number_id: str
    fence: int
    attempt: int
    language: str | None
    claimed_at: datetime


class PostgresTurns:
    def __init__(
        self,
        database: Database,
        breaker: dead_letters.Breaker | None = None,
        *,
        send_s: float = SEND_S,
    ) -> None:
        self._database = database
        self._send_s = send_s
        self._breaker = breaker or dead_letters.Breaker()
        self._finish = Batcher(self._finish_many)

    # ── claiming ─────────────────────────────────────────────────────────────────────────────

    async def claim(
        self, holder: str, limit: int, lease_s: float, expected_s: float = 0.0
    ) -> list[Turn]:
        parameters = {
            "holder": holder,
            "limit": limit,
            "lease_s": lease_s,
            "send_s": self._send_s,
            "expected_s": expected_s,
        }

        async def work(connection: Connection) -> list[Turn]:
            rows = await fetch(connection, _SQL.claim_conversations, parameters)
            leases = [_Lease(*row) for row in rows]
            return await self._gather(connection, parameters, leases) if leases else []

        return await self._database.run(work)

    async def _gather(
        self, connection: Connection, claim: Mapping[str, object], leases: Sequence[_Lease]
    ) -> list[Turn]:
        vault = self._database.vault
        ids = {"conversation_ids": [lease.conversation_id for lease in leases]}
        pending, said = await fetch_each(
            connection, ids, _SQL.pending_messages, _SQL.recent_replies
        )
        messages: defaultdict[uuid.UUID, list[InboundMessage]] = defaultdict(list)
        for row in pending:
            messages[row[0]].append(_message(vault, *row[1:]))
        replies: defaultdict[uuid.UUID, list[str]] = defaultdict(list)
        for conversation_id, body in said:
            reply = reply_codec.validate_json(vault.unseal(body))
            replies[conversation_id].insert(0, reply.text)
        turns = [
            _turn(lease, messages[lease.conversation_id], replies[lease.conversation_id])
            for lease in leases
            if messages[lease.conversation_id]
        ]
        await _open(connection, claim, turns)
        idle = [lease.conversation_id for lease in leases if not messages[lease.conversation_id]]
        if idle:
            await connection.execute(_SQL.release_idle, {**claim, "conversation_ids": idle})
        return turns

    async def renew(self, turns: Sequence[Turn], lease_s: float) -> set[str]:
        if not turns:
            return set()
        parameters = {**_columns(turns), "lease_s": lease_s}
        rows = await self._database.query(_SQL.renew, parameters)
        return {turn_id for (turn_id,) in rows}

    # ── what comes meanwhile ─────────────────────────────────────────────────────────────────

    async def arrivals(self, turns: Sequence[Turn]) -> list[Arrivals]:
        if not turns:
            return []
        parameters: dict[str, object] = {
            "turn_ids": [turn.turn_id for turn in turns],
            "cap_s": SUPERSEDE_CAP_S,
        }
        rows = await self._database.query(_SQL.arrivals, parameters)
        grouped = groupby(rows, key=lambda row: str(row[0]))
        return [_arrivals(self._database.vault, TurnId(key), list(of)) for key, of in grouped]

    async def admit_arrivals(
        self, turn: Turn, joining: Sequence[InboundMessage], waiting: Sequence[InboundMessage]
    ) -> None:
        parameters = {
            "turn_id": turn.turn_id,
            "joining": [message.inbox_id for message in joining],
            "waiting": [message.inbox_id for message in waiting],
        }
        await self._database.query(_SQL.admit_arrivals, parameters)

    # ── endings ──────────────────────────────────────────────────────────────────────────────

    async def finish(self, turn: Turn, result: TurnResult | None, ended: str) -> None:
        await self._finish(_Ending(turn, result, ended))

    async def _finish_many(self, endings: Sequence[_Ending]) -> list[None]:
        turns = [ending.turn for ending in endings]
        held = [ending for ending in endings if ending.ended == "held"]
        parameters: dict[str, object] = {
            **_columns(turns),
            "outcomes": [ending.ended for ending in endings],
            "records": [self._record(ending) for ending in endings],
            "timings": [_timings(ending) for ending in endings],
            "logged": [ending.logged for ending in endings],
            "reopen": [ending.ended in _REOPENING for ending in endings],
        }

        async def work(connection: Connection) -> None:
            await connection.execute(_SQL.lock_for_ending, parameters)
            await connection.execute(_SQL.end_turns, parameters)
            if held:
                await connection.execute(
                    _SQL.queue_reviews, _columns([ending.turn for ending in held])
                )
                # After the ending: what it left pending is the person's as well.
                await handover.take_over(connection, map(_taking, held))

        await self._database.run(work)
        return [None] * len(endings)

    def _record(self, ending: _Ending) -> bytes | None:
        """Of an answered turn the gate has stored it; what is left out is left to another turn."""
        if ending.result is None or ending.ended in _REOPENING | _COMMITTED:
            return None
        return self._database.vault.seal(record_codec.dump_json(ending.result.record).decode())

    async def give_back(self, turn: Turn, reason: str, retry_in_s: float) -> None:
        parameters = {**self._one(turn, reason), "retry_in_s": retry_in_s}
        await self._database.query(_SQL.give_back, parameters)

    async def bury(self, turn: Turn, reason: str) -> None:
        parameters = self._one(turn, reason)
        held = parameters | {"retry_in_s": self._breaker.held_for_s}

        async def work(connection: Connection) -> None:
            if not await dead_letters.bury(connection, parameters, self._breaker):
                await connection.execute(_SQL.give_back, held)

        await self._database.run(work)

    def _one(self, turn: Turn, reason: str) -> dict[str, object]:
        return {
            "turn_id": turn.turn_id,
            "conversation_id": turn.conversation_id,
            "fence": turn.fence,
            "detail": self._database.vault.seal(reason),
        }

    # ── logging that somebody left undone ────────────────────────────────────────────────────

    async def unlogged(self, holder: str, limit: int, lease_s: float) -> list[Interaction]:
        async def work(connection: Connection) -> list[Any]:
            parameters = {
                "holder": holder,
                "limit": limit,
                "lease_s": lease_s,
                "send_s": self._send_s,
            }
            leased = await fetch(connection, _SQL.lease_unlogged, parameters)
            if not leased:
                return []
            ids = {"turn_ids": [turn_id for (turn_id,) in leased]}
            await connection.execute(_SQL.park_abandoned, ids)
            return await fetch(connection, _SQL.answered_turns, ids)

        vault = self._database.vault
        return [_interaction(vault, row) for row in await self._database.run(work)]


def _interaction(vault: Vault, row: Sequence[Any]) -> Interaction:
    """A turn as it was committed, with what is known of its send."""
    _, record, body, *delivery = row
    return Interaction(
        record_codec.validate_json(vault.unseal(record)),
        reply_codec.validate_json(vault.unseal(body)),
        sent(vault, *delivery),
    )


def sent(vault: Vault, state: str, wamid: bytes | None, detail: bytes | None) -> Sent:
    outcomes: dict[str, SendOutcome] = {
        "sent": "sent",
        "failed": "failed",
        "deferred": "deferred",
        "cancelled": "suppressed",
    }
    name = vault.unseal_optional(wamid)
    return Sent(
        outcomes.get(state, "parked"),
        Wamid(name) if name is not None else None,
        vault.unseal_optional(detail) or "",
    )


async def _open(connection: Connection, claim: Mapping[str, object], turns: Sequence[Turn]) -> None:
    if not turns:
        return
    parameters: dict[str, object] = {
        **claim,
        **_columns(turns),
        "started_at": turns[0].started_at,
        "attempts": [turn.attempt for turn in turns],
        "inbox_ids": [_joined(message.inbox_id for message in turn.messages) for turn in turns],
    }
    await connection.execute(_SQL.open_turns, parameters)


def _joined(numbers: Iterable[int]) -> str:
    """Arrays of arrays must be rectangular in Postgres, so the inner ones travel as text."""
    return ",".join(map(str, numbers))


def _columns(turns: Sequence[Turn]) -> dict[str, object]:
    return {
        "turn_ids": [turn.turn_id for turn in turns],
        "conversation_ids": [turn.conversation_id for turn in turns],
        "fences": [turn.fence for turn in turns],
    }


def _timings(ending: _Ending) -> Jsonb | None:
    if ending.result is None:
        return None
    return Jsonb(timings_codec.dump_python(ending.result.record.timings, mode="json"))


def _turn(lease: _Lease, messages: Sequence[InboundMessage], replies: Sequence[str]) -> Turn:
    hints = [language for language in LANGUAGES if language == lease.language]
    return Turn(
        turn_id=TurnId(str(uuid.uuid4())),
        conversation_id=ConversationId(str(lease.conversation_id)),
        contact_id=ContactId(str(lease.contact_id)),
        phone_number_id=lease.phone_number_id,
        fence=lease.fence,
        messages=tuple(messages),
        started_at=lease.claimed_at,
        language_hint=hints[0] if hints else None,
        recent_replies=tuple(replies),
        attempt=lease.attempt,
    )


def _taking(ending: _Ending) -> handover.Taking:
    """What the bot may not or should not answer is a person's."""
    sent = ending.result.sent if ending.result is not None else None
    stale = sent is not None and sent.reason == "stale"
    return handover.Taking(uuid.UUID(ending.turn.conversation_id), "stale" if stale else "held")


def _arrivals(vault: Vault, turn_id: TurnId, rows: Sequence[Sequence[Any]]) -> Arrivals:
    return Arrivals(
        turn_id,
        messages=tuple(_message(vault, *row[3:]) for row in rows if row[3] is not None),
        commanded=any(row[2] for row in rows),
        taken_over=any(row[1] for row in rows),
    )


def _message(
    vault: Vault, inbox_id: int, kind: str, sent_at: datetime, payload: bytes
) -> InboundMessage:
    content = json.loads(vault.unseal(payload))
    reply_to = content["reply_to"]
    return InboundMessage(
        inbox_id=inbox_id,
        wamid=Wamid(content["wamid"]),
        type=kind,
        text=content["text"],
        sent_at=sent_at,
        payload_id=content["payload_id"],
        reply_to=Wamid(reply_to) if reply_to is not None else None,
        advert=content.get("advert", ""),
    )
