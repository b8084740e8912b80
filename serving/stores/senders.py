"""Business numbers as senders: when one is held back, and how fast it may send. Knows no Graph.

Postgres is the only truth of both, so that replicas cannot exceed a limit together: messages take
their place in one line of slots, in the transaction that commits the intent to send them.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from serving.sql import queries
from serving.stores.database import Connection, Database, fetch

_SQL = queries("senders")

ACCOUNT = "*"  # stands for every number


async def hold(
    connection: Connection, phone_number_id: str, reason: str, until: datetime | None = None
) -> None:
    """Send nothing from this number; without `until` for a minute, and twice that next time."""
    parameters = {"phone_number_id": phone_number_id, "reason": reason, "until": until}
    await connection.execute(_SQL.hold, parameters)


async def release(connection: Connection, phone_number_id: str) -> None:
    await connection.execute(_SQL.release, {"phone_number_id": phone_number_id})


async def proved(connection: Connection, phone_number_ids: Sequence[str]) -> None:
    """These numbers have just sent something."""
    if phone_number_ids:
        await connection.execute(_SQL.proved, {"phone_number_ids": sorted(set(phone_number_ids))})


async def set_throughput(connection: Connection, phone_number_id: str | None, mps: int) -> None:
    """Of a number; None: of the only one, where there is one."""
    sql = _SQL.set_throughput if phone_number_id else _SQL.set_only_throughput
    await connection.execute(sql, {"phone_number_id": phone_number_id, "mps": mps})


async def reserve(connection: Connection, numbers: Sequence[str]) -> list[float]:
    """The next free slot of each number, once for each time it is listed: seconds until it.

    Their row stays locked until the commit: to be called last.
    """
    if not numbers:
        return []
    counts = Counter(numbers)
    parameters = {"phone_number_ids": list(counts), "counts": list(counts.values())}
    slots: defaultdict[str, list[float]] = defaultdict(list)
    for number, until_last_s, rate in await fetch(connection, _SQL.reserve, parameters):
        # `until_last_s` is the end of the last slot; each waits for the beginning of its own.
        slots[number] = [
            max(0.0, until_last_s - place / rate) for place in range(1, counts[number] + 1)
        ]
    return [slots[number].pop() for number in numbers]


class PostgresSenders:
    """The operator's hand on a number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self, phone_number_id: str, reason: str, until: datetime | None = None) -> None:
        await self._database.run(lambda c: hold(c, phone_number_id, reason, until))

    async def release(self, phone_number_id: str) -> None:
        """Let it send again, starting with what was deferred."""
        await self._database.run(lambda c: release(c, phone_number_id))
