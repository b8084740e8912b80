"""Things that happen later, and can all be called off."""

import asyncio
from collections.abc import Callable


class Timers:
    """`loop.call_later` with a memory, so that a reset or a shutdown leaves nothing behind."""

    def __init__(self) -> None:
        self._handles: set[asyncio.TimerHandle] = set()

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Run `action` once after `delay_s`, unless cleared before."""

        def fire() -> None:
            self._handles.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(max(0.0, delay_s), fire)
        self._handles.add(handle)

    def clear(self) -> None:
        """Call everything off."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
