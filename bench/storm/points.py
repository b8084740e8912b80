"""Where a process can be made to die, and the wires that lead there.

The product knows nothing of this: what it is given behind its ports is wrapped from outside.
"""

import asyncio
import inspect
import os
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from serving.errors import Failure
from serving.middleware import StepSpec
from serving.step import Step

In = TypeVar("In")
Out = TypeVar("Out")

INGRESS = {
    "inbox.accept:before": "the delivery is read, nothing is committed",
    "inbox.transaction": "inside the inbox's transaction",
    "inbox.accept:after": "committed, nobody knows",
    "hints.notify:after": "committed and announced, 200 not yet answered",
}
ROUTER = {
    "turns.claim:after": "a conversation is leased",
    "parse_message:before": "before the first step",
    "check_unsubscribed:after": "consent is known",
    "retrieve_documents:after": "sources are known",
    "chat.complete:during": "the model is writing",
    "drafts.keep:before": "the model has answered",
    "drafts.keep:after": "the draft is kept",
    "validate_response:after": "the draft is checked",
    "check_compliance:after": "the reply is ready",
    "outbox.transaction": "inside the gate's transaction, or the settlement's",
    "outbox.admit:after": "the intent is committed",
    "graph.send:during": "the call to Graph is on its way",
    "graph.send:after": "Graph has answered",
    "outbox.settle:after": "the answer is recorded",
    "log_interaction:after": "the turn is logged",
    "turns.finish:after": "the turn is over",
}
POINTS = {**INGRESS, **ROUTER}


class Tripwire:
    """Ends this process without warning when its point is reached for the nth time."""

    def __init__(self, point: str | None, nth: int) -> None:
        self._point = point
        self._left = nth

    def __call__(self, place: str) -> None:
        if place == self._point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Wired:
    """An implementation of a port: every call passes the wire before, during and after."""

    def __init__(self, inner: Any, name: str, trip: Tripwire) -> None:
        self._inner, self._name, self._trip = inner, name, trip

    def __getattr__(self, method: str) -> Any:
        attribute = getattr(self._inner, method)
        if not inspect.iscoroutinefunction(attribute):
            return attribute
        place = f"{self._name}.{method}"

        async def call(*args: Any, **more: Any) -> Any:
            self._trip(f"{place}:before")
            calling = asyncio.create_task(attribute(*args, **more))
            try:
                await asyncio.wait([calling], timeout=random.uniform(0.0, 0.03))
                self._trip(f"{place}:during")
                result = await calling
            except asyncio.CancelledError:
                calling.cancel()
                raise
            if result != []:  # nothing was claimed
                self._trip(f"{place}:after")
            return result

        return call


class WiredDatabase:
    """A database whose transactions pass the wire when all is done but the commit."""

    def __init__(self, inner: Any, name: str, trip: Tripwire) -> None:
        self._inner, self._name, self._trip = inner, name, trip

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def run(self, work: Callable[[Any], Awaitable[Out]], **more: Any) -> Out:
        async def worked(connection: Any) -> Out:
            result = await work(connection)
            self._trip(f"{self._name}.transaction")
            return result

        answer: Out = await self._inner.run(worked, **more)
        return answer


class InProcess:
    """The flow's transport without a cluster: the steps live in the router's own process."""

    def __init__(self, steps: dict[str, Step[Any, Any]], trip: Tripwire) -> None:
        self._steps, self._trip = steps, trip

    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out:
        self._trip(f"{spec.name}:before")
        # As over the wire: who stops waiting does not stop the step; a revocation does.
        [outcome] = await asyncio.shield(self._steps[spec.name].many([item]))
        if isinstance(outcome, Failure):
            raise outcome.error()
        self._trip(f"{spec.name}:after")
        answer: Out = outcome
        return answer
