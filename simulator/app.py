"""The web application: routes, error shapes, the page. `create_app` is what tests and bots call."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from simulator import routes_graph, routes_sim
from simulator.core import Simulator
from simulator.errors import GraphError
from simulator.sending import PlainError
from simulator.settings import Bounds, Retry, Settings

__all__ = ["Bounds", "Retry", "Settings", "create_app"]

_STATIC = Path(__file__).parent / "static"
# The page shows text that strangers write; nothing inline and nothing from elsewhere may run.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob: https: http:; "
    "media-src 'self' https: http:; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def create_app(
    settings: Settings,
    *,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], float] = time.time,
) -> FastAPI:
    """The simulator as an ASGI application; `app.state.simulator` is the object behind it.

    `webhook_transport` replaces the network (tests), `clock` gives Unix seconds.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await simulator.start()
        yield
        await simulator.stop()

    simulator = Simulator(settings, webhook_transport, clock)
    app = FastAPI(title="WhatsApp Cloud API simulator", lifespan=lifespan)
    app.state.simulator = simulator
    app.add_exception_handler(GraphError, routes_graph.on_graph_error)
    app.add_exception_handler(PlainError, routes_graph.on_plain_error)
    app.add_api_route("/", _page, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.include_router(routes_sim.router)
    app.include_router(routes_graph.router)
    return app


async def _page() -> FileResponse:
    return FileResponse(_STATIC / "index.html", headers=_PAGE_HEADERS)
