"""The OpenAI-compatible `/v1` of the served models: vLLM behind Ray's ingress, plus the encoder.

Ray's ingress is inherited from; two things are added. An API key guards every route, and
`/v1/embeddings` is answered by our own encoder deployment instead of by vLLM.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Depends, FastAPI, HTTPException
from ray.serve.handle import DeploymentHandle
from ray.serve.llm.ingress import OpenAiIngress, make_fastapi_ingress

from deployments.auth import require_api_key
from deployments.embeddings import EmbeddingsBody, embeddings_response


class OpenAiGateway(OpenAiIngress):  # type: ignore[misc]  # Ray is not typed
    """Chat, completions and models as Ray serves them; embeddings from our encoder."""

    def __init__(
        self,
        llm_deployments: Mapping[str, DeploymentHandle],
        model_cards: Mapping[str, Any],
        encoder: DeploymentHandle,
        encoder_id: str,
    ) -> None:
        super().__init__(dict(llm_deployments), dict(model_cards))
        self._encoder = encoder
        self._encoder_id = encoder_id

    async def embeddings(self, body: EmbeddingsBody) -> dict[str, Any]:
        if body.model != self._encoder_id:
            raise HTTPException(404, f"no embedding model {body.model!r}; {self._encoder_id!r} is")
        texts = [body.input] if isinstance(body.input, str) else body.input
        vectors = await self._encoder.encode.remote(texts, body.input_type)
        return embeddings_response(body.model, vectors, body.encoding_format)


def _guarded(method: str, path: str) -> Callable[[FastAPI], Callable[..., Any]]:
    def route(app: FastAPI) -> Callable[..., Any]:
        return app.api_route(path, methods=[method], dependencies=[Depends(require_api_key)])

    return route


# Serve strips the application's route prefix, /v1, before a request reaches these.
ROUTES = {
    "models": _guarded("GET", "/models"),
    "model_data": _guarded("GET", "/models/{model:path}"),
    "chat": _guarded("POST", "/chat/completions"),
    "completions": _guarded("POST", "/completions"),
    "embeddings": _guarded("POST", "/embeddings"),
}


def gateway_class() -> type:
    """The deployable class, with its FastAPI application attached."""
    return make_fastapi_ingress(OpenAiGateway, endpoint_map=ROUTES)  # type: ignore[no-any-return]
