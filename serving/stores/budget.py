"""What is spent on paid models in a day: the `Budget` of the request path.

Money is set aside before a call and settled after it, by one statement each, so that no number of
replicas and no crash can spend more than the limit. Amounts are whole nano-dollars.
"""

import math
import uuid

from serving.ports import Reservation
from serving.sql import queries
from serving.stores.database import Database

_SQL = queries("budget")

NANO = 1_000_000_000
DEADLINE_S = 3.0  # most of the caller's deadline is the model's; this row's queue is soon served


class PostgresBudget:
    def __init__(self, database: Database, limit_usd: float) -> None:
        self._database = database
        self._limit = math.floor(limit_usd * NANO)

    async def reserve(self, usd: float) -> Reservation | None:
        reservation = Reservation(uuid.uuid4().hex, usd)
        parameters = {
            "reservation_id": reservation.id,
            "amount": math.ceil(usd * NANO),
            "limit": self._limit,
        }
        rows = await self._database.query(_SQL.reserve, parameters, deadline_s=DEADLINE_S)
        return reservation if rows else None

    async def settle(self, reservation: Reservation, spent_usd: float) -> None:
        parameters = {"reservation_id": reservation.id, "spent": math.ceil(spent_usd * NANO)}
        await self._database.query(_SQL.settle, parameters, deadline_s=DEADLINE_S)

    async def held_usd(self) -> float:
        """Spent and set aside today."""
        rows = await self._database.query(_SQL.held)
        return rows[0][0] / NANO if rows else 0.0
