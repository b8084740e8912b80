"""Who has a conversation: the bot, a person, or nobody. The one place that changes it.

`take_over` is for every way into a person's hands: a control word, a reply that hands over, an
echo of the business app, the API. It runs inside the caller's transaction, so it is seen together
with what caused it, and the gate, which looks under the same lock, sends nothing after it.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from serving.sql import queries
from serving.stores.database import Connection, Database, fetch
from serving.types import Owner

_SQL = queries("handover")

Reason = Literal["customer", "agent", "echo", "stale", "held"]


@dataclass(frozen=True, slots=True)
class Taking:
    """A conversation on its way to a person.

    With a `wamid_key`, the message so named stays pending: its turn may acknowledge, once.
    """

    conversation_id: uuid.UUID
    reason: Reason
    opened_by: str = ""  # name of the colleague's key; "" when it was not the API
    wamid_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How much customers may ask of people. Asking again while one has it costs nothing."""

    per_customer: int = 3
    within_s: float = 24 * 3600.0
    open_at_once: int = 200  # a queue nobody can work off helps nobody: say so instead


async def take_over(connection: Connection, takings: Iterable[Taking]) -> set[uuid.UUID]:
    """Give conversations to people; returns those that changed hands.

    The caller holds the conversations' locks, or takes no others after this.
    """
    once = {taking.conversation_id: taking for taking in takings}
    if not once:
        return set()
    ordered = [once[key] for key in sorted(once)]
    parameters: dict[str, object] = {
        "conversation_ids": [taking.conversation_id for taking in ordered],
        "reasons": [taking.reason for taking in ordered],
        "opened_bys": [taking.opened_by for taking in ordered],
        "wamid_keys": [taking.wamid_key for taking in ordered],
    }
    await connection.execute(_SQL.lock_conversations, parameters)
    return {row[0] for row in await fetch(connection, _SQL.take_over, parameters)}


async def askable(
    connection: Connection, conversation_ids: Sequence[uuid.UUID], quota: Quota | None = None
) -> set[uuid.UUID]:
    """The conversations whose customer may ask for a person now."""
    limits = quota or Quota()
    parameters: dict[str, object] = {
        "conversation_ids": conversation_ids,
        "within_s": limits.within_s,
        "per_customer": limits.per_customer,
        "open_at_once": limits.open_at_once,
    }
    return {row[0] for row in await fetch(connection, _SQL.askable, parameters)}


Change = Literal["changed", "unchanged", "unknown"]


class Handover:
    """Take-over and hand-back by a colleague. Repeating either changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_over(self, conversation_id: uuid.UUID, by: str) -> Change:
        taking = Taking(conversation_id, "agent", by)

        async def work(connection: Connection) -> Change:
            changed = bool(await take_over(connection, [taking]))
            return await self._outcome(connection, conversation_id, changed=changed)

        return await self._database.run(work)

    async def hand_back(self, conversation_id: uuid.UUID, by: str) -> Change:
        """The bot answers what is written from now on; what was written before is context."""
        return await self._release(conversation_id, "bot", by)

    async def close(self, conversation_id: uuid.UUID, by: str) -> Change:
        """Nobody's, until the customer writes again: then it is the bot's."""
        return await self._release(conversation_id, "closed", by)

    async def _release(self, conversation_id: uuid.UUID, owner: Owner, by: str) -> Change:
        parameters = {"conversation_id": conversation_id, "owner": owner, "closed_by": by}

        async def work(connection: Connection) -> Change:
            changed = bool(await fetch(connection, _SQL.release, parameters))
            return await self._outcome(connection, conversation_id, changed=changed)

        return await self._database.run(work)

    async def _outcome(
        self, connection: Connection, conversation_id: uuid.UUID, *, changed: bool
    ) -> Change:
        if changed:
            return "changed"
        rows = await fetch(connection, _SQL.owner, {"conversation_id": conversation_id})
        return "unchanged" if rows else "unknown"
