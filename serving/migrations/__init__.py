"""Brings a database to the newest schema. Plain SQL; Alembic keeps the order and the version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

# Any constant will do, as long as every starter takes the same one.
LOCK = 0x5317C4BA

CONNECT_TIMEOUT_S = 10


def migrate(database_url: str) -> None:
    """Apply what is missing. Two starters are safe: the second waits and finds nothing to do.

    Everything is one transaction, so a failed migration leaves the old schema.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    engine = create_engine(
        _with_driver(database_url),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def _with_driver(database_url: str) -> str:
    """SQLAlchemy must be told to use psycopg 3."""
    _, separator, rest = database_url.partition("://")
    if not separator:
        raise ValueError("the database URL has no scheme; expected postgresql://...")
    return f"postgresql+psycopg://{rest}"
