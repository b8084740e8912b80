"""Attachments, encrypted beside the messages that brought them, and the loop that fetches them.

Nobody waits for a file: the message is answered by its words. The file is there for people.
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Protocol

from serving.errors import SwitchbackError
from serving.media import MediaFile, NoMedia, Outcome
from serving.sql import queries
from serving.stores.database import Database

log = logging.getLogger("switchback.media")

_SQL = queries("media")

MAX_ATTEMPTS = 6
FIRST_PAUSE_S = 30.0


class MediaSource(Protocol):
    async def fetch(self, kind: str, media_id: str) -> MediaFile | NoMedia: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    inbox_id: int
    kind: str
    media_id: str  # "" when the message names none
    attempt: int


class PostgresMedia:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, limit: int) -> list[Wanted]:
        """Whoever claims has two minutes; then it is somebody else's."""
        vault = self._database.vault
        rows = await self._database.query(_SQL.claim, {"limit": limit})
        return [
            Wanted(inbox_id, kind, _media_id(kind, vault.unseal(payload)), attempt)
            for inbox_id, kind, payload, attempt in rows
        ]

    async def settle(self, wanted: Wanted, found: MediaFile | NoMedia) -> Outcome:
        outcome: Outcome = "stored"
        content: bytes | None = None
        if isinstance(found, MediaFile):
            content = await asyncio.to_thread(self._database.vault.seal_bytes, found.content)
        elif found.retry and wanted.attempt < MAX_ATTEMPTS:
            outcome = "waiting"
        else:
            outcome = "refused"
        parameters = {
            "inbox_id": wanted.inbox_id,
            "state": outcome,
            "reason": found.reason if isinstance(found, NoMedia) else "",
            "mime_type": found.mime_type if isinstance(found, MediaFile) else "",
            "num_bytes": len(found.content) if isinstance(found, MediaFile) else 0,
            "content": content,
            "due_in_s": FIRST_PAUSE_S * 2.0**wanted.attempt,
        }
        await self._database.query(_SQL.settle, parameters)
        return outcome

    async def load(self, inbox_id: int) -> MediaFile | None:
        rows = await self._database.query(_SQL.stored, {"inbox_id": inbox_id})
        if not rows:
            return None
        mime_type, content = rows[0]
        return MediaFile(mime_type, self._database.vault.unseal_bytes(content))


class MediaFetcher:
    """Fetches what waits, a few at a time: files are large and nobody is waiting for them."""

    def __init__(
        self, media: PostgresMedia, source: MediaSource, *, pause_s: float = 2.0, at_once: int = 4
    ) -> None:
        self._media = media
        self._source = source
        self._pause_s = pause_s
        self._at_once = at_once

    async def run(self) -> None:
        while True:
            try:
                found = await self.once()
            except (SwitchbackError, OSError, TimeoutError) as error:
                log.warning("media: %s", error)
                found = 0
            if not found:
                await asyncio.sleep(self._pause_s)

    async def once(self) -> int:
        """Fetch some; returns how many were tried."""
        wanted = await self._media.claim(self._at_once)
        await asyncio.gather(*map(self._one, wanted))
        return len(wanted)

    async def _one(self, wanted: Wanted) -> None:
        found = await self._source.fetch(wanted.kind, wanted.media_id)
        await self._media.settle(wanted, found)


def _media_id(kind: str, payload: str) -> str:
    """Of the message as it came; one that Meta could not take names none, or an error beside it."""
    raw = json.loads(payload).get("raw") or {}
    content = raw.get(kind) if isinstance(raw, dict) else None
    media_id = content.get("id") if isinstance(content, dict) else None
    return str(media_id) if isinstance(media_id, str | int) and not raw.get("errors") else ""
