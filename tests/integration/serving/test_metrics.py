"""Counters of several processes, added up in Redis."""

import asyncio

from redis.asyncio import Redis

from serving.errors import Retryable
from serving.metrics import HELP, Counters, series
from serving.stores.metrics import KEY, RedisMetrics
from tests.integration.serving.world import World, play, text

SENT = series("switchback_turns_total", outcome="sent")


def test_processes_add_up(redis_url: str) -> None:
    """Each delivers what it counted, once; any ingress reads the sum."""

    async def scenario() -> None:
        async with Redis.from_url(redis_url) as redis:
            await redis.delete(KEY)
            routers = [Counters() for _ in range(3)]
            for counters in routers:
                counters.turn("sent")
                metrics = RedisMetrics(redis)
                await metrics.flush(counters)
                await metrics.flush(counters)
            assert (await RedisMetrics(redis).read())[SENT] == 3

    asyncio.run(scenario())


def test_without_redis_nothing_is_lost() -> None:
    """What was counted waits in its process; reading says that it cannot be told."""

    async def scenario() -> None:
        async with Redis.from_url("redis://127.0.0.1:1/0") as redis:
            counters, metrics = Counters(), RedisMetrics(redis)
            counters.turn("sent")
            await metrics.flush(counters)
            counters.turn("sent")
            assert counters.values[SENT] == 2
            try:
                await metrics.read()
            except Retryable:
                return
            raise AssertionError("a closed port was read")

    asyncio.run(scenario())


def test_gauges_tell_what_waits(database_url: str) -> None:
    """Messages, dead letters, hand-offs and the breaker, each from the table that knows."""

    async def scenario(world: World) -> None:
        await world.receive(text("one"), text("two", sender="15550100124"))
        turn = await world.claim_one()
        await world.turns.bury(turn, "defect")
        gauges = await world.stats.gauges()
        assert gauges.keys() <= HELP.keys()  # else /metrics would leave it out
        assert gauges["switchback_inbox_pending"] == 1
        assert gauges["switchback_inbox_dead"] == 1
        assert gauges["switchback_dead_letter_breaker_open"] == 0
        assert gauges["switchback_handoffs_open"] == 0

    play(database_url, scenario)
