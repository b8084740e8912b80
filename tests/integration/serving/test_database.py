"""Transactions whose statements travel together, against a real Postgres."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from serving.errors import Rejected
from serving.stores.database import Connection, Database, fetch, fetch_each
from tests.integration.serving.world import KEYS

pytestmark = pytest.mark.anyio

ADD = b"INSERT INTO numbers VALUES (%(number)s)"
ALL = b"SELECT number FROM numbers ORDER BY number"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers (number int CHECK (number > 0))")
    database = Database(database_url, KEYS, max_connections=1)
    await database.open()
    yield database
    await database.close()


async def numbers(database: Database) -> list[int]:
    return [number for (number,) in await database.query(ALL)]


async def test_one_statement_commits_by_itself(database: Database) -> None:
    """With and without rows."""
    assert await database.query(ADD, {"number": 1}) == []
    assert await database.query(ALL) == [(1,)]


async def test_each_statement_sees_those_before_it(database: Database) -> None:
    """Sent in one trip, they still run one after the other."""

    async def work(connection: Connection) -> list[list[tuple[int]]]:
        await connection.execute(ADD, {"number": 1})
        return await fetch_each(connection, {"number": 2}, ALL, ADD + b" RETURNING number", ALL)

    assert await database.run(work) == [[(1,)], [(2,)], [(1,), (2,)]]


@pytest.mark.parametrize("looks", [True, False])
async def test_a_statement_that_fails_leaves_nothing(database: Database, *, looks: bool) -> None:
    """Whether rows are fetched after it or only the commit hears of it; the connection, the only
    one here, is as good as before.
    """

    async def work(connection: Connection) -> None:
        await connection.execute(ADD, {"number": 1})
        await connection.execute(ADD, {"number": -1})
        if looks:
            await fetch(connection, ALL)

    with pytest.raises(Rejected, match="CheckViolation"):
        await database.run(work)
    assert await numbers(database) == []


async def test_an_error_of_our_own_leaves_nothing(database: Database) -> None:
    """What was sent before it is rolled back."""

    async def work(connection: Connection) -> None:
        await connection.execute(ADD, {"number": 1})
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(work)
    assert await numbers(database) == []


async def test_who_was_second_is_repeated(database: Database, database_url: str) -> None:
    """A unique key that another transaction took first: the repetition sees its row."""
    await database.query(b"CREATE UNIQUE INDEX once ON numbers (number)")
    tries = 0

    async def work(connection: Connection) -> list[tuple[int]]:
        nonlocal tries
        tries += 1
        found = await fetch(connection, ALL)
        if not found:
            async with await psycopg.AsyncConnection.connect(database_url) as other:
                await other.execute(ADD, {"number": 1})
            await connection.execute(ADD, {"number": 1})
        return found

    assert await database.run(work) == [(1,)]
    assert tries == 2
