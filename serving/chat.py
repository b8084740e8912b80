"""Language models behind OpenAI-compatible endpoints: one tier, a chain of models, one deadline.

The composition root resolves the catalogue to endpoints; this adapter only knows addresses. A
model that does not write the language, or whose window is too small, is passed over.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.types import ModelId, Tier
from serving.errors import Degraded, Overloaded, Rejected, Retryable, SwitchbackError
from serving.ports import ChatReply, ChatRequest
from serving.types import LANGUAGES, Language

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

MIN_ATTEMPT_S = 1.0  # with less left, the next model would only be cut off
# Latin script; Devanagari takes up to two tokens a character, which only makes the guess safer to
# raise. The endpoint has the last word.
CHARS_PER_TOKEN = 3


@dataclass(frozen=True, slots=True)
class ChatEndpoint:
    """Where one model answers."""

    model_id: ModelId  # our name of it
    remote_name: str  # its name at the endpoint
    base_url: str
    api_key: str
    languages: frozenset[Language] = frozenset(LANGUAGES)  # it writes well enough to be sent
    price_in: float = 0.0  # US dollars per million tokens
    price_out: float = 0.0
    max_context: int = 4096  # tokens, prompt and answer together


class OpenAiChat:
    """Implements `serving.ports.ChatModel`."""

    def __init__(self, endpoints: Mapping[Tier, Sequence[ChatEndpoint]]) -> None:
        self._endpoints = {tier: tuple(chain) for tier, chain in endpoints.items()}
        self._clients: dict[tuple[str, str], AsyncOpenAI] = {}

    async def complete(self, request: ChatRequest) -> ChatReply:
        chain = self._endpoints.get(request.tier, ())
        usable = [endpoint for endpoint in chain if _fits(endpoint, request)]
        if not usable:
            raise Degraded(f"no model of tier {request.tier!r} writes {request.language!r}")
        deadline = time.monotonic() + request.deadline_s
        errors: list[str] = []
        for place, endpoint in enumerate(usable):
            left_s = deadline - time.monotonic()
            if left_s < MIN_ATTEMPT_S:
                break
            try:
                reply = await self._ask(endpoint, request, _share(left_s, len(usable) - place))
            except SwitchbackError as error:
                errors.append(f"{endpoint.model_id}: {error}")
                continue
            return _marked(reply, request.tier, chain[0].model_id)
        raise Degraded(f"tier {request.tier!r} gave no answer: {'; '.join(errors)}")

    async def _ask(
        self, endpoint: ChatEndpoint, request: ChatRequest, timeout_s: float
    ) -> ChatReply:
        import openai  # noqa: PLC0415  # takes a second to import

        try:
            answer = await self._client(endpoint).chat.completions.create(
                model=endpoint.remote_name,
                messages=[
                    {"role": message.role, "content": message.content}  # type: ignore[misc]  # a union of typed dicts, told apart by role
                    for message in request.messages
                ],
                max_tokens=request.max_tokens,
                temperature=request.temperature,
                timeout=timeout_s,
            )
        except openai.RateLimitError as error:
            raise Overloaded(_brief(error)) from error
        except (openai.APIConnectionError, openai.InternalServerError) as error:
            raise Retryable(_brief(error)) from error
        except openai.OpenAIError as error:
            raise Rejected(_brief(error)) from error
        return _reply(endpoint, answer)

    def _client(self, endpoint: ChatEndpoint) -> "AsyncOpenAI":
        from openai import AsyncOpenAI  # noqa: PLC0415

        key = (endpoint.base_url, endpoint.api_key)
        if key not in self._clients:
            # Repeating is our chain's work: the client's own would eat the deadline.
            self._clients[key] = AsyncOpenAI(
                base_url=endpoint.base_url, api_key=endpoint.api_key or "none", max_retries=0
            )
        return self._clients[key]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()


def _fits(endpoint: ChatEndpoint, request: ChatRequest) -> bool:
    prompt = sum(len(message.content) for message in request.messages) // CHARS_PER_TOKEN
    return (
        request.language in endpoint.languages
        and prompt + request.max_tokens <= endpoint.max_context
    )


def _share(left_s: float, models_left: int) -> float:
    """Half of what is left while another model may still be asked, all of it for the last."""
    return left_s if models_left == 1 else left_s / 2


def _reply(endpoint: ChatEndpoint, answer: "ChatCompletion") -> ChatReply:
    text = (answer.choices[0].message.content or "") if answer.choices else ""
    if not text.strip():
        raise Retryable("an empty answer")
    tokens_in = answer.usage.prompt_tokens if answer.usage else 0
    tokens_out = answer.usage.completion_tokens if answer.usage else 0
    cost = (tokens_in * endpoint.price_in + tokens_out * endpoint.price_out) / 1e6
    return ChatReply(text.strip(), endpoint.model_id, tokens_in, tokens_out, cost)


def _marked(reply: ChatReply, tier: Tier, first: ModelId) -> ChatReply:
    if reply.model == first:
        return reply
    return replace(reply, degraded=(f"tier:{tier}->{reply.model}",))


def _brief(error: Exception) -> str:
    """Kind and status, never the body: a provider may quote the prompt in it."""
    status = getattr(error, "status_code", None)
    return type(error).__name__ + (f" (HTTP {status})" if status else "")
