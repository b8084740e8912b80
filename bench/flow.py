"""How much the house itself costs: turns through the eleven deployments, models excluded.

Two transports carry the same turns through the same deployments in the same run:

- coalesced: the product's own client, one queue per step, whatever has gathered goes as one call;
- naive: one `await handle.many.remote([item])` per step and message, the usual Serve chain.

Everything else is real: Postgres with its inbox, leases, gate and outbox, Redis, Serve, the index.
The language model, the encoder and the Graph API are stubs that answer at once.
"""

import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import ray
import typer
from ray import serve
from ray.serve.handle import DeploymentHandle

from bench import machine
from deployments import config
from deployments.parts import STUB_GRAPH, Parts
from deployments.local import instance
from deployments.local.ports import free_ports
from deployments.router import Router, RouterLimits
from deployments.settings import Settings, load_settings
from deployments.transport import ServeTransport
from serving import webhook
from serving.errors import Failure
from serving.middleware import StepSpec, Transport
from serving.types import STEP_NAMES, StepName

In = TypeVar("In")
Out = TypeVar("Out")

QUESTIONS = (
    "How much is Hampta Pass in September?",
    "What is the maximum altitude of Kedarkantha?",
    "Can I cancel ten days before departure?",
    "What should I pack for Valley of Flowers?",
)
WARM_UP = 64
IDLE_TURNS = 100
DEADLINE_S = 600.0


class NaiveTransport:
    """One Serve call per step and message, as a chain of handles is usually written."""

    def __init__(self, steps: dict[StepName, DeploymentHandle]) -> None:
        self._steps = steps

    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out:
        [outcome] = await self._steps[spec.name].many.remote([item])
        if isinstance(outcome, Failure):
            raise outcome.error()
        answer: Out = outcome
        return answer


@dataclass(frozen=True, slots=True)
class Throughput:
    messages: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds


class Load:
    """Puts customers' messages into the inbox and waits until all are answered and logged."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._phone_number_id = settings.phone_number_id

    async def offer(self, count: int) -> None:
        """`count` messages of as many new customers, committed as Meta's batches are."""
        for start in range(0, count, 500):
            body = self._body(min(500, count - start))
            await self._parts.inbox.accept(webhook.parse(body))

    async def drained(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while (await self._parts.stats.unfinished()) > 0:
                await asyncio.sleep(0.02)

    def _body(self, count: int) -> bytes:
        now = str(int(time.time()))
        numbers = [f"1555{uuid.uuid4().int % 10**8:08d}" for _ in range(count)]
        messages = [
            {
                "from": number,
                "id": f"wamid.{uuid.uuid4().hex}",
                "timestamp": now,
                "type": "text",
                "text": {"body": QUESTIONS[at % len(QUESTIONS)]},
            }
            for at, number in enumerate(numbers)
        ]
        contacts = [{"profile": {"name": "Guest"}, "wa_id": number} for number in numbers]
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"phone_number_id": self._phone_number_id},
            "contacts": contacts,
            "messages": messages,
        }
        change = {"field": "messages", "value": value}
        entry = [{"id": "104200000000001", "changes": [change]}]
        return json.dumps({"object": "whatsapp_business_account", "entry": entry}).encode()


@contextlib.asynccontextmanager
async def routing(parts: Parts, transport: Transport, max_turns: int) -> AsyncIterator[None]:
    """A router in this process, in place of the deployed one."""
    router = Router(parts.turns, parts.wakeups, transport, RouterLimits(max_turns=max_turns))
    loops = asyncio.create_task(router.run())
    try:
        yield
    finally:
        loops.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loops


async def throughput(
    parts: Parts, load: Load, transport: Transport, count: int, max_turns: int
) -> Throughput:
    """Messages per second from a full inbox to the last logged turn."""
    async with routing(parts, transport, max_turns):
        await load.offer(WARM_UP)
        await load.drained()
        await load.offer(count)
        started = time.perf_counter()
        await load.drained()
        return Throughput(count, time.perf_counter() - started)


async def idle_ms(parts: Parts, load: Load, transport: Transport) -> list[float]:
    """Milliseconds from a committed message to its logged turn, one at a time."""
    took = []
    async with routing(parts, transport, max_turns=8):
        for _ in range(IDLE_TURNS):
            await load.offer(1)
            started = time.perf_counter()
            await parts.wakeups.notify()
            await load.answered()
            took.append((time.perf_counter() - started) * 1e3)
            await load.drained()
    return took
