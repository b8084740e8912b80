"""Attachments on their way from the phone to an encrypted column."""

import asyncio
import base64
from collections.abc import Awaitable, Callable

from bench.house import TOKEN, House, house
from serving.media import GraphMedia, MediaFile, NoMedia
from serving.stores.media import MediaFetcher, PostgresMedia

DANA = "15550100123"
CONTENT = b"\x89PNG a picture of a boot"


def test_an_attachment_is_fetched_once_and_kept_encrypted(database_url: str) -> None:
    """Its caption is the turn's text at once; two fetchers share the work."""

    async def run(all_of_it: House) -> None:
        await all_of_it.http.post(
            f"/sim/customers/{DANA}/messages",
            json={
                "type": "image",
                "caption": "Is this boot good enough?",
                "mime_type": "image/png",
                "bytes_base64": base64.b64encode(CONTENT).decode(),
            },
        )
        (turn,) = await all_of_it.claim(1)
        assert turn.text == "Is this boot good enough?"
        store = PostgresMedia(all_of_it.database)
        source = GraphMedia("http://127.0.0.1:8080", "v26.0", TOKEN, all_of_it.http._transport)
        fetchers = [MediaFetcher(store, source) for _ in range(2)]
        tried = await asyncio.gather(*(fetcher.once() for fetcher in fetchers))
        assert sum(tried) == 1
        inbox_id = turn.messages[0].inbox_id
        assert await store.load(inbox_id) == MediaFile("image/png", CONTENT)
        (row,) = await all_of_it.rows("SELECT state, num_bytes, content FROM media")
        assert row[:2] == ("stored", len(CONTENT))
        assert CONTENT not in row[2]
        await source.close()

    with_house(database_url, run)


class Flaky:
    """Cannot be reached the first time, and has nothing the second."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def fetch(self, kind: str, media_id: str) -> MediaFile | NoMedia:
        self.asked.append(kind)
        return NoMedia("HTTP 503", retry=True) if len(self.asked) == 1 else NoMedia("too large")


def test_what_cannot_be_fetched_is_tried_later_and_then_given_up_with_its_reason(
    database_url: str,
) -> None:
    """The message stays; only the file is missing, and it is said why."""

    async def run(all_of_it: House) -> None:
        path = f"/sim/customers/{DANA}/messages"
        await all_of_it.http.post(path, json={"type": "audio", "mime_type": "audio/ogg"})
        await all_of_it.claim(1)
        source = Flaky()
        fetcher = MediaFetcher(PostgresMedia(all_of_it.database), source)
        assert [await fetcher.once(), await fetcher.once()] == [1, 0]
        await all_of_it.execute("UPDATE media SET due_at = now()")
        assert [await fetcher.once(), await fetcher.once()] == [1, 0]
        assert await all_of_it.rows("SELECT state, reason, attempts FROM media") == [
            ("refused", "too large", 2)
        ]

    with_house(database_url, run)


def with_house(url: str, scenario: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with house(url) as all_of_it:
            await scenario(all_of_it)

    asyncio.run(run())
