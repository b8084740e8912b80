"""The ingress as a deployment: the webhook, and what operations asks of a running system."""

import asyncio
from collections.abc import Awaitable, Mapping

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments import admin, logs
from deployments.parts import Parts
from deployments.settings import load_settings
from deployments.webhook import Webhook
from serving.errors import SwitchbackError
from serving.metrics import exposition, series
from serving.understanding import control

READY_DEADLINE_S = 3.0
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

web = FastAPI(title="Switchback", version="1")
web.include_router(admin.router)


# These stand above the class: serve.ingress copies it, with the names that exist by then.


async def _state(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(READY_DEADLINE_S):
            await check
    except Exception as error:  # noqa: BLE001  # every kind of trouble is an answer here
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return "ok"


async def _index() -> None:
    epoch = await serve.get_deployment_handle("searcher", "knowledge").epoch.remote()
    if epoch is None:
        raise LookupError("no epoch is live")


async def _models() -> None:
    await serve.get_deployment_handle("encoder", "models").fingerprint.remote()


async def _told(part: str, reading: Awaitable[Mapping[str, float]]) -> dict[str, float]:
    """What a part tells of itself, and whether it answers at all."""
    up = series("switchback_up", part=part)
    try:
        return {**await reading, up: 1.0}
    except SwitchbackError:
        return {up: 0.0}


@serve.ingress(web)
class Ingress:
    """Meta's webhook, and what operations asks of a running system."""

    async def __init__(self, router: DeploymentHandle) -> None:  # type: ignore[misc]
        logs.adopt()
        self._router = router  # binding it makes Serve start it with this application
        settings = load_settings()
        self._parts = Parts(settings)
        self._wakeups = self._parts.wakeups
        self._webhook = Webhook(settings, self._parts.inbox, self._wakeups)
        self._stats = self._parts.stats
        self._metrics = self._parts.metrics
        await asyncio.to_thread(control.warm_up)  # no delivery waits for word lists
        await self._parts.open()

    @web.get("/webhook")
    async def handshake(self, request: Request) -> Response:
        return await self._webhook.handshake(request)

    @web.post("/webhook")
    async def receive(self, request: Request) -> Response:
        return await self._webhook.receive(request)

    @web.get("/healthz")
    async def healthz(self) -> dict[str, str]:
        return {"status": "alive"}

    @web.get("/readyz")
    async def readyz(self) -> Response:
        """200 when every dependency answers; 503 with the names of those that do not."""
        names = {
            "database": self._parts.database.check(),
            "redis": self._wakeups.check(),
            "index": _index(),
            "models": _models(),
        }
        states = dict(zip(names, await asyncio.gather(*map(_state, names.values())), strict=True))
        ready = all(state == "ok" for state in states.values())
        return JSONResponse({"ready": ready, **states}, 200 if ready else 503)

    @web.get("/metrics")
    async def metrics(self) -> Response:
        """Turns, steps and fallbacks of all processes, and the inbox; Ray exports its own."""
        told = await asyncio.gather(
            _told("database", self._stats.gauges()), _told("redis", self._metrics.read())
        )
        return PlainTextResponse(exposition({**told[0], **told[1]}), media_type=METRICS_TYPE)
