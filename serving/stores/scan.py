"""Looks through every column of every table for a person. Knows the catalogue, not the tables.

The database's own catalogue is the list: a table that is added later is looked through as well.
Statements are composed here for that reason; values never are part of them.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from serving.crypto import UndecryptableError, Vault
from serving.needles import Needles
from serving.sql import queries
from serving.stores.database import Connection, Database, fetch

_SQL = queries("scan")

BATCH = 500  # decrypting them takes some 50 ms, in a thread
_TEXTS = frozenset({"text", "varchar", "json", "jsonb", "_text"})
# Whose row it is, the nearest first.
_OWNERS = ("contact_id", "conversation_id", "turn_id")


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    key: tuple[str, ...]
    columns: dict[str, str]  # column to type, all of them

    @property
    def owner(self) -> str | None:
        return next((name for name in _OWNERS if name in self.columns), None)

    @property
    def sealed(self) -> list[str]:
        return [name for name, kind in self.columns.items() if kind == "bytea" and not hashed(name)]

    @property
    def texts(self) -> list[str]:
        return [name for name, kind in self.columns.items() if kind in _TEXTS]


def hashed(column: str) -> bool:
    """Blind indexes are named so; nothing can be read out of them."""
    return column.endswith(("_key", "key_hash"))


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that mentions the person, with the columns that do, masked."""

    key: tuple[Any, ...]
    owned: bool  # by somebody else: it is masked, not deleted
    masked: dict[str, bytes | str]


@dataclass(frozen=True, slots=True)
class Page:
    num_rows: int
    hits: list[Hit]
    unreadable: int  # values that none of our keys opens


async def tables(database: Database) -> list[Table]:
    async def work(connection: Connection) -> tuple[list[Any], list[Any]]:
        return await fetch(connection, _SQL.columns), await fetch(connection, _SQL.primary_keys)

    columns, keys = await database.run(work)
    names = dict.fromkeys(table for table, _, _ in columns)
    return [
        Table(
            name,
            tuple(column for table, column in keys if table == name),
            {column: kind for table, column, kind in columns if table == name},
        )
        for name in names
    ]


async def pages(database: Database, table: Table, needles: Needles) -> AsyncIterator[Page]:
    """Every row once, in the order of the primary key, each page in a transaction of its own."""
    after: tuple[Any, ...] | None = None
    while True:
        rows = await _page(database, table, after)
        if not rows:
            return
        yield await asyncio.to_thread(_look, database.vault, table, rows, needles)
        after = tuple(rows[-1][: len(table.key)])


async def _page(database: Database, table: Table, after: tuple[Any, ...] | None) -> list[Any]:
    texts = [SQL("{}::text").format(Identifier(name)) for name in table.texts]
    selected = [
        *map(Identifier, table.key),
        Identifier(table.owner) if table.owner else SQL("NULL"),
        *map(Identifier, table.sealed),
        *texts,
    ]
    key = SQL(", ").join(map(Identifier, table.key))
    beyond: Composable = SQL("")
    if after is not None:
        marks = SQL(", ").join(Placeholder() * len(after))
        beyond = SQL("WHERE ({}) > ({})").format(key, marks)
    statement = SQL("SELECT {} FROM {} {} ORDER BY {} LIMIT {}").format(
        SQL(", ").join(selected), Identifier(table.name), beyond, key, BATCH
    )

    async def work(connection: Connection) -> list[Any]:
        return await (await connection.execute(statement, after or ())).fetchall()

    return await database.run(work)


def _look(vault: Vault, table: Table, rows: Sequence[Any], needles: Needles) -> Page:
    hits, unreadable = [], 0
    for row in rows:
        key, owner = tuple(row[: len(table.key)]), row[len(table.key)]
        values = row[len(table.key) + 1 :]
        masked: dict[str, bytes | str] = {}
        for column, value in zip((*table.sealed, *table.texts), values, strict=True):
            try:
                # One byte is one character: also an attachment can be looked through, and masked.
                content = vault.unseal_bytes(value) if isinstance(value, bytes) else None
                text = content.decode("latin-1") if content is not None else value
            except UndecryptableError:
                unreadable += 1
                continue
            if text is not None and needles.within(text):
                hidden = needles.mask(text)
                masked[column] = hidden
                if content is not None:
                    masked[column] = vault.seal_bytes(hidden.encode("latin-1"))
        if masked:
            hits.append(Hit(key, owner is not None, masked))
    return Page(len(rows), hits, unreadable)


async def remove(database: Database, table: Table, hit: Hit) -> None:
    """Delete the row; what is somebody else's keeps everything but the person."""
    if hit.owned:
        statement, values = _masking(table, hit), (*hit.masked.values(), *hit.key)
    else:
        statement, values = _deleting(table), hit.key
    await database.run(lambda connection: connection.execute(statement, values))


def _deleting(table: Table) -> Composed:
    return SQL("DELETE FROM {} WHERE {}").format(Identifier(table.name), _is(table))


def _masking(table: Table, hit: Hit) -> Composed:
    changes = [
        SQL("{} = {}::{}").format(Identifier(name), Placeholder(), Identifier(table.columns[name]))
        for name in hit.masked
    ]
    return SQL("UPDATE {} SET {} WHERE {}").format(
        Identifier(table.name), SQL(", ").join(changes), _is(table)
    )


def _is(table: Table) -> Composed:
    return SQL(" AND ").join(
        SQL("{} = {}").format(Identifier(name), Placeholder()) for name in table.key
    )
