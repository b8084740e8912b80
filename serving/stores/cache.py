"""What is kept near in Redis, short-lived and never the only copy: contacts, and models' answers.

Every failure is a miss: the database knows the contacts, the model the answers.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from serving.errors import Retryable
from serving.needles import Needles
from serving.ports import ChatReply

PREFIX = "switchback:"  # of everything that is ours in Redis
SCAN_DEADLINE_S = 30.0
# A round trip takes well under 1 ms; a cache slower than this is slower than the database.
DEADLINE_S = 0.1
# Writers drop what they change; this bounds what a lost drop can do.
LIFETIME = timedelta(minutes=5)
# The key changes with all that an answer depends on; this bounds how long a poor one is repeated.
ANSWER_LIFETIME = timedelta(hours=1)

_reply = TypeAdapter(ChatReply)


class ContextCache:
    """Encrypted, for they are personal."""

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

    async def mentions(self, needles: Needles) -> int:
        """How many of our values mention a person. `Retryable` when that cannot be told."""
        return len(await self._mentioning(needles))

    async def forget_mentions(self, needles: Needles) -> None:
        """Drop every value that mentions a person; a cache may lose anything."""
        keys = await self._mentioning(needles)
        if keys:
            await self._redis.delete(*keys)

    async def _mentioning(self, needles: Needles) -> list[bytes]:
        """Only what is readable here: sealed values go by the contact's id, and soon expire."""
        try:
            async with asyncio.timeout(SCAN_DEADLINE_S):
                return [
                    key
                    async for key in self._redis.scan_iter(match=f"{PREFIX}*", count=1000)
                    if needles.within(_text(key)) or needles.within(await self._value(key))
                ]
        except (RedisError, OSError, TimeoutError) as error:
            raise Retryable(f"Redis: {type(error).__name__}") from error

    async def _value(self, key: bytes) -> str:
        """The value as text, whatever its type is."""
        match _text(await self._redis.type(key)):
            case "string":
                return _text(await self._redis.get(key) or b"")
            case "hash":
                pairs = await self._redis.hgetall(key)
                return "\n".join(f"{_text(field)} {_text(value)}" for field, value in pairs.items())
            case "list":
                return "\n".join(map(_text, await self._redis.lrange(key, 0, -1)))
            case "set":
                return "\n".join(map(_text, await self._redis.smembers(key)))
            case "zset":
                return "\n".join(map(_text, await self._redis.zrange(key, 0, -1)))
            case _:
                return ""


class RedisAnswers:
    """Readable, for they are nobody's: what should slip in all the same, an erasure finds."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def get(self, key: str) -> ChatReply | None:
        try:
            async with asyncio.timeout(DEADLINE_S):
                found = await self._redis.get(_answer_key(key))
            return _reply.validate_json(found) if found else None
        except (RedisError, OSError, TimeoutError, ValidationError):
            return None

    async def put(self, key: str, reply: ChatReply) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S):
                value = _reply.dump_json(reply)
                await self._redis.set(_answer_key(key), value, ex=ANSWER_LIFETIME)
        except (RedisError, OSError, TimeoutError):
            return


def _text(value: object) -> str:
    """Values are bytes; a member of a sorted set may come with its score."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _key(contact_id: str) -> str:
    return f"{PREFIX}context:{contact_id}"


def _answer_key(key: str) -> str:
    return f"{PREFIX}answer:{key}"
