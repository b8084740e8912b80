"""What the request path needs from outside, owned here by its consumer.

Implementations do not inherit from these. Every method has a deadline inside; errors are those
of `serving.errors`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from models.types import ModelId, SearchFilter, Tier
from serving.errors import Failure
from serving.graph_errors import UNKNOWN, ErrorRule
from serving.types import (
    Candidate,
    Consent,
    ContactId,
    ConversationId,
    CustomerContext,
    Documents,
    Draft,
    InboundMessage,
    Interaction,
    Language,
    Lead,
    OptOutScope,
    Reply,
    SendOrder,
    SendOutcome,
    Stage,
    TemplateRef,
    Turn,
    TurnId,
    TurnResult,
    Wamid,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# ── models ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    tier: Tier
    messages: tuple[ChatMessage, ...]
    language: Language  # the answer's; a model that cannot write it is passed over
    max_tokens: int
    deadline_s: float
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class ChatReply:
    text: str
    model: ModelId
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    degraded: tuple[str, ...] = ()  # e.g. "tier:reasoning->fast"


class ChatModel(Protocol):
    def candidates(self, request: ChatRequest) -> tuple[Candidate, ...]:
        """Who would be asked, in order, and at what price at most."""
        ...

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer with the first candidate that can. `Degraded` when none can."""
        ...


class SharedAnswers(Protocol):
    """Replies that hold for whoever asks the same. Losing one costs one more call of a model."""

    async def get(self, key: str) -> ChatReply | None:
        """None also when it cannot be told in time; never raises."""
        ...

    async def put(self, key: str, reply: ChatReply) -> None: ...


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for one call, until it is known what the call cost."""

    id: str
    usd: float


class Budget(Protocol):
    """What may be spent on paid models in a day, over all replicas."""

    async def reserve(self, usd: float) -> Reservation | None:
        """Set aside before the call; None when that would exceed the budget."""
        ...

    async def settle(self, reservation: Reservation, spent_usd: float) -> None:
        """Give back what was not spent. A reservation never settled counts as spent."""
        ...


@dataclass(frozen=True, slots=True)
class Embeddings:
    encoder: str  # fingerprint: vectors of two encoders do not compare
    vectors: "NDArray[np.float32]"  # (texts, dimensions), each of length one


class Embedder(Protocol):
    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """One vector per text, as for a search query. `Retryable` when there is none in time."""
        ...


# ── knowledge ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SearchQuery:
    text: str
    filter: SearchFilter
    k: int = 5


class Knowledge(Protocol):
    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        """One answer per query, in order, each from one epoch."""
        ...

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        """Canonical trek name to its aliases, of the live epoch."""
        ...


# ── stores ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What happened to a turn's conversation before the turn reached its gate."""

    turn_id: TurnId
    messages: tuple[InboundMessage, ...] = ()  # that it does not know, oldest first
    commanded: bool = False  # one of them is a control word
    taken_over: bool = False  # a person has them: nothing of the turn is left to be answered


class TurnStore(Protocol):
    """Claims, leases and endings of turns: what the router needs."""

    async def claim(
        self, holder: str, limit: int, lease_s: float, expected_s: float = 0.0
    ) -> list[Turn]:
        """Lease up to `limit` conversations with pending messages; one turn for each.

        `expected_s`: how long such a turn takes. It begins anew with newer messages only while
        one more fits into the time within which a customer is answered.
        """
        ...

    async def renew(self, turns: Sequence[Turn], lease_s: float) -> set[str]:
        """Extend leases; returns the turn ids whose lease is still ours."""
        ...

    async def arrivals(self, turns: Sequence[Turn]) -> list[Arrivals]:
        """Of the turns before their gate, those whose conversation has news.

        Once there is no time to begin anew, messages other than control words are no news.
        """
        ...

    async def admit_arrivals(
        self, turn: Turn, joining: Sequence[InboundMessage], waiting: Sequence[InboundMessage]
    ) -> None:
        """These do not begin the turn anew: it answers `joining` too, `waiting` come after it."""
        ...

    async def finish(self, turn: Turn, result: TurnResult | None, ended: str) -> None:
        """End the turn and release the lease. `ended` is a `SendOutcome` or "silent".

        For "superseded" and "fenced" the messages stay pending.
        """
        ...

    async def give_back(self, turn: Turn, reason: str, retry_in_s: float) -> None:
        """Release after a failure: the messages stay pending until `retry_in_s` has passed."""
        ...

    async def bury(self, turn: Turn, reason: str) -> None:
        """Dead-letter the turn with its messages, and release the lease."""
        ...

    async def unlogged(self, holder: str, limit: int, lease_s: float) -> list[Interaction]:
        """Answered turns whose holder died before they were logged; leased to `holder`."""
        ...


class DraftStore(Protocol):
    """What models wrote for turns that were not answered yet: paid for, so not asked for again."""

    async def keep(self, turn: Turn, draft: Draft) -> None: ...

    async def kept(self, turn: Turn) -> Draft | None:
        """The draft an earlier turn of the very same messages has left, if there is one."""
        ...


class ConsentStore(Protocol):
    async def opted_out(self, contacts: Sequence[ContactId]) -> list[OptOutScope | None]: ...

    async def record(self, contact: ContactId, consent: Consent, wamid: Wamid) -> None:
        """Store an opt-out or a re-subscription; idempotent per wamid."""
        ...


class ContextStore(Protocol):
    async def load(self, turns: Sequence[Turn]) -> list[CustomerContext]:
        """Profile, bookings, preferences, lead and last messages for each turn."""
        ...


@dataclass(frozen=True, slots=True)
class Gate:
    """The verdict of the transaction right before a send."""

    outcome: Literal["go"] | SendOutcome
    recipient: "Recipient | None" = None
    callback_data: str = ""  # echoed by Meta in every status of this send
    wamid: Wamid | None = None  # already sent by an earlier attempt
    reason: str = ""
    reply: Reply | None = None  # what may go instead of the order's reply: a template
    attempt: int = 1  # 2 and up: it was deferred before
    wait_s: float = 0.0  # until its slot: Meta allows a number so many messages a second


@dataclass(frozen=True, slots=True)
class Recipient:
    wa_id: str | None
    bsuid: str | None


class Outbox(Protocol):
    async def admit(self, orders: Sequence[SendOrder]) -> list[Gate]:
        """One transaction each: still bot-owned, not opted out, window open, lease ours,
        nothing newer; then the outbox row, and the turn's messages are answered.
        """
        ...

    async def settle(self, callback_data: str, settlement: "Settlement") -> None:
        """What became of the Graph call. Idempotent; a status may have come first."""
        ...

    async def close_unheard(self, after_s: float, limit: int) -> int:
        """Sends of which nothing was heard for so long: sent once more with a mark, when due."""
        ...

    async def due(self, limit: int) -> list[SendOrder]:
        """Deferred messages whose time has come, leased for half a minute."""
        ...


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a Graph call ended. `code` brings the actions of the error table with it."""

    outcome: Literal["sent", "parked", "failed", "deferred"]
    wamid: Wamid | None = None
    detail: str = ""
    code: int | None = None
    due_in_s: float = 0.0  # of a deferred one


class InteractionLog(Protocol):
    async def append(self, rows: Sequence[tuple[Interaction, Stage]]) -> None:
        """Idempotent per turn."""
        ...


class LeadStore(Protocol):
    async def save(self, rows: Sequence[tuple[ConversationId, str, Lead]]) -> None:
        """(conversation, turn id, lead); idempotent per turn."""
        ...


# ── the outside ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    phone_number_id: str
    recipient: Recipient
    text: str
    buttons: tuple[tuple[str, str], ...]
    callback_data: str
    reply_to: Wamid | None = None
    template: TemplateRef | None = None
    list_label: str = ""  # the buttons are rows of a list that this opens


@dataclass(frozen=True, slots=True)
class GraphResult:
    """`rule` says what to do about a refusal; an accepted or unclear call has none."""

    outcome: Literal["accepted", "refused", "ambiguous"]
    wamid: Wamid | None = None
    code: int | None = None
    detail: str = ""
    rule: ErrorRule = UNKNOWN


class Graph(Protocol):
    async def send(self, message: OutgoingMessage, deadline_s: float) -> GraphResult:
        """Never raises for what Graph answered; "ambiguous" when no answer came back."""
        ...

    async def show_typing(self, phone_number_id: str, wamid: Wamid) -> bool:
        """Best effort, once: whether Graph took it."""
        ...


class Wakeups(Protocol):
    """Hints: that the inbox has work, and that nobody waits for a turn's answer any more.

    Losing one costs a poll interval, or a model's work for nothing.
    """

    async def notify(self) -> None: ...

    async def wait(self, timeout_s: float) -> None: ...

    async def revoke(self, turn_id: TurnId) -> None: ...

    def revoked(self) -> AsyncIterator[TurnId]:
        """The turns that are revoked from now on, without end."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """UTC."""
        ...
