"""Group commit: callers that come while a transaction runs share the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from serving.errors import Retryable

In = TypeVar("In")
Out = TypeVar("Out")


class Batcher(Generic[In, Out]):
    """Turns single calls into batches without ever waiting when idle.

    `flush` takes the gathered items and answers in their order. When it fails for a batch of
    several, and not for a passing fault, each is tried alone, so that a bad item does not fail
    its neighbours.
    """

    def __init__(
        self, flush: Callable[[Sequence[In]], Awaitable[Sequence[Out]]], max_items: int = 256
    ) -> None:
        self._flush = flush
        self._max_items = max_items
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def __call__(self, item: In) -> Out:
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            batch = self._waiting[: self._max_items]
            del self._waiting[: self._max_items]
            await self._settle([entry for entry in batch if not entry[1].done()])

    async def _settle(self, batch: Sequence[tuple[In, asyncio.Future[Out]]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001  # handed to the callers
            await self._fail(batch, error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _fail(
        self, batch: Sequence[tuple[In, asyncio.Future[Out]]], error: Exception
    ) -> None:
        # A passing fault is everyone's; repeating it item by item would only take longer.
        if len(batch) > 1 and not isinstance(error, Retryable):
            for entry in batch:
                await self._settle([entry])
            return
        for _, future in batch:
            if not future.done():
                future.set_exception(error)
