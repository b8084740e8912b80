"""Hints through Redis: heard when it is there, replaced by polling when it is not."""

import asyncio
import time
import uuid

from serving.stores.wakeups import RedisWakeups
from serving.types import TurnId


def test_a_hint_ends_the_wait(redis_url: str) -> None:
    """A waiter that would wait for a minute returns when another process notifies."""

    async def scenario() -> None:
        channel = f"test:{uuid.uuid4().hex}"
        router, ingress = RedisWakeups.of(redis_url, channel), RedisWakeups.of(redis_url, channel)
        await router.wait(60.0)  # the first one subscribes and looks at once
        waiting = asyncio.create_task(router.wait(60.0))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await ingress.notify()
        await asyncio.wait_for(waiting, 10.0)
        await router.close()
        await ingress.close()

    asyncio.run(scenario())


def test_a_hint_between_two_waits_is_not_lost(redis_url: str) -> None:
    """What was announced while the router worked ends its next wait at once, and only that one."""

    async def scenario() -> None:
        wakeups = RedisWakeups.of(redis_url, f"test:{uuid.uuid4().hex}")
        await wakeups.wait(60.0)
        await wakeups.notify()
        await wakeups.notify()
        await asyncio.sleep(0.05)
        await asyncio.wait_for(wakeups.wait(60.0), 10.0)
        again = asyncio.create_task(wakeups.wait(60.0))
        await asyncio.sleep(0.1)
        assert not again.done()
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        await wakeups.close()

    asyncio.run(scenario())


def test_without_redis_waiting_is_polling() -> None:
    """Nobody listening: notify returns, and wait lasts its time: no spinning, no hanging."""

    async def scenario() -> None:
        wakeups = RedisWakeups.of("redis://127.0.0.1:1/0")
        await wakeups.notify()
        started = time.monotonic()
        await asyncio.wait_for(wakeups.wait(0.2), 10.0)
        assert time.monotonic() - started >= 0.19
        await wakeups.close()

    asyncio.run(scenario())


def test_a_revocation_reaches_every_listener(redis_url: str) -> None:
    """Each replica hears which turn nobody waits for any more."""

    async def scenario() -> None:
        channel = f"test:{uuid.uuid4().hex}"
        router = RedisWakeups.of(redis_url, channel)
        replicas = [RedisWakeups.of(redis_url, channel) for _ in range(2)]
        heard = [asyncio.create_task(anext(aiter(replica.revoked()))) for replica in replicas]
        async with asyncio.timeout(20):
            while not all(task.done() for task in heard):  # until both have subscribed
                await router.revoke(TurnId("t1"))
                await asyncio.sleep(0.05)
        assert [task.result() for task in heard] == ["t1", "t1"]
        for wakeups in (router, *replicas):
            await wakeups.close()

    asyncio.run(scenario())
