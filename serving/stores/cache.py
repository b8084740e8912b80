"""What is known of contacts, kept near in Redis: encrypted, short-lived, and never the only copy.

Every failure is a miss: the database has it all.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import RedisError

# A round trip takes well under 1 ms; a cache slower than this is slower than the database.
DEADLINE_S = 0.1
# Writers drop what they change; this bounds what a lost drop can do.
LIFETIME = timedelta(minutes=5)


class ContextCache:
    def __init__(self, redis: "Redis") -> None:  # decode_responses must be off: values are bytes
        self._redis = redis

    async def get(self, contact_ids: Sequence[str]) -> list[bytes | None]:
        """Sealed values in order; all None when Redis does not answer in time."""
        if not contact_ids:
            return []
        try:
            async with asyncio.timeout(DEADLINE_S):
                found = await self._redis.mget([_key(contact_id) for contact_id in contact_ids])
        except (RedisError, OSError, TimeoutError):
            return [None] * len(contact_ids)
        return [value if isinstance(value, bytes) else None for value in found]

    async def put(self, values: dict[str, bytes]) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S), self._redis.pipeline(transaction=False) as pipe:
                for contact_id, value in values.items():
                    pipe.set(_key(contact_id), value, ex=LIFETIME)
                await pipe.execute()
        except (RedisError, OSError, TimeoutError):
            return

    async def forget(self, contact_ids: Sequence[str]) -> None:
        """Call after the commit that changed these contacts."""
        if not contact_ids:
            return
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._redis.delete(*(_key(contact_id) for contact_id in contact_ids))
        except (RedisError, OSError, TimeoutError):
            return


def _key(contact_id: str) -> str:
    return f"switchback:context:{contact_id}"
