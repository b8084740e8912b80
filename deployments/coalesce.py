"""The adaptive coalescing client: many calls to one deployment, few messages on the wire.

A Serve call costs milliseconds of CPU whatever it carries, so a caller keeps one queue per
callee. An idle queue sends at once, what came in the same moment together. While a call is under
way new items gather, and the next call carries all of them: when the first one is back, or beside
it as soon as they are enough to be worth a call of their own. Nothing ever waits for a timer to
fill a batch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from serving.errors import Failure, Retryable

In = TypeVar("In")
Out = TypeVar("Out")

Send = Callable[[Sequence[In]], Awaitable[Sequence[Out | Failure]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be on the wire at once."""

    max_batch: int = 64
    max_in_flight: int = 2  # one being worked on, one on its way
    min_beside: int = 32  # items that are worth a call beside one that is out
    patience_s: float = 0.25
    """A call out for longer is waiting for a model or a database, not for us: it no longer
    holds back the next one, so a slow item delays those beside it and nobody behind it."""


@dataclass(slots=True)
class _Waiting(Generic[In, Out]):
    item: In
    answer: "asyncio.Future[Out]"


class Coalescer(Generic[In, Out]):
    """Gathers single items into batches for `send`; one answer or one error per item."""

    def __init__(self, send: "Send[In, Out]", limits: Limits | None = None) -> None:
        self._send = send
        self._limits = limits or Limits()
        self._queue: deque[_Waiting[In, Out]] = deque()
        self._in_flight = 0
        self._pumps = False  # after everything that runs in this turn of the event loop
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, item: In) -> Out:
        """Raises the item's own `SwitchbackError`, or `Retryable` when the call itself failed."""
        loop = asyncio.get_running_loop()
        waiting: _Waiting[In, Out] = _Waiting(item, loop.create_future())
        self._queue.append(waiting)
        # Turns whose last step was one call go on together: sent at once, the first of them would
        # travel alone.
        if not self._pumps:
            self._pumps = True
            loop.call_soon(self._pump)
        return await waiting.answer

    def _pump(self) -> None:
        self._pumps = False
        while self._may_send() and (batch := self._take()):
            self._in_flight += 1
            task = asyncio.create_task(self._dispatch(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _may_send(self) -> bool:
        if self._in_flight == 0:
            return True
        enough = len(self._queue) >= self._limits.min_beside
        return enough and self._in_flight < self._limits.max_in_flight

    def _take(self) -> list[_Waiting[In, Out]]:
        batch: list[_Waiting[In, Out]] = []
        while self._queue and len(batch) < self._limits.max_batch:
            waiting = self._queue.popleft()
            if not waiting.answer.done():  # its caller may have given up meanwhile
                batch.append(waiting)
        return batch

    async def _dispatch(self, batch: list[_Waiting[In, Out]]) -> None:
        released = False

        def release() -> None:
            nonlocal released
            if not released:
                released = True
                self._in_flight -= 1
                self._pump()

        timer = asyncio.get_running_loop().call_later(self._limits.patience_s, release)
        try:
            _answer(batch, await self._send([waiting.item for waiting in batch]))
        except Exception as error:  # noqa: BLE001  # every waiter must hear of it
            _fail(batch, error)
        finally:
            timer.cancel()
            release()


def _answer(batch: list[_Waiting[In, Out]], outcomes: Sequence[Out | Failure]) -> None:
    if len(outcomes) != len(batch):
        raise RuntimeError(f"{len(batch)} items were sent and {len(outcomes)} came back")
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.answer.done():
            continue
        if isinstance(outcome, Failure):
            waiting.answer.set_exception(outcome.error())
        else:
            waiting.answer.set_result(outcome)


def _fail(batch: list[_Waiting[In, Out]], error: Exception) -> None:
    # A replica that died or cannot be reached: the next attempt finds another one.
    reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(Retryable(reason))
