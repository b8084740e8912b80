"""The flow's hops alone: eleven deployments that answer at once, in the flow's own order.

What a step works is left out, so what remains is what the house adds to a turn: serialising,
Serve's calls, waiting in queues. The same turns go through the product's coalescing client and
through the usual chain of one call per step and message.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from models.types import Epoch
from serving import flow
from serving.middleware import Transport
from serving.types import (
    STEP_NAMES,
    Compliance,
    Consent,
    ContactId,
    ConversationId,
    Documents,
    InboundMessage,
    Lead,
    Logged,
    Passage,
    Sent,
    StepName,
    Turn,
    TurnId,
    Wamid,
)

APP: Final = "hops"
QUESTION: Final = "How much is Hampta Pass in September?"
PASSAGE: Final = Passage(
    "0" * 32, "prices/hampta-pass.csv", "3", (0, 200), "Season: September. " * 12,
    "Prices", "price", "en", 0.9, "Hampta Pass",
)  # fmt: skip
ANSWERS: Final[dict[StepName, Any]] = {
    "check_unsubscribed": Consent(opted_out=False),
    "retrieve_documents": Documents(Epoch("bench"), (PASSAGE,) * 5),
    "check_compliance": Compliance("In September it costs a little."),
    "send_message": Sent("sent", Wamid("wamid.bench")),
    "log_interaction": Logged("inquiry"),
    "update_lead_score": Lead(0, "cold", ()),
}


class EchoStep:
    """A step host whose step works nothing."""

    def __init__(self, name: StepName) -> None:
        self._fixed = ANSWERS.get(name)
        self._fallback = next(spec.fallback for spec in flow.FLOW if spec.name == name)

    async def many(self, items: Sequence[Any]) -> list[Any]:
        return [self._fixed or self._answer(item) for item in items]

    def _answer(self, item: Any) -> Any:
        assert self._fallback is not None
        return self._fallback(item)


def application() -> Application:
    """The eleven, bound to a deployment that only holds them together."""
    options: dict[str, Any] = {"ray_actor_options": {"num_cpus": 0.01}, "max_ongoing_requests": 200}
    steps = {n: serve.deployment(EchoStep, name=n, **options).bind(n) for n in STEP_NAMES}
    return serve.deployment(_Holder, name="holder", **options).bind(steps)


class _Holder:
    def __init__(self, steps: dict[StepName, DeploymentHandle]) -> None:
        self._steps = steps


def deploy() -> dict[StepName, DeploymentHandle]:
    serve.run(application(), name=APP, route_prefix="/hops")
    return {name: serve.get_deployment_handle(name, APP) for name in STEP_NAMES}


def turn() -> Turn:
    now = datetime.now(UTC)
    message = InboundMessage(1, Wamid(f"wamid.{uuid.uuid4().hex}"), "text", QUESTION, now)
    name = str(uuid.uuid4())
    return Turn(TurnId(name), ConversationId(name), ContactId(name), "1", 1, (message,), now)


async def per_second(transport: Transport, count: int, at_once: int) -> float:
    """Turns per second with `at_once` of them under way."""
    room = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with room:
            await flow.run(turn(), transport)

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return count / (time.perf_counter() - started)


async def idle_ms(transport: Transport, count: int) -> list[float]:
    """Milliseconds of one turn after the other."""
    took = []
    for _ in range(count):
        started = time.perf_counter()
        await flow.run(turn(), transport)
        took.append((time.perf_counter() - started) * 1e3)
    return took
