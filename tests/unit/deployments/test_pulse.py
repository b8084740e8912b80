"""A process that cannot keep up notices it."""

import asyncio
import time

from deployments.pulse import Pulse


def test_a_busy_loop_is_late() -> None:
    """Work that lets nobody else run shows as lateness of at least its length less one beat."""

    async def scenario() -> float:
        pulse = Pulse()
        beat = asyncio.create_task(pulse.beat())
        await asyncio.sleep(0)  # the beat has begun
        time.sleep(0.5)  # noqa: ASYNC251  # what a busy loop looks like
        await beat
        return pulse.late_s

    assert asyncio.run(scenario()) >= 0.4
