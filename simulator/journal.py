"""What survives a restart: a small SQLite file, written behind in batches.

A crash loses at most the last fraction of a second, which a stand-in may.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from simulator.wire import Json

_SCHEMA = """
create table if not exists record (
    kind text not null, key text not null, position integer not null, body text not null,
    data blob, primary key (kind, key)
) without rowid
"""
_Row = tuple[str, str, int, str, bytes | None]


class Journal:
    """Records by kind and key. Without a folder it remembers nothing."""

    def __init__(self, state_dir: Path | None) -> None:
        self._dirty: dict[tuple[str, str], _Row | None] = {}
        self._db: sqlite3.Connection | None = None
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
            # Made in one thread and used in another (the event loop's), but never in two at once.
            path = state_dir / "simulator.sqlite3"
            self._db = sqlite3.connect(path, check_same_thread=False)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=off")
            self._db.execute(_SCHEMA)

    def save(
        self, kind: str, key: str, body: Json, *, position: int = 0, data: bytes | None = None
    ) -> None:
        """Remember; an earlier record of the same key is replaced."""
        if self._db is not None:
            text = json.dumps(body, ensure_ascii=False)
            self._dirty[kind, key] = (kind, key, position, text, data)

    def forget(self, kind: str, key: str) -> None:
        """Remove one record."""
        if self._db is not None:
            self._dirty[kind, key] = None

    def load(self, kind: str) -> Iterator[tuple[Json, bytes | None]]:
        """All records of a kind, by position."""
        if self._db is None:
            return
        query = "select body, data from record where kind = ? order by position, key"
        for body, data in self._db.execute(query, (kind,)):
            yield json.loads(body), data

    def flush(self) -> None:
        """Write what changed since the last time."""
        if self._db is None or not self._dirty:
            return
        gone = [key for key, row in self._dirty.items() if row is None]
        rows = [row for row in self._dirty.values() if row is not None]
        with self._db:
            self._db.executemany("delete from record where kind = ? and key = ?", gone)
            self._db.executemany("insert or replace into record values (?, ?, ?, ?, ?)", rows)
        self._dirty.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._dirty.clear()
        if self._db is not None:
            with self._db:
                self._db.execute("delete from record")

    def close(self) -> None:
        """Write the rest and let go of the file."""
        self.flush()
        if self._db is not None:
            self._db.close()
            self._db = None
