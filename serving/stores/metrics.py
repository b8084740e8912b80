"""Counters of all processes added up in Redis, so that any ingress can show them.

Losing them costs what losing a counter costs: Prometheus sees a reset. Nothing else depends on it.
"""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from serving.errors import Retryable
from serving.metrics import Counters
from serving.stores.cache import PREFIX

KEY = f"{PREFIX}metrics"
DEADLINE_S = 2.0
FLUSH_EVERY_S = 1.0

_LOST = (RedisError, OSError, TimeoutError)


class RedisMetrics:
    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def flush(self, counters: Counters) -> None:
        """Deliver what was counted; without Redis it waits in the process for the next time."""
        values = counters.take()
        if not values:
            return
        try:
            async with asyncio.timeout(DEADLINE_S), self._redis.pipeline(transaction=True) as pipe:
                for key, value in values.items():
                    pipe.hincrbyfloat(KEY, key, value)
                await pipe.execute()
        except _LOST:
            counters.put_back(values)

    async def flush_forever(self, counters: Counters) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await self.flush(counters)

    async def read(self) -> dict[str, float]:
        """Everything that was counted. `Retryable` when Redis does not answer."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                found = await self._redis.hgetall(KEY)
        except _LOST as error:
            raise Retryable(f"Redis: {type(error).__name__}") from error
        return {
            (key.decode() if isinstance(key, bytes) else key): float(value)
            for key, value in found.items()
        }
