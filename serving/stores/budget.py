"""What is spent on paid models in a day: the `Budget` of the request path.

Money is set aside before a call and settled after it, by one statement each, so that no number of
replicas and no crash can spend more than the limit. Amounts are whole nano-dollars.
"""

import math
from datetime import date

from serving.ports import Reservation
from serving.sql import queries
from serving.stores.database import Connection, Database, fetch

_SQL = queries("budget")

NANO = 1_000_000_000
DEADLINE_S = 3.0  # the caller's deadline is for the model; a queue for this row is soon served


class PostgresBudget:
    def __init__(self, database: Database, limit_usd: float) -> None:
        self._database = database
        self._limit = math.floor(limit_usd * NANO)

    async def reserve(self, usd: float) -> Reservation | None:
        amount = math.ceil(usd * NANO)
        parameters = {"amount": amount, "limit": self._limit}

        async def work(connection: Connection) -> list[tuple[date]]:
            return await fetch(connection, _SQL.reserve, parameters)

        rows = await self._database.run(work, deadline_s=DEADLINE_S)
        return Reservation(rows[0][0].isoformat(), amount / NANO) if rows else None

    async def settle(self, reservation: Reservation, spent_usd: float) -> None:
        difference = math.ceil(spent_usd * NANO) - round(reservation.usd * NANO)
        parameters = {"day": reservation.day, "difference": difference}
        await self._database.run(
            lambda connection: connection.execute(_SQL.settle, parameters), deadline_s=DEADLINE_S
        )

    async def held_usd(self) -> float:
        """Spent and set aside today."""
        rows = await self._database.run(lambda connection: fetch(connection, _SQL.held, {}))
        return rows[0][0] / NANO if rows else 0.0
