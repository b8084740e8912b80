"""Turns that failed for good: buried with their messages, looked at, and replayed once.

Burying has a breaker. One poisoned message is a dead letter; many at once are a bad deployment,
and then the turns are held back, with their messages pending, until a good one answers them.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from serving.crypto import Vault
from serving.sql import queries
from serving.stores.database import Connection, Database, fetch

_SQL = queries("dead_letters")

Replayed = Literal["replayed", "already", "human", "unknown"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """At most `limit` letters that nobody has replayed within `within_s`."""

    limit: int = 20
    within_s: float = 300.0
    held_for_s: float = 60.0  # what would be buried now is tried again after this


@dataclass(frozen=True, slots=True)
class Message:
    type: str
    text: str
    sent_at: datetime
    state: str
    raw: Any  # as Meta sent it


@dataclass(frozen=True, slots=True)
class DeadLetter:
    turn_id: uuid.UUID
    conversation_id: uuid.UUID
    reason: str
    attempts: int
    created_at: datetime
    replayed_at: datetime | None
    replayed_by: str | None
    messages: tuple[Message, ...] = ()  # empty in a list


async def tripped(connection: Connection, breaker: Breaker) -> bool:
    """Whether so much was buried lately that it must have one cause."""
    ((count,),) = await fetch(connection, _SQL.buried_lately, {"within_s": breaker.within_s})
    return bool(count >= breaker.limit)


async def bury(connection: Connection, parameters: dict[str, object], breaker: Breaker) -> bool:
    """Dead-letter a turn. False: the breaker is open, and the turn is to be held back."""
    await connection.execute(_SQL.count_one_by_one)
    if await tripped(connection, breaker):
        return False
    await connection.execute(_SQL.bury, parameters)
    return True


class DeadLetters:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, limit: int = 50, before: uuid.UUID | None = None, *, replayed: bool = False
    ) -> list[DeadLetter]:
        """Newest first; with `replayed` also those that were replayed."""
        parameters = {"limit": limit, "before": before, "all": replayed}
        rows = await self._database.query(_SQL.list_letters, parameters)
        return [_letter(self._database.vault, row) for row in rows]

    async def show(self, turn_id: uuid.UUID) -> DeadLetter | None:
        """One letter with its messages."""
        parameters = {"turn_id": turn_id}

        async def work(connection: Connection) -> tuple[list[Any], list[Any]]:
            rows = await fetch(connection, _SQL.letter, parameters)
            return rows, await fetch(connection, _SQL.messages, parameters)

        rows, messages = await self._database.run(work)
        vault = self._database.vault
        return _letter(vault, rows[0], messages) if rows else None

    async def replay(self, turn_ids: Sequence[uuid.UUID], by: str) -> dict[uuid.UUID, Replayed]:
        """Put the messages of these letters into the queue again; says what became of each.

        A second replay of a letter has no effect. What a person has in hand is left to them.
        """

        async def work(connection: Connection) -> dict[uuid.UUID, Replayed]:
            parameters: dict[str, object] = {"turn_ids": list(turn_ids), "by": by}
            rows = await fetch(connection, _SQL.lock_conversations, parameters)
            due = [turn_id for turn_id, done, owner in rows if not done and owner != "human"]
            parameters["turn_ids"] = due
            fresh = {row[0] for row in await fetch(connection, _SQL.replay, parameters)}
            kept: dict[uuid.UUID, Replayed] = {
                turn_id: "human" if owner == "human" and not done else "already"
                for turn_id, done, owner in rows
            }
            return {
                turn_id: "replayed" if turn_id in fresh else kept.get(turn_id, "unknown")
                for turn_id in turn_ids
            }

        return await self._database.run(work)


def _letter(vault: Vault, row: Sequence[Any], messages: Sequence[Sequence[Any]] = ()) -> DeadLetter:
    turn_id, conversation_id, reason, *rest = row
    said = tuple(_message(vault, *message[1:]) for message in messages)
    attempts, created_at, replayed_at, by = rest
    return DeadLetter(
        turn_id, conversation_id, vault.unseal(reason), attempts, created_at, replayed_at, by, said
    )


def _message(vault: Vault, kind: str, sent_at: datetime, state: str, payload: bytes) -> Message:
    content = json.loads(vault.unseal(payload))
    return Message(kind, content["text"], sent_at, state, content.get("raw"))
