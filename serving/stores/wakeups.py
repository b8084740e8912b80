"""Hints through Redis: the `Wakeups` of ingress, router and step 6.

That the inbox has work carries nothing: without Redis the router polls, which only costs the poll
interval. That a turn is revoked carries its id: without Redis its model writes to the end.
"""

import asyncio
import time
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from serving.types import TurnId

CHANNEL = "switchback:inbox"
# The ingress must not wait for a hint: what it announces is already committed.
NOTIFY_DEADLINE_S = 0.1

_GRACE_S = 0.25  # for the round trips around a wait

_LISTEN_S, _RECONNECT_S = 30.0, 1.0

_LOST = (RedisError, OSError, TimeoutError)


class RedisWakeups:
    def __init__(self, redis: "Redis", channel: str = CHANNEL) -> None:
        self._redis = redis
        self._channel = channel
        self._revoked = f"{channel}:revoked"
        self._subscription: PubSub | None = None
        self._lock = asyncio.Lock()

    @classmethod
    def of(cls, url: str, channel: str = CHANNEL) -> "RedisWakeups":
        """Constructing it connects to nothing."""
        redis = Redis.from_url(url, socket_connect_timeout=1.0, socket_timeout=5.0)
        return cls(redis, channel)

    async def notify(self) -> None:
        await self._publish(self._channel, b"")

    async def revoke(self, turn_id: TurnId) -> None:
        await self._publish(self._revoked, turn_id.encode())

    async def _publish(self, channel: str, content: bytes) -> None:
        try:
            async with asyncio.timeout(NOTIFY_DEADLINE_S):
                await self._redis.publish(channel, content)
        except _LOST:
            return

    async def revoked(self) -> AsyncIterator[TurnId]:
        """The turns that are revoked from now on; what is lost while Redis is away is lost."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(self._revoked)
                    while True:
                        message = await subscription.get_message(timeout=_LISTEN_S)
                        if message is not None:
                            yield TurnId(message["data"].decode())
            except _LOST:
                await asyncio.sleep(_RECONNECT_S)

    async def wait(self, timeout_s: float) -> None:
        """Return at the next hint, or after `timeout_s`. One waiter at a time sees a hint."""
        ends = time.monotonic() + timeout_s
        async with self._lock:
            try:
                # The client reconnects with pauses of its own, which may be longer than ours.
                async with asyncio.timeout(timeout_s + _GRACE_S):
                    await self._listen(timeout_s)
            except _LOST:
                await self._forget()
                await asyncio.sleep(max(0.0, ends - time.monotonic()))

    async def check(self) -> None:
        """Raise when Redis does not answer."""
        async with asyncio.timeout(2.0):
            await self._redis.ping()

    async def close(self) -> None:
        await self._forget()
        await self._redis.aclose()

    async def _listen(self, timeout_s: float) -> None:
        """Until a hint comes or time is over. What came between two waits is in the socket."""
        if self._subscription is None:
            subscription = self._redis.pubsub(ignore_subscribe_messages=True)
            await subscription.subscribe(self._channel)
            self._subscription = subscription
            # Hints before the subscription are lost: look at once, this once.
            return
        ends = time.monotonic() + timeout_s
        while (left_s := ends - time.monotonic()) > 0:
            # None: time is over, or it was the answer to our own subscribing.
            if await self._subscription.get_message(timeout=left_s) is not None:
                break
        # Many hints mean the same as one.
        while await self._subscription.get_message(timeout=0.0) is not None:
            pass

    async def _forget(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                async with asyncio.timeout(1.0):
                    await subscription.aclose()  # type: ignore[no-untyped-call]  # redis
            except _LOST:
                return
