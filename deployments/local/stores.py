"""The databases of an instance, reached and made ready, whether embedded or named by a URL.

Must not know their tables: migrations and seeds belong to `serving`.
"""

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
import redis as redis_client

from deployments.local.errors import LocalError
from deployments.settings import Settings
from serving.errors import SwitchbackError

CONNECT_TIMEOUT_S: Final = 10
CUSTOMERS: Final = "customers.json"  # beside business.yaml


def check_database(url: str) -> None:
    """Connect once, so that an unreachable database is named before anything else starts."""
    try:
        psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S).close()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1]
        raise LocalError(
            f"SWITCHBACK_DATABASE_URL: the database at {_place(url)} cannot be used ({reason});"
            " check the address and that it runs"
        ) from None  # the original may quote the password


def check_redis(url: str) -> None:
    """Ping once, as above."""
    try:
        client = redis_client.Redis.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT_S)
        with client:
            client.ping()
    except (redis_client.RedisError, ValueError) as error:
        raise LocalError(
            f"SWITCHBACK_REDIS_URL: Redis at {_place(url)} cannot be used"
            f" ({type(error).__name__}); check the address and that it runs"
        ) from None


def prepare(settings: Settings) -> None:
    """The schema of today, and on a demo machine the demo's customers."""
    _migrate(settings)
    customers = settings.business.parent / CUSTOMERS
    if settings.embedded and customers.is_file():
        asyncio.run(_seed(settings, customers))


async def _seed(settings: Settings, customers: Path) -> None:
    from deployments.parts import Parts  # noqa: PLC0415
    from serving.stores.seed import seed_customers  # noqa: PLC0415

    parts = Parts(settings)
    database = parts.database
    try:
        await parts.open()
        await seed_customers(database, customers)
    except SwitchbackError as error:
        raise LocalError(f"the demo customers could not be loaded: {error}") from error
    finally:
        await database.close()


def _migrate(settings: Settings) -> None:
    """Bring the schema up to date."""
    from serving.migrations import migrate as upgrade  # noqa: PLC0415  # imports SQLAlchemy

    assert settings.database_url is not None
    try:
        upgrade(settings.database_url)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise LocalError(
            f"the schema could not be updated: {type(error).__name__} {reason}"
        ) from error


def _place(url: str) -> str:
    """Host and port without user and password."""
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.hostname or 'a local socket'}{port}"
