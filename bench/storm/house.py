"""A whole house for one experiment: Postgres, Redis, Meta's simulator, an ingress and routers.

Everything is real but the models and the cluster. The simulator runs in this process, so what
arrived at the customers' phones is there to be counted.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
import time
import uuid
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import uvicorn

from bench.storm.worker import Command, Options
from deployments.local import ports, postgres, redis
from deployments.local.layout import Layout
from deployments.local.ports import free_ports
from deployments.settings import PROJECT_ROOT, Settings, load_settings
from serving.migrations import migrate
from serving.stores.database import Database
from simulator.app import Retry, create_app
from simulator.app import Settings as MetaSettings
from simulator.core import Simulator
from simulator.faults import Faults, LimitKnobs, SendFault, StatusKnobs, WebhookKnobs
from simulator.phone import Action
from simulator.state import ChatMessage, Customer

DEADLINE_S = 240.0
CALM = Faults(
    statuses=StatusKnobs(sent_delay_s=0.05, delivered_delay_s=0.1, read="never"),
    limits=LimitKnobs(pair="off", magic_recipients=False),
)
# What the promise names: duplicates and reordering of 5 %, timeouts after Meta accepted of 2 %.
ROUGH = Faults(
    statuses=StatusKnobs(
        sent_delay_s=0.05,
        delivered_delay_s=0.1,
        read="never",
        duplicate_p=0.05,
        out_of_order_p=0.05,
        before_response_p=0.05,
    ),
    webhooks=WebhookKnobs(duplicate_p=0.05, reorder_p=0.05, reorder_s=1.0),
    limits=LimitKnobs(pair="off", magic_recipients=False),
    sends=[SendFault(kind="timeout_after_accept", times=None, probability=0.02, hold_s=20.0)],
)


@dataclass(frozen=True, slots=True)
class Services:
    """Postgres and Redis of this run; each experiment gets a database of its own."""

    settings: Settings
    server_url: str
    layout: Layout


@contextlib.contextmanager
def services() -> Iterator[Services]:
    """Start both in a folder of their own, and stop them."""
    with tempfile.TemporaryDirectory(prefix="switchback-storm-") as folder:
        settings = load_settings({"SWITCHBACK_PROFILE": "test", "SWITCHBACK_DATA_DIR": folder})
        layout = Layout(settings.data_dir)
        layout.make()
        try:
            url = postgres.start(layout).details["url"]
            cache = redis.start(settings, layout, ports.claim(layout)).details["url"]
            yield Services(settings.with_services(url, cache), url, layout)
        finally:
            redis.stop(layout)
            postgres.stop(layout)


def fresh_database(services: Services) -> str:
    name = f"storm_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(services.server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]  # ours
    url = services.server_url.replace("/postgres?", f"/{name}?")
    migrate(url)
    return url


class House:
    """Open inside one event loop. Processes that end are replaced at once."""

    def __init__(
        self, settings: Settings, options: Options, faults: Faults, seed: int, num_routers: int
    ) -> None:
        port, self._ingress_port = free_ports(2)
        self.settings = replace(
            settings, graph_base_url=f"http://127.0.0.1:{port}", models="stub", stub_llm_ms=0.0
        )
        self.rng = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.accidents = 0  # ends that nobody asked for
        self._up, self._numbers = 0, itertools.count()
        self._options, self._num_routers = options, num_routers
        # Every further process of a role dies at the next of these points.
        self.doom: dict[str, deque[str]] = {"ingress": deque(), "router": deque()}
        self._commands: dict[int, Command] = {}
        self._app = create_app(
            MetaSettings(
                app_secret=settings.app_secrets[0],
                verify_token=settings.verify_token,
                access_token=settings.access_token,
                webhook_url=f"http://127.0.0.1:{self._ingress_port}/webhook",
                public_url=f"http://127.0.0.1:{port}",
                seed=seed,
                throughput_mps=1000,
                retry=Retry(base_s=0.2, max_gap_s=1.0, timeout_s=10.0),
            )
        )
        self.meta: Simulator = self._app.state.simulator
        self._faults = faults
        self.database = Database(self.settings.database_url or "", self.settings.encryption_keys)
        self._parent: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[Any]] = []

        config = uvicorn.Config(
            self._app,
            host="127.0.0.1",
            port=port,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]  # Ctrl-C is ours

    async def open(self) -> None:
        self._tasks.append(asyncio.create_task(self._server.serve()))
        while not self._server.started:
            await asyncio.sleep(0.01)
        self.meta.faults.replace(self._faults)
        await self.database.open()
        await self._start_parent()

    async def close(self) -> None:
        if self._parent is not None and self._parent.stdin is not None:
            self._parent.stdin.close()
            await self._parent.wait()
        self._server.should_exit = True
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.database.close()

    # ── processes ────────────────────────────────────────────────────────────────────────────

    @property
    def doomed(self) -> int:
        """Deaths that are still to come."""
        waiting = sum(map(len, self.doom.values()))
        return waiting + sum(command.point is not None for command in self._commands.values())

    async def _start_parent(self) -> None:
        self._parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.storm.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **self.settings.to_env()},
            cwd=PROJECT_ROOT,
        )
        assert self._parent.stdout is not None
        await self._parent.stdout.readline()  # ready
        self._tasks.append(asyncio.create_task(self._replace_the_dead(self._parent.stdout)))
        self._fork("ingress")
        for _ in range(self._num_routers):
            self._fork("router")
        while self._up <= self._num_routers:
            await asyncio.sleep(0.02)

    def _fork(self, role: str) -> None:
        point = self.doom[role].popleft() if self.doom[role] else None
        command = Command(
            number=self.rng.getrandbits(31),
            role=role,  # type: ignore[arg-type]  # one of both
            port=self._ingress_port,
            point=point,
            nth=self.rng.randint(1, 3),
            options=self._options,
        )
        self._commands[command.number] = command
        assert self._parent is not None
        assert self._parent.stdin is not None
        self._parent.stdin.write(command.line())

    async def _replace_the_dead(self, reports: asyncio.StreamReader) -> None:
        while line := await reports.readline():
            report = json.loads(line)
            if report["event"] == "up":
                self._up += 1
                continue
            command = self._commands.pop(report["number"])
            if report["killed"] and command.point is not None:
                self.kills[command.point] += 1
            else:
                self.accidents += 1
            self._fork(command.role)

    # ── customers ────────────────────────────────────────────────────────────────────────────

    def customer(self) -> Customer:
        number = f"1555{next(self._numbers):08d}"
        return self.meta.world.new_customer(name="Guest", wa_id=number)

    def write(self, customer: Customer, text: str, at: int | None = None) -> ChatMessage:
        return self.meta.phone.act(customer, Action(text=text, timestamp=at))

    def messages(self, direction: str) -> list[ChatMessage]:
        world = self.meta.world
        chats = (world.chat(key) for key in list(world.customers))
        return [m for chat in chats for m in chat if m.direction == direction]

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    async def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        url = self.settings.database_url or ""
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await (await connection.execute(sql, values)).fetchall()  # type: ignore[arg-type]  # ours

    async def count(self, sql: str, *values: object) -> int:
        [(number,)] = await self.rows(sql, *values)
        return int(number)

    async def settled(self, deadline_s: float = DEADLINE_S) -> bool:
        """Wait until nothing is under way any more; False: something still was at the end."""
        give_up_at = time.monotonic() + deadline_s
        while time.monotonic() < give_up_at:
            delivering = self.meta.webhooks.counts()
            if not delivering["pending"] + delivering["queued"] and not await self.count(UNDER_WAY):
                return True
            await asyncio.sleep(0.2)
        return False


UNDER_WAY = """
    SELECT (SELECT count(*) FROM inbox WHERE state = 'pending')
        + (SELECT count(*) FROM turns WHERE state IN ('running', 'answered'))
        + (SELECT count(*) FROM outbox WHERE state IN ('sending', 'parked', 'deferred'))
"""


@contextlib.asynccontextmanager
async def house(
    services: Services,
    *,
    options: Options | None = None,
    faults: Faults = CALM,
    seed: int = 1,
    num_routers: int = 2,
    doom: Sequence[tuple[str, str]] = (),
) -> AsyncIterator[House]:
    """A house with a database of its own; `doom` names role and point of each death to come."""
    url = await asyncio.to_thread(fresh_database, services)
    settings = replace(services.settings, database_url=url)
    made = House(settings, options or Options(), faults, seed, num_routers)
    for role, point in doom:
        made.doom[role].append(point)
    try:
        await made.open()
        yield made
    finally:
        await made.close()
