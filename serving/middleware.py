"""What wraps every step from outside: deadline, retry, fallback and the journal.

A transport carries one item to a step: in the same process, or over a coalescing Serve client.
Each middleware takes a transport and returns one; `compose` folds them, outermost first.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from serving.errors import Overloaded, Retryable, SwitchbackError
from serving.metrics import Counters
from serving.types import StepName, StepTiming

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)  # no slots: typing writes __orig_class__ on what StepSpec[A, B]() makes
class StepSpec(Generic[In, Out]):
    """One row of the flow table."""

    name: StepName
    needs: tuple[StepName, ...]
    deadline_s: float  # of one attempt
    retries: int  # after the first attempt, within the same turn
    on_failure: Literal["stop", "fallback"]
    fallback: Callable[[In], Out] | None = None
    why: str = ""  # what the failure behaviour protects

    def __post_init__(self) -> None:
        if (self.on_failure == "fallback") != (self.fallback is not None):
            raise ValueError(f"step {self.name!r}: a fallback is given exactly if it is used")


class Transport(Protocol):
    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out: ...


Middleware = Callable[[Transport], Transport]


class Meter(Protocol):
    """Counts what happens, over all turns."""

    def step(self, name: StepName, seconds: float, outcome: str) -> None: ...

    def degraded(self, mark: str) -> None: ...

    def turn(self, outcome: str) -> None: ...


@dataclass(slots=True)
class Journal:
    """What happened in one turn, as it happens."""

    timings: list[StepTiming] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    meter: Meter = field(default_factory=Counters)

    def add(self, name: StepName, started: float, outcome: str) -> None:
        seconds = time.perf_counter() - started
        self.timings.append(StepTiming(name, seconds * 1e3, outcome))
        self.meter.step(name, seconds, outcome.partition(" ")[0])


def compose(transport: Transport, *middlewares: Middleware) -> Transport:
    for middleware in reversed(middlewares):
        transport = middleware(transport)
    return transport


def with_deadline(inner: Transport) -> Transport:
    async def call(spec: StepSpec[In, Out], item: In) -> Out:
        try:
            async with asyncio.timeout(spec.deadline_s):
                return await inner(spec, item)
        except TimeoutError:
            raise Retryable(f"{spec.name} took longer than {spec.deadline_s} s") from None

    return call


def with_retry(inner: Transport) -> Transport:
    async def call(spec: StepSpec[In, Out], item: In) -> Out:
        for _ in range(spec.retries):
            try:
                return await inner(spec, item)
            except Overloaded:
                raise
            except Retryable:
                continue
        return await inner(spec, item)

    return call


def with_fallback(journal: Journal) -> Middleware:
    """Journal every call; answer with the step's fallback when it fails for good."""

    def wrap(inner: Transport) -> Transport:
        async def call(spec: StepSpec[In, Out], item: In) -> Out:
            started = time.perf_counter()
            try:
                result = await inner(spec, item)
            except SwitchbackError as error:
                if spec.fallback is None:
                    journal.add(spec.name, started, "failed")
                    raise
                journal.degraded.append(f"{spec.name}:fallback")
                journal.add(spec.name, started, f"fallback ({error})"[:200])
                return spec.fallback(item)
            journal.add(spec.name, started, "ok")
            return result

        return call

    return wrap
