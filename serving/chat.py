"""Language models behind OpenAI-compatible endpoints: a chain of models, one deadline, one budget.

The chain is the tier's own models and then those of the fast tier. A model that does not write the
language, whose window is too small or that keeps failing is passed over; a metered one is asked
only after its price has been set aside. The composition root resolves the catalogue to endpoints.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.types import ModelId, Tier
from serving.circuit import CircuitBreaker
from serving.errors import Degraded, Overloaded, Rejected, Retryable, SwitchbackError
from serving.ports import Budget, ChatReply, ChatRequest, Reservation
from serving.types import LANGUAGES, Candidate, Language

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

FASTEST: Tier = "fast"
MIN_ATTEMPT_S = 1.0  # with less left, the next model would only be cut off
# Latin script; Devanagari takes up to two tokens a character, which only makes the guess safer to
# raise. The endpoint has the last word.
CHARS_PER_TOKEN = 3
# A price must not be guessed too low: no tokeniser makes more tokens than UTF-8 has bytes, and a
# chat template adds some to each message.
TEMPLATE_TOKENS = 64


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
    metered: bool = False  # billed by the call; models of ours cost the same idle or busy


class OpenAiChat:
    """Implements `serving.ports.ChatModel`. Without a budget, metered models are not asked."""

    def __init__(
        self, endpoints: Mapping[Tier, Sequence[ChatEndpoint]], budget: Budget | None = None
    ) -> None:
        self._endpoints = {tier: tuple(chain) for tier, chain in endpoints.items()}
        self._budget = budget
        self._clients: dict[tuple[str, str], AsyncOpenAI] = {}
        every = {endpoint.model_id for chain in endpoints.values() for endpoint in chain}
        self._breakers = {model: CircuitBreaker(time.monotonic) for model in every}

    def candidates(self, request: ChatRequest) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(
                tier,
                endpoint.model_id,
                most_usd(endpoint, request),
                self._why_not(endpoint, request),
            )
            for tier, endpoint in self._chain(request.tier)
        )

    async def complete(self, request: ChatRequest) -> ChatReply:
        chain = self._chain(request.tier)
        usable = [one for _, one in chain if not self._why_not(one, request)]
        if not usable:
            raise Degraded(f"no model of tier {request.tier!r} writes {request.language!r} now")
        deadline = time.monotonic() + request.deadline_s
        errors: list[str] = []
        for place, endpoint in enumerate(usable):
            left_s = deadline - time.monotonic()
            if left_s < MIN_ATTEMPT_S:
                break
            try:
                reply = await self._attempt(endpoint, request, _share(left_s, len(usable) - place))
            except SwitchbackError as error:
                errors.append(f"{endpoint.model_id}: {error}")
                continue
            return _marked(reply, request.tier, chain[0][1].model_id)
        raise Degraded(f"tier {request.tier!r} gave no answer: {'; '.join(errors)}")

    def _chain(self, tier: Tier) -> list[tuple[Tier, ChatEndpoint]]:
        """The tier's models, then the fast tier's that are not among them."""
        own = self._endpoints.get(tier, ())
        known = {endpoint.model_id for endpoint in own}
        faster = (one for one in self._endpoints.get(FASTEST, ()) if one.model_id not in known)
        return [*((tier, one) for one in own), *((FASTEST, one) for one in faster)]

    def _why_not(self, endpoint: ChatEndpoint, request: ChatRequest) -> str:
        if request.language not in endpoint.languages:
            return "language"
        prompt = sum(len(message.content) for message in request.messages) // CHARS_PER_TOKEN
        if prompt + request.max_tokens > endpoint.max_context:
            return "window"
        if self._breakers[endpoint.model_id].is_open:
            return "failing"
        return "no budget" if endpoint.metered and self._budget is None else ""

    async def _attempt(
        self, endpoint: ChatEndpoint, request: ChatRequest, timeout_s: float
    ) -> ChatReply:
        breaker = self._breakers[endpoint.model_id]
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._paid(endpoint, request, timeout_s)
        except TimeoutError as error:
            breaker.failed()
            raise Retryable(f"no answer in {timeout_s:.1f} s") from error
        except OverBudget:
            raise  # says nothing of the endpoint
        except SwitchbackError:
            breaker.failed()
            raise
        breaker.succeeded()
        return reply

    async def _paid(
        self, endpoint: ChatEndpoint, request: ChatRequest, timeout_s: float
    ) -> ChatReply:
        """Reserve, ask, settle. A call that was cut off may have been billed: it stays reserved."""
        if self._budget is None or not endpoint.metered:
            return await self._ask(endpoint, request, timeout_s)
        reservation = await self._budget.reserve(most_usd(endpoint, request))
        if reservation is None:
            raise OverBudget
        try:
            reply = await self._ask(endpoint, request, timeout_s)
        except (Overloaded, Rejected):  # refused before any token was written
            await self._settle(self._budget, reservation, 0.0)
            raise
        await self._settle(self._budget, reservation, reply.cost_usd)
        return reply

    @staticmethod
    async def _settle(budget: Budget, reservation: Reservation, spent_usd: float) -> None:
        # Unsettled it counts as spent: the customer's answer does not wait for the books.
        with contextlib.suppress(SwitchbackError):
            await budget.settle(reservation, spent_usd)

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
        except openai.APIStatusError as error:
            raise Rejected(_brief(error)) from error
        except (
            openai.OpenAIError,
            ValueError,
        ) as error:  # a body that is no answer, or half of one
            raise Retryable(_brief(error)) from error
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


class OverBudget(Degraded):
    """The day's budget does not hold this call."""


def most_usd(endpoint: ChatEndpoint, request: ChatRequest) -> float:
    """An upper bound of what one call can cost."""
    tokens_in = sum(len(one.content.encode()) + TEMPLATE_TOKENS for one in request.messages)
    cost = tokens_in * endpoint.price_in + request.max_tokens * endpoint.price_out
    return cost / 1e6


def _share(left_s: float, models_left: int) -> float:
    """Half of what is left while another model may still be asked, all of it for the last."""
    return left_s if models_left == 1 else left_s / 2


def _reply(endpoint: ChatEndpoint, answer: "ChatCompletion") -> ChatReply:
    choices = getattr(answer, "choices", None)  # an endpoint may send any JSON
    text = (choices[0].message.content or "") if choices else ""
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
