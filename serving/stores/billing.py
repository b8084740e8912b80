"""Messages that cost money: each delivered one is charged once, by the rate card."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.billing import BudgetState, price_of, state_of
from serving.business import RateCard
from serving.crypto import Vault
from serving.ports import Recipient
from serving.sql import queries
from serving.stores.alerts import Alert, raise_alerts
from serving.stores.codec import reply_codec
from serving.stores.database import Connection, fetch

_SQL = queries("billing")
SPENT = _SQL.spent

_MEANING: Mapping[BudgetState, str] = {
    "saving": "four fifths of the month's budget for messages are spent",
    "spent": "the month's budget for messages is spent: answers go to people",
}


@dataclass(frozen=True, slots=True)
class _Delivered:
    outbox_id: int
    conversation_id: uuid.UUID
    phone_number_id: str
    body: bytes
    wa_id: bytes | None
    bsuid: bytes | None


async def charge(
    connection: Connection, vault: Vault, card: RateCard, pricings: Mapping[int, Mapping[str, Any]]
) -> None:
    """Charge what has arrived among these messages; `pricings` is what Meta said, by outbox id."""
    rows = await fetch(connection, _SQL.delivered, {"outbox_ids": sorted(pricings)})
    delivered = [_Delivered(*row) for row in rows]
    if not delivered:
        return
    before = await spent(connection)
    prices = [
        price_of(
            card,
            Recipient(vault.unseal_optional(one.wa_id), vault.unseal_optional(one.bsuid)),
            pricings[one.outbox_id],
            template=reply_codec.validate_json(vault.unseal(one.body)).template is not None,
        )
        for one in delivered
    ]
    columns = {
        "outbox_ids": [one.outbox_id for one in delivered],
        "conversation_ids": [one.conversation_id for one in delivered],
        "phone_number_ids": [one.phone_number_id for one in delivered],
        "countries": [price.country for price in prices],
        "categories": [price.category for price in prices],
        "frees": [price.free for price in prices],
        "nano_usds": [price.nano_usd for price in prices],
    }
    after = await fetch(connection, _SQL.charge, columns)
    if after and (state := state_of(card, after[0][0])) != state_of(card, before):
        await raise_alerts(connection, [Alert("budget", state, _MEANING[state])])


async def spent(connection: Connection) -> int:
    return spent_of(await fetch(connection, SPENT))


def spent_of(rows: Sequence[tuple[int]]) -> int:
    """Nano-dollars of the month, from what `SPENT` found."""
    return int(rows[0][0]) if rows else 0
