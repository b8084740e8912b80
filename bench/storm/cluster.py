"""Parts of a running cluster go away while customers write: the index, the encoder, the Ray head.

A whole instance with stub models; its cluster, databases and Meta's simulator are processes of
their own, as on a laptop.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import psycopg

from bench.instances import stub_instance
from bench.storm.house import UNDER_WAY
from deployments.config import render
from deployments.local import apps, instance, ray_head, simulator
from deployments.local.layout import Layout
from deployments.local.phone import Phone
from deployments.local.progress import Silence
from deployments.local.serve_api import AppState, Late, ServeApi
from deployments.local.status import status
from deployments.local.supervise import find

QUESTION, PRICE = "How much is Hampta Pass in September?", "10,500"
MODEL_MS = "1500"  # long enough that turns are under way when the head dies
PATIENCE_S = 400.0  # only ends a hopeless wait: Meta's gaps between tries double
MARKED = "SELECT count(*) FROM interactions WHERE degraded <> '{}'"
RUNNING = "SELECT count(*) FROM turns WHERE state = 'running'"


@dataclass(frozen=True, slots=True)
class Answers:
    """What customers got who asked one question each."""

    asked: int
    none: int = 0
    several: int = 0
    marked: int = 0  # turns that say that they were degraded
    priced: int = 0  # replies with the price, which is in the index


@dataclass(frozen=True, slots=True)
class Losses:
    whole: Answers  # nothing is gone
    without_index: Answers
    without_encoder: Answers
    without_head: Answers
    told: str  # what `status` says of the head
    back_s: float  # from the second `up` to the last answer


class City:
    """A running instance and its customers."""

    def __init__(self, it: instance.Instance, http: httpx.AsyncClient) -> None:
        self._it, self._http = it, http
        self._numbers = itertools.count()
        self._api = ServeApi(ray_head.dashboard(it.settings))

    async def ask(self, count: int) -> list[Phone]:
        phones = [Phone(self._http, f"1555{next(self._numbers):08d}") for _ in range(count)]
        for phone in phones:
            await phone.arrive()
            await phone.write(QUESTION)
        return phones

    async def asked(self, count: int) -> Answers:
        marked = await self.count(MARKED)
        return await self.answers(await self.ask(count), marked)

    async def answers(self, phones: Sequence[Phone], marked: int) -> Answers:
        """Once nothing is under way any more. `marked` were before them."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self._settled():
                await asyncio.sleep(0.5)
        heard = [[str(one["text"]) for one in await phone.replies()] for phone in phones]
        return Answers(
            asked=len(phones),
            none=sum(not replies for replies in heard),
            several=sum(len(replies) > 1 for replies in heard),
            marked=await self.count(MARKED) - marked,
            priced=sum(PRICE in text for replies in heard for text in replies),
        )

    async def until_running(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.count(RUNNING) < count:
                await asyncio.sleep(0.02)

    async def _settled(self) -> bool:
        health = (await self._http.get("/sim/health")).raise_for_status().json()
        waiting = health["webhooks"]["pending"] + health["webhooks"]["queued"]
        return not waiting and not await self.count(UNDER_WAY)

    async def count(self, sql: str) -> int:
        url = self._it.settings.database_url or ""
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            row = await (await connection.execute(sql.encode())).fetchone()
        assert row is not None
        return int(row[0])

    # ── what goes away ───────────────────────────────────────────────────────────────────────

    async def without_index(self, count: int) -> Answers:
        config = render(self._it.settings)
        left = [one for one in config["applications"] if one["name"] != "knowledge"]
        self._api.apply(config | {"applications": left})
        await self._until(lambda running: all(app.name != "knowledge" for app in running))
        return await self.asked(count)

    async def without_encoder(self, count: int) -> Answers:
        config = render(self._it.settings)
        encoder = _deployment(config, "encoder")
        encoder["ray_actor_options"] = {"num_cpus": 0.5, "resources": {"nowhere": 1}}
        self._api.apply(config)
        await self._until(
            lambda running: (
                not any(
                    one.healthy
                    for app in running
                    for one in app.deployments
                    if one.name == "encoder"
                )
            )
        )
        return await self.asked(count)

    async def _until(self, condition: Callable[[list[AppState]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(Late):  # asked again
                    if condition(await asyncio.to_thread(self._api.applications)):
                        return
                await asyncio.sleep(0.5)

    async def restore(self) -> None:
        config = render(self._it.settings)
        await asyncio.to_thread(apps.apply, self._api, config, lambda _: None)
        await asyncio.to_thread(apps.await_ready, self._it.settings, lambda _: None)

    async def without_head(self, count: int) -> tuple[Answers, str, float]:
        """Half of them have turns under way when it dies, half write while it is gone."""
        marked = await self.count(MARKED)
        phones = await self.ask(count - count // 2)
        await self.until_running(len(phones))
        kill_head(self._it.layout)
        phones += await self.ask(count // 2)
        report = await asyncio.to_thread(status, self._it.wanted)
        told = next((one for one in report["problems"] if one.startswith(ray_head.NAME)), "")
        began = time.monotonic()
        await asyncio.to_thread(instance.up, self._it.wanted, Silence())
        found = await self.answers(phones, marked)
        return found, told, time.monotonic() - began


def _deployment(config: dict[str, Any], name: str) -> dict[str, Any]:
    every = (one for app in config["applications"] for one in app["deployments"])
    found: dict[str, Any] = next(one for one in every if one["name"] == name)
    return found


def kill_head(layout: Layout) -> None:
    """The Ray head with all that it started, as when its machine loses power."""
    service = find(layout, ray_head.NAME)
    assert service is not None
    head = psutil.Process(service.pid)
    for process in [head, *head.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


async def losses(count: int) -> Losses:
    with contextlib.ExitStack() as stack:
        started = stub_instance(SWITCHBACK_STUB_LLM_MS=MODEL_MS)
        it = await asyncio.to_thread(stack.enter_context, started)  # it runs event loops of its own
        async with httpx.AsyncClient(base_url=simulator.address(it.settings), timeout=10.0) as http:
            city = City(it, http)
            whole = await city.asked(count)
            index = await city.without_index(count)
            await city.restore()
            encoder = await city.without_encoder(count)
            await city.restore()
            head, told, back_s = await city.without_head(count)
            return Losses(whole, index, encoder, head, told, back_s)
