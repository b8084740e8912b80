"""The connection pool, deadlines and retries of every transaction. Knows no table but keyring."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import pq
from psycopg.errors import DeadlockDetected, QueryCanceled, SerializationFailure, UniqueViolation
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from serving.crypto import Cipher, Vault, new_lookup_key
from serving.errors import Rejected, Retryable
from serving.sql import queries

Connection = psycopg.AsyncConnection[Any]
T = TypeVar("T")

# A statement here touches indexed rows only; one that takes seconds waits for a lock.
STATEMENT_TIMEOUT_S = 5
DEADLINE_S = 8.0
ATTEMPTS = 4
CONNECT_TIMEOUT_S = 5

# A unique key is violated only when another transaction was first; the repetition sees its row.
_REPEATABLE = (DeadlockDetected, SerializationFailure, UniqueViolation)

_SQL = queries("keyring")


class Database:
    """One pool per process. The constructor does nothing; `open` connects and reads the keyring."""

    def __init__(
        self, url: str, encryption_keys: Sequence[str], *, max_connections: int = 4
    ) -> None:
        self._url = url
        self._cipher = Cipher(encryption_keys)
        self._max_connections = max_connections
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._vault: Vault | None = None

    @property
    def vault(self) -> Vault:
        if self._vault is None:
            raise Retryable("the database is not open yet")
        return self._vault

    async def open(self) -> None:
        """Idempotent. `Retryable` when the database cannot be reached."""
        if self._vault is not None:
            return
        if self._pool is None:
            self._pool = self._new_pool()
            await self._pool.open()
        try:
            self._vault = Vault(self._cipher, await self._lookup_key())
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        pool, self._pool, self._vault = self._pool, None, None
        if pool is not None:
            await pool.close()

    async def check(self) -> None:
        """Raise `Retryable` unless a query succeeds."""
        await self.query(b"SELECT 1", deadline_s=2.0)

    async def run(
        self, work: Callable[[Connection], Awaitable[T]], deadline_s: float = DEADLINE_S
    ) -> T:
        """Run `work` in one transaction; repeat it when Postgres asks for that.

        Statements travel together until rows are fetched (libpq's pipeline): only then have they
        surely run, and what went wrong with one is raised there or at the commit.

        `work` may run several times, also after a commit whose answer was lost, so it has to be
        idempotent. Raises `Retryable` for what may pass and `Rejected` for what will not.
        """
        return await self._within(deadline_s, lambda connection: _transaction(connection, work))

    async def query(
        self,
        sql: bytes,
        parameters: Mapping[str, object] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> list[Any]:
        """All rows, if any, of one statement that is a transaction of its own: one trip to the
        server instead of three. Everything else as `run`.
        """
        return await self._within(
            deadline_s, lambda connection: _alone(connection, sql, parameters)
        )

    async def _within(self, deadline_s: float, work: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(deadline_s):
                return await self._repeat(work)
        except TimeoutError:
            raise Retryable(f"the database took longer than {deadline_s} s") from None
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise Retryable(f"database: {type(error).__name__}") from error
        except psycopg.Error as error:
            # Only the class: the message may quote a row.
            raise Rejected(f"database: {type(error).__name__} ({error.sqlstate})") from error

    async def _repeat(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        for attempt in range(1, ATTEMPTS):
            try:
                return await self._once(work)
            except _REPEATABLE:
                pass
            except PoolTimeout:
                raise
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if isinstance(error, QueryCanceled):
                    raise
                await self._drop_broken()
            await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))
        return await self._once(work)

    async def _once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._pool is None:
            raise Retryable("the database is not open")
        async with self._pool.connection() as connection:
            return await work(connection)

    async def _drop_broken(self) -> None:
        """A restarted server leaves every pooled connection broken, not only the one we met."""
        if self._pool is not None:
            await self._pool.check()

    def _new_pool(self) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            self._url,
            min_size=1,
            max_size=self._max_connections,
            timeout=DEADLINE_S,
            open=False,
            kwargs={
                "autocommit": True,  # transactions are opened by `connection.transaction()` alone
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_S}s"
                " -c idle_in_transaction_session_timeout=10s"
                # The same few statements, by index: planning each anew took half of their time.
                " -c plan_cache_mode=force_generic_plan",
            },
        )

    async def _lookup_key(self) -> bytes:
        """The keyring's key, made by whoever starts first."""

        async def work(connection: Connection) -> bytes:
            wrapped = self._cipher.encrypt(new_lookup_key())
            await connection.execute(_SQL.propose_lookup_key, {"wrapped": wrapped})
            row = await (await connection.execute(_SQL.lookup_key)).fetchone()
            assert row is not None
            return self._cipher.decrypt(row[0])

        return await self.run(work)


async def _transaction(connection: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
    try:
        async with connection.pipeline(), connection.transaction():
            return await work(connection)
    except psycopg.Error:
        # In a pipeline the server passes over the ROLLBACK or COMMIT that follows an error.
        if connection.info.transaction_status == pq.TransactionStatus.INERROR:
            await connection.rollback()
        raise


async def _alone(
    connection: Connection, sql: bytes, parameters: Mapping[str, object] | None
) -> list[Any]:
    cursor = await connection.execute(sql, parameters)
    return await cursor.fetchall() if cursor.description else []


async def fetch(
    connection: Connection, sql: bytes, parameters: Mapping[str, object] | None = None
) -> list[Any]:
    """All rows of one statement."""
    return await (await connection.execute(sql, parameters)).fetchall()


async def fetch_each(
    connection: Connection, parameters: Mapping[str, object], *statements: bytes
) -> list[list[Any]]:
    """All rows of several statements of one transaction, sent in one trip. They run one after the
    other, and each sees what was committed before it, as if sent alone.
    """
    cursors = [await connection.execute(sql, parameters) for sql in statements]
    return [await cursor.fetchall() for cursor in cursors]
