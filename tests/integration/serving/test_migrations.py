"""The schema: the migrations make what the documentation shows, and two starters are safe."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import serving
from serving.migrations import migrate
from tests.conftest import database_url_of

SCHEMA = Path(serving.__file__).parent / "sql" / "schema.sql"

CATALOG = {
    "columns": """
        SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position
    """,
    "constraints": """
        SELECT conrelid::regclass::text, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
    """,
    "indexes": """
        SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2
    """,
    "types": """
        SELECT t.typname, e.enumlabel, e.enumsortorder
        FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid ORDER BY 1, 3
    """,
    "storage": """
        SELECT attrelid::regclass::text, attname, attstorage FROM pg_attribute
        WHERE attrelid IN (
            SELECT oid FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        ) AND NOT attisdropped
        ORDER BY 1, attnum
    """,
    "options": """
        SELECT relname, reloptions FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1
    """,
}


@pytest.fixture
def two_urls(postgres_url: str) -> Iterator[tuple[str, str]]:
    """Two empty databases."""
    names = ("migrated_schema", "documented_schema")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}")
        first, second = names
        yield database_url_of(postgres_url, first), database_url_of(postgres_url, second)
        for name in names:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def catalog(url: str, kind: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(CATALOG[kind]).fetchall()
    return [row for row in rows if "alembic_version" not in row]


def test_migrations_make_the_documented_schema(two_urls: tuple[str, str]) -> None:
    """Columns, constraints, indexes, types and storage options are the same either way."""
    migrated, documented = two_urls
    migrate(migrated)
    with psycopg.connect(documented, autocommit=True) as connection:
        connection.execute(SCHEMA.read_bytes())
    for kind in CATALOG:
        assert catalog(migrated, kind) == catalog(documented, kind), kind
    assert len(catalog(migrated, "columns")) > 100


def test_many_starters_migrate_once(two_urls: tuple[str, str]) -> None:
    """Four starts at once on an empty database all succeed; a later one changes nothing."""
    url, _ = two_urls
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [url] * 4))
    before = catalog(url, "columns")
    migrate(url)
    assert catalog(url, "columns") == before
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_a_url_without_a_scheme_is_refused() -> None:
    """The mistake is named before anything is connected."""
    with pytest.raises(ValueError, match="no scheme"):
        migrate("localhost/switchback")
