"""The host of one step: a Serve replica around a `serving.step.Step`."""

import asyncio
from collections.abc import Sequence
from typing import Any

from deployments import logs
from deployments.parts import Parts
from deployments.settings import load_settings
from serving.errors import Failure
from serving.step import Step
from serving.types import StepName

WARM_UP_DEADLINE_S = 120.0


class StepHost:
    """Builds its step from the environment, warms it up before it takes traffic."""

    async def __init__(self, name: StepName) -> None:  # type: ignore[misc]  # Serve awaits it
        logs.adopt()
        parts = Parts(load_settings())
        self._step: Step[Any, Any] = parts.step(name)
        async with asyncio.timeout(WARM_UP_DEADLINE_S):
            await parts.open()
            await self._step.warm_up()

    async def many(self, items: Sequence[Any]) -> list[Any | Failure]:
        """Same length, same order; a failed item is a `Failure` in its place."""
        return await self._step.many(items)

    async def check_health(self) -> None:
        await self._step.check_health()
