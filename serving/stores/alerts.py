"""What an operator has to see: one open row for each thing that is wrong, however often it happens.

Subjects are codes and events of Meta, never personal data: they are shown and exported as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from serving.notices import NoticeKind
from serving.sql import queries
from serving.stores.database import Connection, Database

_SQL = queries("alerts")

AlertKind = NoticeKind | Literal["budget"]


@dataclass(frozen=True, slots=True)
class Alert:
    kind: AlertKind
    subject: str  # an error code, an event, the name of a template
    meaning: str
    phone_number_id: str = ""  # "": the whole account


@dataclass(frozen=True, slots=True)
class OpenAlert:
    alert_id: int
    kind: str
    phone_number_id: str
    subject: str
    meaning: str
    occurrences: int
    first_at: datetime
    last_at: datetime


async def raise_alerts(connection: Connection, alerts: Sequence[Alert]) -> None:
    """Within the caller's transaction: the alert is there exactly if its cause was committed."""
    for alert in alerts:  # one by one: a statement may not touch a row twice
        parameters = {
            "kinds": [alert.kind],
            "phone_number_ids": [alert.phone_number_id],
            "subjects": [alert.subject],
            "meanings": [alert.meaning],
        }
        await connection.execute(_SQL.raise_alerts, parameters)


async def resolve(
    connection: Connection, kind: AlertKind, phone_number_id: str, subject: str | None = None
) -> None:
    parameters = {"kind": kind, "phone_number_id": phone_number_id, "subject": subject}
    await connection.execute(_SQL.resolve_alerts, parameters)


class PostgresAlerts:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, limit: int = 100) -> list[OpenAlert]:
        """What nobody has resolved, latest first."""
        parameters = {"limit": limit}
        rows = await self._database.query(_SQL.open_alerts, parameters)
        return [OpenAlert(*row) for row in rows]

    async def resolve(
        self, kind: AlertKind, phone_number_id: str, subject: str | None = None
    ) -> None:
        await self._database.run(lambda c: resolve(c, kind, phone_number_id, subject))
