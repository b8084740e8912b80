"""Whether this process keeps up: by how much its event loop is late. Knows nothing of turns."""

import asyncio
import time

BEAT_S = 0.05


class Pulse:
    """`beat` runs for ever beside the work; `late_s` is what the last beat came too late."""

    def __init__(self) -> None:
        self.late_s = 0.0

    async def beat(self) -> None:
        began = time.monotonic()
        await asyncio.sleep(BEAT_S)
        self.late_s = max(0.0, time.monotonic() - began - BEAT_S)
