"""What became of our messages: statuses and answers of Graph, in any order, end in one state.

The lattice itself is the order of the `delivery` type in the schema.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from serving.crypto import Vault
from serving.sql import queries
from serving.stores import consequences, senders
from serving.stores.consequences import SendFailure
from serving.stores.database import Connection, fetch_each

_SQL = queries("delivery")

KNOWN = frozenset({"sent", "failed", "delivered", "read", "played"})


@dataclass(frozen=True, slots=True)
class StatusRow:
    phone_number_id: str
    wamid_key: bytes
    wamid: bytes  # sealed
    status: str
    recipient_key: bytes
    callback_data: str | None
    error_code: int | None
    payload: bytes  # sealed
    occurred_at: datetime
    pricing: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettlementRow:
    callback_data: str
    outcome: str
    wamid_key: bytes | None
    wamid: bytes | None  # sealed
    detail: bytes | None  # sealed
    code: int | None
    due_in_s: float


async def lock_wamids(connection: Connection, wamid_keys: Sequence[bytes]) -> None:
    keys = sorted({int.from_bytes(key[:8], signed=True) for key in wamid_keys})
    if keys:
        await connection.execute(_SQL.lock_wamids, {"keys": keys})


async def apply_statuses(
    connection: Connection, vault: Vault, rows: Sequence[StatusRow]
) -> dict[int, Mapping[str, Any]]:
    """Statuses that were just stored; unknown words are kept but move nothing.

    Returns the messages they are about, each with what was said of its price.
    """
    known = [row for row in rows if row.status in KNOWN]
    if not known:
        return {}
    parameters: dict[str, object] = {
        "wamid_keys": [row.wamid_key for row in known],
        "wamids": [row.wamid for row in known],
        "callback_datas": [row.callback_data for row in known],
        "statuses": [row.status for row in known],
        "error_codes": [row.error_code for row in known],
    }
    locked, after = await fetch_each(connection, parameters, _SQL.lock_outbox, _SQL.apply_statuses)
    before = dict(locked)
    failures = [
        SendFailure(outbox_id, code, over=True, reported=True)
        for outbox_id, state, code, _ in after
        if state == "failed" and before.get(outbox_id) != "failed"
    ]
    await consequences.draw(connection, vault, failures)
    return {
        outbox_id: next((p for at in places if (p := known[at - 1].pricing)), {})
        for outbox_id, _, _, places in after
    }


async def settle(connection: Connection, vault: Vault, rows: Sequence[SettlementRow]) -> None:
    parameters: dict[str, object] = {
        "callback_datas": [row.callback_data for row in rows],
        "outcomes": [row.outcome for row in rows],
        "wamid_keys": [row.wamid_key for row in rows],
        "wamids": [row.wamid for row in rows],
        "details": [row.detail for row in rows],
        "codes": [row.code for row in rows],
        "due_in_s": [row.due_in_s for row in rows],
    }
    await lock_wamids(connection, [row.wamid_key for row in rows if row.wamid_key])
    locked, after = await fetch_each(connection, parameters, _SQL.lock_outbox, _SQL.settle)
    before = dict(locked)
    failures = [
        SendFailure(outbox_id, code, over=state == "failed", reported=outcome == "sent")
        for outbox_id, state, code, outcome, _ in after
        if before.get(outbox_id) == "sending"
        and (state == "failed" or (state == "deferred" and code is not None))
    ]
    await consequences.draw(connection, vault, failures)
    await senders.proved(connection, [number for _, state, *_, number in after if state == "sent"])
