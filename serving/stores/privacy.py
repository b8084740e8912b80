"""What is kept of one person: shown, erased, and proved to be gone.

A person is named by a business-scoped user id, a number, or an id of ours. Erasing deletes the
contact with all that hangs on it, then looks through every table for what hangs on nothing: rows
that mention the person go, and in somebody else's rows the mention is masked.
"""

import base64
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.sql import SQL, Composed, Identifier

from serving.crypto import UndecryptableError, Vault
from serving.errors import Rejected
from serving.needles import MIN_CHARS, Needles
from serving.sql import queries
from serving.stores.cache import ContextCache
from serving.stores.database import Connection, Database
from serving.stores.scan import Page, Table, hashed, pages, remove, tables

_SQL = queries("privacy")

# A person's history may be long, and deleting it follows many foreign keys.
ERASE_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an identifier means; nobody known when `contact_ids` is empty."""

    contact_ids: tuple[uuid.UUID, ...]
    needles: Needles


@dataclass(slots=True)
class Findings:
    """Where a person was found, as "table.column" to the number of rows."""

    scanned: dict[str, int] = field(default_factory=dict)  # table to rows looked at
    found: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0  # values that none of the keys opens: nothing can be said of them

    @property
    def absent(self) -> bool:
        return not self.found and not self.unreadable

    def add(self, table: str, page: Page) -> None:
        self.scanned[table] += page.num_rows
        self.unreadable += page.unreadable
        for hit in page.hits:
            for column in hit.masked:
                place = f"{table}.{column}"
                self.found[place] = self.found.get(place, 0) + 1


class Privacy:
    def __init__(self, database: Database, cache: ContextCache) -> None:
        self._database = database
        self._cache = cache

    async def find(self, identifier: str) -> Person:
        """`Rejected` when the identifier is too short to mean one person."""
        name = identifier.strip().removeprefix("+")
        if len(name) < MIN_CHARS:
            raise Rejected(f"an identifier has at least {MIN_CHARS} characters")
        vault = self._database.vault
        parameters = {
            "contact_id": _as_uuid(name),
            "bsuid_key": vault.index("bsuid", name),
            "wa_id_key": vault.index("wa_id", name),
        }
        rows = await self._database.query(_SQL.find, parameters)
        known = [vault.unseal(value) for row in rows for value in row[1:] if value is not None]
        given = [] if _as_uuid(name) else [name]
        return Person(tuple(row[0] for row in rows), Needles([*known, *given]))

    async def export(self, person: Person) -> dict[str, list[dict[str, Any]]]:
        """Every row that hangs on the person, readable, by table."""
        exported = {}
        for table in await tables(self._database):
            statement = _rows_of(table)
            if statement is not None and person.contact_ids:
                rows = await self._select(table, statement, person.contact_ids)
                if rows:
                    exported[table.name] = rows
        return exported

    async def erase(self, person: Person) -> Findings:
        """Delete the person; returns what was found that hung on no contact, now removed."""
        ids = {"contact_ids": list(person.contact_ids)}

        async def work(connection: Connection) -> None:
            await connection.execute(_SQL.erase_statuses, ids)
            await connection.execute(_SQL.erase_contacts, ids)

        await self._database.run(work, deadline_s=ERASE_DEADLINE_S)
        await self._cache.forget([str(contact_id) for contact_id in person.contact_ids])
        return await self._look(person.needles, self._remove)

    async def verify(self, person: Person) -> Findings:
        """Look through every table; `absent` when the person is in none of them."""
        findings = await self._look(person.needles, _leave)
        if person.contact_ids:
            findings.found["contacts"] = len(person.contact_ids)
        return findings

    async def _look(
        self, needles: Needles, then: "Callable[[Table, Page], Awaitable[None]]"
    ) -> Findings:
        findings = Findings()
        for table in await tables(self._database):
            findings.scanned[table.name] = 0
            async for page in pages(self._database, table, needles):
                findings.add(table.name, page)
                await then(table, page)
        return findings

    async def _remove(self, table: Table, page: Page) -> None:
        for hit in page.hits:
            await remove(self._database, table, hit)

    async def _select(
        self, table: Table, statement: Composed, contact_ids: Sequence[uuid.UUID]
    ) -> list[dict[str, Any]]:
        ids = {"contact_ids": list(contact_ids)}

        async def work(connection: Connection) -> list[Any]:
            return await (await connection.execute(statement, ids)).fetchall()

        rows = await self._database.run(work)
        names = list(table.columns)
        return [_readable(self._database.vault, zip(names, row, strict=True)) for row in rows]


async def _leave(_table: Table, _page: Page) -> None:
    """Verifying changes nothing."""


_CONVERSATIONS = SQL(
    "SELECT conversation_id FROM conversations WHERE contact_id = ANY(%(contact_ids)s)"
)
_TURNS = SQL("SELECT turn_id FROM turns WHERE conversation_id IN ({})").format(_CONVERSATIONS)
_OWNED = {
    "contact_id": SQL("= ANY(%(contact_ids)s)"),
    "conversation_id": SQL("IN ({})").format(_CONVERSATIONS),
    "turn_id": SQL("IN ({})").format(_TURNS),
}


def _rows_of(table: Table) -> Composed | None:
    """A table's rows of some contacts; None when its rows hang on nobody."""
    if table.name == "statuses":
        where = SQL(
            "callback_data IN (SELECT callback_data FROM outbox WHERE conversation_id IN ({0}))"
            " OR wamid_key IN (SELECT wamid_key FROM outbox WHERE conversation_id IN ({0}))"
        ).format(_CONVERSATIONS)
    elif table.owner is not None:
        where = SQL("{} {}").format(Identifier(table.owner), _OWNED[table.owner])
    else:
        return None
    names = SQL(", ").join(map(Identifier, table.columns))
    key = SQL(", ").join(map(Identifier, table.key))
    return SQL("SELECT {} FROM {} WHERE {} ORDER BY {}").format(
        names, Identifier(table.name), where, key
    )


def _readable(vault: Vault, row: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Without blind indexes, decrypted; JSON stays JSON."""
    return {name: _opened(vault, value) for name, value in row if not hashed(name)}


def _opened(vault: Vault, value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        text = vault.unseal(value)
    except UndecryptableError:
        return "(unreadable)"
    except UnicodeDecodeError:
        return base64.b64encode(vault.unseal_bytes(value)).decode()  # an attachment
    try:
        return json.loads(text)
    except ValueError:
        return text


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
