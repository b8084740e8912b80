"""Live updates for pages: server-sent events, and a way to wait for news."""

import asyncio
import json
from collections.abc import AsyncIterator

from simulator.wire import Json

_BACKLOG = 1_000
_HEARTBEAT_S = 15.0


class EventHub:
    """Hands every event to every listener; a listener that lags is told to start over."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._news = asyncio.Event()

    @property
    def has_listeners(self) -> bool:
        """Whether anybody sees what is published."""
        return bool(self._listeners)

    def publish(self, kind: str, data: Json) -> None:
        """Tell everyone. Never waits."""
        self._news.set()
        self._news = asyncio.Event()
        if not self._listeners:
            return
        frame = f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
        for queue in self._listeners:
            self._put(queue, frame)

    @staticmethod
    def _put(queue: asyncio.Queue[str | None], frame: str | None) -> None:
        if queue.full():
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait("event: resync\ndata: {}\n\n")
        queue.put_nowait(frame)

    async def wait(self, timeout_s: float) -> bool:
        """Until something is published; False when nothing was in time."""
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def stream(self) -> AsyncIterator[str]:
        """Frames of `text/event-stream` from now on."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(_BACKLOG)
        self._listeners.add(queue)
        try:
            yield "retry: 1000\nevent: hello\ndata: {}\n\n"
            while True:
                try:
                    frame = await asyncio.wait_for(queue.get(), _HEARTBEAT_S)
                except TimeoutError:
                    frame = ": still here\n\n"
                if frame is None:
                    return
                yield frame
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every stream."""
        for queue in self._listeners:
            self._put(queue, None)
