"""The Serve replica around the router."""

import asyncio
from collections.abc import Mapping

from ray.serve.handle import DeploymentHandle

from deployments import logs
from deployments.parts import Parts
from deployments.router import Router
from deployments.settings import load_settings
from deployments.transport import ServeTransport
from serving.metrics import Counters
from serving.stores.media import MediaFetcher
from serving.types import StepName


class RouterHost:
    """Runs the router's loops for as long as the replica lives."""

    async def __init__(self, steps: Mapping[StepName, DeploymentHandle]) -> None:  # type: ignore[misc]
        logs.adopt()
        self._parts = Parts(load_settings())
        self._stats = self._parts.stats
        parts = self._parts
        counters = Counters()
        transport = ServeTransport(dict(steps))
        self._router = Router(parts.turns, parts.outbox, parts.wakeups, transport, meter=counters)
        metrics = parts.metrics
        await self._parts.open()
        self._flushing = asyncio.create_task(metrics.flush_forever(counters))
        self._loops = asyncio.create_task(self._run(parts.media_fetcher))

    async def _run(self, media: MediaFetcher | None) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._router.run())
            if media is not None:
                group.create_task(media.run())

    async def num_running(self) -> int:
        """Turns under way in this replica."""
        return self._router.num_running

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """The pending conversations, for `deployments.autoscaling.by_backlog`."""
        stats = await self._stats.inbox_stats()
        return {"backlog": float(stats.pending)}

    async def check_health(self) -> None:
        if self._loops.done():
            raise RuntimeError(f"the router's loops ended: {self._loops.exception()!r}")
        self._router.check_health()
