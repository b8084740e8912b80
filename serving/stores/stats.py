"""Read models for people and machines that watch: the inbox in numbers, and one turn in full."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from serving.crypto import Vault
from serving.sql import queries
from serving.stores.codec import record_codec, reply_codec, timings_codec
from serving.stores.database import Database
from serving.stores.dead_letters import Breaker
from serving.stores.turns import sent
from serving.types import Reply, SendOutcome, Sent, TurnRecord

_SQL = queries("stats")


@dataclass(frozen=True, slots=True)
class InboxStats:
    pending: int  # messages without an answer yet
    oldest_s: float  # age of the oldest of them, by arrival; 0.0 when there is none
    dead: int  # dead letters not replayed
    parked: int = 0  # sends of which it is not known whether they left
    deferred: int = 0  # sends that wait for their time


@dataclass(frozen=True, slots=True)
class TurnView:
    """How a turn ended."""

    state: str  # answered (being logged) | logged | ended | buried
    record: TurnRecord | None  # None: it was buried, or ended before it was understood
    sent: Sent | None  # None: nothing was to be said
    reply: Reply | None

    @property
    def complete(self) -> bool:
        """Whether all steps are done and timed."""
        return self.state != "answered"


class PostgresStats:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def inbox_stats(self) -> InboxStats:
        rows = await self._database.query(_SQL.inbox, deadline_s=3.0)
        return InboxStats(*rows[0])

    async def gauges(self, breaker: Breaker | None = None) -> dict[str, float]:
        """The inbox and what waits for people, by the names under which metrics show them."""
        inbox = await self.inbox_stats()
        limits = breaker or Breaker()
        parameters = {"within_s": limits.within_s}
        rows = await self._database.query(_SQL.desk, parameters, deadline_s=3.0)
        handoffs, reviews, alerts, buried = rows[0]
        return {
            "switchback_inbox_pending": inbox.pending,
            "switchback_inbox_oldest_seconds": inbox.oldest_s,
            "switchback_inbox_dead": inbox.dead,
            "switchback_outbox_parked": inbox.parked,
            "switchback_outbox_deferred": inbox.deferred,
            "switchback_handoffs_open": handoffs,
            "switchback_reviews_open": reviews,
            "switchback_alerts_open": alerts,
            "switchback_dead_letter_breaker_open": float(buried >= limits.limit),
        }

    async def turn_of(self, phone_number_id: str, wamid: str) -> TurnView | None:
        """The turn that ended this inbound message; None until its outcome is known."""
        vault = self._database.vault
        parameters = {
            "phone_number_id": phone_number_id,
            "wamid_key": vault.index("wamid", wamid),
        }
        rows = await self._database.query(_SQL.turn_of, parameters)
        return _view(vault, rows[0]) if rows else None


_UNSENT: dict[str, SendOutcome] = {"held": "held", "suppressed": "suppressed", "failed": "failed"}


def _view(vault: Vault, row: Sequence[Any]) -> TurnView:
    state, outcome, sealed_record, timings, body, *delivery = row
    record = record_codec.validate_json(vault.unseal(sealed_record)) if sealed_record else None
    if record is not None and timings is not None:
        # The record was committed before its last steps ran.
        record = replace(record, timings=timings_codec.validate_python(timings))
    if body is not None:
        reply = reply_codec.validate_json(vault.unseal(body))
        return TurnView(state, record, sent(vault, *delivery), reply)
    return TurnView(state, record, Sent(_UNSENT[outcome]) if outcome in _UNSENT else None, None)
