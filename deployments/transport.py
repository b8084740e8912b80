"""How values reach deployments over Serve handles: the flow's transport, knowledge, embeddings."""

import asyncio
from collections.abc import Mapping, Sequence
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


class ServeTransport:
    """Carries items to step deployments, each through its own coalescing client."""

    def __init__(self, steps: Mapping[StepName, DeploymentHandle]) -> None:
        self._clients: dict[StepName, Coalescer[Any, Any]] = {
            name: Coalescer(self._sender(handle), LIMITS.get(name))
            for name, handle in steps.items()
        }

    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out:
        answer: Out = await self._clients[spec.name](item)
        return answer

    def _sender(self, handle: DeploymentHandle) -> Any:
        # Everything that crosses is a module-level dataclass: plain pickle, not cloudpickle.
        many = handle.options(
            method_name="many", request_serialization="pickle", response_serialization="pickle"
        )

        async def send(items: Sequence[Any]) -> list[Any | Failure]:
            outcomes: list[Any | Failure] = await many.remote(items)
            return outcomes

        return send


class ServeKnowledge:
    """The `knowledge` application as the steps see it."""

    DEADLINE_S = 4.0

    def __init__(self) -> None:
        self._searcher: DeploymentHandle | None = None

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        try:
            async with asyncio.timeout(self.DEADLINE_S):
                found: list[Documents | Failure] = await self._handle().search.remote(queries)
                return found
        except Exception as error:  # noqa: BLE001  # one value per query, whatever happened
            return [Failure.of(Retryable(f"searcher: {type(error).__name__}"))] * len(queries)

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        try:
            async with asyncio.timeout(self.DEADLINE_S):
                names: Mapping[str, tuple[str, ...]] = await self._handle().treks.remote()
                return names
        except Exception as error:
            raise Retryable(f"searcher: {type(error).__name__}") from error

    def _handle(self) -> DeploymentHandle:
        # Found by name and late, so that the applications may start and restart in any order.
        if self._searcher is None:
            self._searcher = serve.get_deployment_handle("searcher", "knowledge")
        return self._searcher


class ServeEmbedder:
    """The encoder of the `models` application as a step sees it."""

    # A lone short text takes 20 ms; while a model writes on the same cores, ten times that.
    DEADLINE_S = 1.2

    def __init__(self) -> None:
        self._encoder: DeploymentHandle | None = None

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        try:
            async with asyncio.timeout(self.DEADLINE_S):
                encoder, vectors = await self._handle().embed.remote(list(texts), "query")
                return Embeddings(encoder, vectors)
        except Exception as error:
            raise Retryable(f"encoder: {type(error).__name__}") from error

    def _handle(self) -> DeploymentHandle:
        if self._encoder is None:
            self._encoder = serve.get_deployment_handle("encoder", "models")
        return self._encoder
