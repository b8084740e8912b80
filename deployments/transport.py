"""How values reach deployments over Serve handles: the flow's transport, knowledge, embeddings."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.coalesce import Coalescer, Limits
from serving.errors import Failure, Retryable
from serving.middleware import StepSpec
from serving.ports import Embeddings, SearchQuery
from serving.types import Documents, StepName

In = TypeVar("In")
Out = TypeVar("Out")

# A language model answers in seconds and its items finish apart: small batches, many of them.
LIMITS: Mapping[StepName, Limits] = {
    "generate_response": Limits(max_batch=16, max_in_flight=4, min_beside=8),
}


def remote(handle: DeploymentHandle, method: str) -> Callable[..., Awaitable[Any]]:
    """A deployment's method, ready to be called.

    Everything that crosses is a module-level dataclass or an array: plain pickle, not cloudpickle.
    """
    options = {"request_serialization": "pickle", "response_serialization": "pickle"}
    called: Callable[..., Awaitable[Any]] = handle.options(method_name=method, **options).remote
    return called


class ServeTransport:
    """Carries items to step deployments, each through its own coalescing client."""

    def __init__(self, steps: Mapping[StepName, DeploymentHandle]) -> None:
        self._clients: dict[StepName, Coalescer[Any, Any]] = {
            name: Coalescer(remote(handle, "many"), LIMITS.get(name))
            for name, handle in steps.items()
        }

    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out:
        answer: Out = await self._clients[spec.name](item)
        return answer


class ServeKnowledge:
    """The `knowledge` application as the steps see it."""

    DEADLINE_S = 4.0

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        try:
            async with asyncio.timeout(self.DEADLINE_S):
                found: list[Documents | Failure] = await self._search(queries)
                return found
        except Exception as error:  # noqa: BLE001  # one value per query, whatever happened
            return [Failure.of(Retryable(f"searcher: {type(error).__name__}"))] * len(queries)

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        try:
            async with asyncio.timeout(self.DEADLINE_S):
                names: Mapping[str, tuple[str, ...]] = await remote(self._searcher, "treks")()
                return names
        except Exception as error:
            raise Retryable(f"searcher: {type(error).__name__}") from error

    @cached_property
    def _search(self) -> Callable[..., Awaitable[Any]]:
        return remote(self._searcher, "search")

    @cached_property
    def _searcher(self) -> DeploymentHandle:
        # Found by name and late, so that the applications may start and restart in any order.
        return serve.get_deployment_handle("searcher", "knowledge")


class ServeEmbedder:
    """The encoder of the `models` application as a step sees it."""

    # A lone short text takes 20 ms; while a model writes on the same cores, ten times that.
    DEADLINE_S = 1.2

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        try:
            async with asyncio.timeout(self.DEADLINE_S):
                encoder, vectors = await self._embed(list(texts), "query")
                return Embeddings(encoder, vectors)
        except Exception as error:
            raise Retryable(f"encoder: {type(error).__name__}") from error

    @cached_property
    def _embed(self) -> Callable[..., Awaitable[Any]]:
        return remote(serve.get_deployment_handle("encoder", "models"), "embed")
