"""The store of shared answers: the fake and the real one keep the same promises."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import pytest
from redis.asyncio import Redis

from models.types import ModelId
from serving.needles import Needles
from serving.ports import ChatReply, SharedAnswers
from serving.stores.cache import ANSWER_LIFETIME, PREFIX, ContextCache, RedisAnswers
from tests.fakes.stores import FakeAnswers

REPLY = ChatReply("₹10,500 में, तक 31 October.", ModelId("small"), 120, 21, 0.0004, ("mark",))
Scenario = Callable[[Redis], Awaitable[None]]


def play(redis_url: str, scenario: Scenario) -> None:
    async def run() -> None:
        redis = Redis.from_url(redis_url)
        await redis.flushall()
        await scenario(redis)
        await redis.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["fake", "redis"])
def test_what_was_put_is_got_under_its_key_alone(
    redis_url: str, kind: Literal["fake", "redis"]
) -> None:
    """A reply comes back as it was, and the newest one counts."""

    async def scenario(redis: Redis) -> None:
        store: SharedAnswers = RedisAnswers(redis) if kind == "redis" else FakeAnswers()
        assert await store.get("a") is None
        await store.put("a", ChatReply("older", ModelId("small"), 1, 1, 0.0))
        await store.put("a", REPLY)
        assert await store.get("a") == REPLY
        assert await store.get("b") is None

    play(redis_url, scenario)


def test_an_answer_is_forgotten_by_itself(redis_url: str) -> None:
    """Nothing is kept for longer than its lifetime."""

    async def scenario(redis: Redis) -> None:
        await RedisAnswers(redis).put("a", REPLY)
        assert 0 < await redis.ttl(f"{PREFIX}answer:a") <= ANSWER_LIFETIME.total_seconds()

    play(redis_url, scenario)


@pytest.mark.parametrize("value", [b"", b"not json", b'{"text": "half"}', b"\xff"])
def test_what_cannot_be_read_is_a_miss(redis_url: str, value: bytes) -> None:
    """A value of another release does not stop an answer."""

    async def scenario(redis: Redis) -> None:
        await redis.set(f"{PREFIX}answer:a", value)
        assert await RedisAnswers(redis).get("a") is None

    play(redis_url, scenario)


def test_a_value_of_another_kind_is_a_miss(redis_url: str) -> None:
    """Redis refuses the command; the model is asked."""

    async def scenario(redis: Redis) -> None:
        await redis.rpush(f"{PREFIX}answer:a", "x")
        assert await RedisAnswers(redis).get("a") is None

    play(redis_url, scenario)


def test_a_lost_redis_is_a_miss() -> None:
    """With nobody listening there, nothing is found and nothing fails."""

    async def scenario() -> None:
        redis = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
        store = RedisAnswers(redis)
        await store.put("a", REPLY)
        assert await store.get("a") is None
        await redis.aclose()

    asyncio.run(scenario())


def test_an_erasure_finds_what_slipped_in(redis_url: str) -> None:
    """An answer with a person's number in it goes with that person."""

    async def scenario(redis: Redis) -> None:
        store = RedisAnswers(redis)
        await store.put("a", REPLY)
        await store.put("b", ChatReply("Call 15550100123.", ModelId("small"), 1, 1, 0.0))
        needles = Needles(["15550100123"])
        await ContextCache(redis).forget_mentions(needles)
        assert await store.get("a") == REPLY
        assert await store.get("b") is None

    play(redis_url, scenario)
