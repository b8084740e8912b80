"""Turns through the eleven deployments, from a process that has joined their cluster.

Used by `bench/flow.py`, which starts the instance; a process of its own, because one in which gRPC
has threads cannot start and stop services safely.
"""

import asyncio
import contextlib
import gc
import json
import statistics
import sys
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import ray
import uvloop
from ray import serve
from ray.serve.handle import DeploymentHandle

from bench import costs, hops, machine
from deployments.parts import Parts
from deployments.router import Router, RouterLimits
from deployments.settings import Settings
from deployments.transport import ServeTransport
from serving import webhook
from serving.errors import Failure
from serving.middleware import Meter, StepSpec, Transport
from serving.stores import senders
from serving.types import STEP_NAMES, StepName

In = TypeVar("In")
Out = TypeVar("Out")

QUESTIONS = (
    "How much is Hampta Pass in September?",
    "What is the maximum altitude of Kedarkantha?",
    "Can I cancel ten days before departure?",
    "What should I pack for Valley of Flowers?",
)
UNFINISHED = b"""
    SELECT (SELECT count(*) FROM inbox WHERE state = 'pending')
         + (SELECT count(*) FROM turns WHERE state IN ('running', 'answered'))
"""
WARM_UP = 64
MAX_TURNS = 256  # as the router's
MAX_NAIVE_TURNS = 32  # with more at once the naive chain runs into the steps' deadlines
IDLE_TURNS = 100
DEADLINE_S = 300.0
LOOK_EVERY_S = 0.1  # looking is work too
LATE_CALLBACKS_S = 1.0  # Ray tells of finished calls to a loop that must still be there
FASTEST_MPS = 1_000  # Meta's higher limit for a number; its ordinary 80 would be what is measured


class NaiveTransport:
    """One Serve call per step and message, as a chain of handles is usually written.

    `by_reference`: arguments and results go through Ray's object store, as Serve does where nobody
    has set it to do otherwise; else straight from process to process, as everywhere in this house.
    """

    def __init__(
        self, steps: dict[StepName, DeploymentHandle], *, by_reference: bool = False
    ) -> None:
        self._steps = {
            name: handle.options(_by_reference=by_reference) for name, handle in steps.items()
        }

    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out:
        [outcome] = await self._steps[spec.name].many.remote([item])
        if isinstance(outcome, Failure):
            raise outcome.error()
        answer: Out = outcome
        return answer


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
        """Return when every message is answered and every turn logged."""
        async with asyncio.timeout(DEADLINE_S):
            while await self._unfinished():
                await asyncio.sleep(LOOK_EVERY_S)

    async def _unfinished(self) -> int:
        [[count]] = await self._parts.database.query(UNFINISHED)
        return int(count)

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
async def routing(
    parts: Parts, transport: Transport, max_turns: int, meter: Meter | None = None
) -> AsyncIterator[None]:
    """A router in this process, in place of the deployed one."""
    limits = RouterLimits(max_turns=max_turns)
    router = Router(parts.turns, parts.outbox, parts.wakeups, transport, limits, meter=meter)
    loops = asyncio.create_task(router.run())
    try:
        yield
    finally:
        loops.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loops


async def throughput(
    parts: Parts, load: Load, transport: Transport, count: int, max_turns: int
) -> tuple[float, dict[str, float]]:
    """Messages per second from a full inbox to the last logged turn, and what a turn cost each
    process, in milliseconds of processor.
    """
    async with routing(parts, transport, max_turns):
        await load.offer(WARM_UP)
        await load.drained()
        await load.offer(count)
        started, before = time.perf_counter(), costs.used_s()
        await load.drained()
        took_s = time.perf_counter() - started
        return count / took_s, costs.per_turn_ms(before, costs.used_s(), count)


async def idle_ms(
    parts: Parts, load: Load, transport: Transport, steps: costs.StepTimes
) -> list[float]:
    """Milliseconds from a committed message to its committed answer, one message at a time."""
    took = []
    async with routing(parts, transport, max_turns=8, meter=steps):
        for _ in range(IDLE_TURNS):
            steps.answered.clear()
            await load.offer(1)
            started = time.perf_counter()
            await parts.wakeups.notify()
            await steps.answered.wait()  # told, not looked for: each look costs a millisecond
            took.append((time.perf_counter() - started) * 1e3)
            await load.drained()
    return took


async def measure(settings: Settings, messages: int, naive_messages: int) -> dict[str, Any]:
    parts = Parts(settings)
    load = Load(parts, settings)
    handles = {name: serve.get_deployment_handle(name, "agent") for name in STEP_NAMES}
    _ = parts.inbox, parts.turns, parts.stats
    await parts.open()
    await parts.knowledge.treks()  # fails at once where retrieval does not work
    number = settings.phone_number_id
    await parts.database.run(lambda c: senders.set_throughput(c, number, FASTEST_MPS))
    gc.collect()
    gc.freeze()  # as Serve does in a replica, the router's own included
    coalesced, naive = ServeTransport(handles), NaiveTransport(handles)
    steps = costs.StepTimes()
    idle = await idle_ms(parts, load, coalesced, steps)
    _say(f"idle: {statistics.median(idle):.1f} ms")
    fast, processors = await throughput(parts, load, coalesced, messages, MAX_TURNS)
    _say(f"coalesced: {fast:.1f} messages/s")
    slow, _ = await throughput(parts, load, naive, naive_messages, MAX_NAIVE_TURNS)
    _say(f"naive: {slow:.1f} messages/s")
    usual = NaiveTransport(handles, by_reference=True)
    slowest, _ = await throughput(parts, load, usual, naive_messages, MAX_NAIVE_TURNS)
    _say(f"naive by reference: {slowest:.1f} messages/s")
    return {
        **_figures(fast, slow, slowest, idle),
        "idle_step_p50_ms": steps.median_ms(),
        "processor_ms_per_turn": processors,
    }


async def measure_hops(
    handles: dict[StepName, DeploymentHandle], messages: int, naive_messages: int
) -> dict[str, Any]:
    coalesced, naive = ServeTransport(handles), NaiveTransport(handles)
    await hops.per_second(coalesced, WARM_UP, MAX_TURNS)
    idle = await hops.idle_ms(coalesced, IDLE_TURNS)
    fast = await hops.per_second(coalesced, messages, MAX_TURNS)
    _say(f"hops alone, coalesced: {fast:.1f} messages/s")
    slow = await hops.per_second(naive, naive_messages, MAX_NAIVE_TURNS)
    _say(f"hops alone, naive: {slow:.1f} messages/s")
    usual = NaiveTransport(handles, by_reference=True)
    slowest = await hops.per_second(usual, naive_messages, MAX_NAIVE_TURNS)
    _say(f"hops alone, naive by reference: {slowest:.1f} messages/s")
    await asyncio.sleep(LATE_CALLBACKS_S)
    return _figures(fast, slow, slowest, idle)


def _figures(fast: float, slow: float, slowest: float, idle: list[float]) -> dict[str, float]:
    return {
        "coalesced_per_s": round(fast, 1),
        "naive_per_s": round(slow, 1),
        "naive_by_reference_per_s": round(slowest, 1),
        "ratio": round(fast / slow, 1),
        "ratio_by_reference": round(fast / slowest, 1),
        "idle_p50_ms": round(statistics.median(idle), 1),
        "idle_p95_ms": round(statistics.quantiles(idle, n=20)[-1], 1),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def inside(
    settings: Settings, joining: dict[str, str], messages: int, naive: int
) -> dict[str, Any]:
    """Both measurements, in a process that has joined the cluster."""
    sys.stdout = sys.stderr  # Ray's warnings are not the report
    ray.init(address=joining["RAY_ADDRESS"], log_to_driver=False, namespace="serve")
    report = {
        "machine": machine.describe(),
        "workload": {
            "coalesced_messages": messages,
            "naive_messages": naive,
            "idle_turns": IDLE_TURNS,
            "models": "stub, 0 ms",
        },
        "steps": uvloop.run(measure(settings, messages, naive)),  # as Serve's replicas do
    }
    handles = hops.deploy()
    report["hops"] = uvloop.run(measure_hops(handles, messages, naive))
    return report
