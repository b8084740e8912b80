"""The language models of a running instance, asked as the product asks them."""

from collections.abc import Mapping, Sequence

import httpx

from deployments.settings import Settings
from evals.frame.evaluation import Unavailable
from models.types import Tier
from serving.chat import ChatEndpoint, OpenAiChat
from serving.ports import ChatModel
from serving.stubs import StubChat

TIMEOUT_S = 5.0


def reachable_chat(
    settings: Settings, endpoints: Mapping[Tier, Sequence[ChatEndpoint]]
) -> ChatModel:
    """`Unavailable` when no instance serves the models."""
    if settings.models == "stub":
        return StubChat(0.0)
    address = f"http://127.0.0.1:{settings.http_port}/v1/models"
    try:
        answer = httpx.get(
            address, headers={"Authorization": f"Bearer {settings.api_key}"}, timeout=TIMEOUT_S
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Unavailable(
            f"{address} does not answer ({type(error).__name__}): `switchback up`"
        ) from error
    return OpenAiChat(endpoints)
