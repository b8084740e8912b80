"""Stores, a Graph and a clock that live in lists."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serving.errors import SwitchbackError
from serving.ports import ChatReply, Gate, GraphResult, OutgoingMessage, Recipient, Settlement
from serving.types import (
    Consent,
    ContactId,
    ConversationId,
    CustomerContext,
    Interaction,
    Lead,
    OptOutScope,
    Reply,
    SendOrder,
    SendOutcome,
    Stage,
    Turn,
    Wamid,
)

NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)  # a Monday, noon in India


@dataclass
class FakeClock:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


@dataclass
class FakeConsentStore:
    scopes: dict[ContactId, OptOutScope] = field(default_factory=dict)
    recorded: list[tuple[ContactId, Consent, Wamid]] = field(default_factory=list)

    async def opted_out(self, contacts: Sequence[ContactId]) -> list[OptOutScope | None]:
        return [self.scopes.get(contact) for contact in contacts]

    async def record(self, contact: ContactId, consent: Consent, wamid: Wamid) -> None:
        if any(known == wamid for _, _, known in self.recorded):
            return
        self.recorded.append((contact, consent, wamid))
        if consent.action == "opt_out":
            self.scopes[contact] = consent.scope
        elif consent.action == "resubscribe":
            self.scopes.pop(contact, None)


@dataclass
class FakeContextStore:
    contexts: dict[ContactId, CustomerContext] = field(default_factory=dict)
    error: SwitchbackError | None = None

    async def load(self, turns: Sequence[Turn]) -> list[CustomerContext]:
        if self.error:
            raise self.error
        return [self.contexts.get(turn.contact_id, CustomerContext()) for turn in turns]


@dataclass
class FakeAnswers:
    kept: dict[str, ChatReply] = field(default_factory=dict)

    async def get(self, key: str) -> ChatReply | None:
        return self.kept.get(key)

    async def put(self, key: str, reply: ChatReply) -> None:
        self.kept[key] = reply


@dataclass
class FakeOutbox:
    """Admits everything once; a turn that was admitted before is never let go again."""

    outcome: SendOutcome | None = None  # what the gate says instead of "go"
    instead: Reply | None = None  # what may go in place of every reply
    error: SwitchbackError | None = None
    wait_s: float = 0.0  # until every slot
    settle_errors: int = 0  # how many times settling fails before it works
    admitted: dict[str, Gate] = field(default_factory=dict)
    settled: dict[str, Settlement] = field(default_factory=dict)
    waiting: list[SendOrder] = field(default_factory=list)  # deferred, and due

    async def admit(self, orders: Sequence[SendOrder]) -> list[Gate]:
        if self.error:
            raise self.error
        return [self._gate(order) for order in orders]

    def _gate(self, order: SendOrder) -> Gate:
        turn_id = order.record.turn.turn_id
        if self.outcome:
            return Gate(self.outcome, reason="as told")
        if turn_id in self.admitted:
            before = self.settled.get(f"{turn_id}:0")
            outcome = before.outcome if before else "parked"
            return Gate(outcome, wamid=before.wamid if before else None, reason="admitted before")
        gate = Gate(
            "go",
            Recipient("15550100123", None),
            f"{turn_id}:0",
            reply=self.instead,
            wait_s=self.wait_s,
        )
        self.admitted[turn_id] = gate
        return gate

    async def settle(self, callback_data: str, settlement: Settlement) -> None:
        if self.settle_errors:
            self.settle_errors -= 1
            raise SwitchbackError("the database is away")
        self.settled.setdefault(callback_data, settlement)

    async def close_unheard(self, after_s: float, limit: int) -> int:
        return 0

    async def due(self, limit: int) -> list[SendOrder]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken


@dataclass
class FakeGraph:
    """Gives its results in order, the last one for ever."""

    results: deque[GraphResult] = field(
        default_factory=lambda: deque([GraphResult("accepted", Wamid("wamid.OUT"))])
    )
    sent: list[OutgoingMessage] = field(default_factory=list)

    async def send(self, message: OutgoingMessage, deadline_s: float) -> GraphResult:
        assert deadline_s > 0
        self.sent.append(message)
        return self.results.popleft() if len(self.results) > 1 else self.results[0]

    async def show_typing(self, phone_number_id: str, wamid: Wamid) -> bool:
        return True


@dataclass
class FakeInteractionLog:
    rows: dict[str, tuple[Interaction, Stage]] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()  # turn ids that cannot be written
    calls: int = 0

    async def append(self, rows: Sequence[tuple[Interaction, Stage]]) -> None:
        self.calls += 1
        if any(item.record.turn.turn_id in self.refuses for item, _ in rows):
            raise SwitchbackError("cannot be written")
        for item, stage in rows:
            self.rows.setdefault(item.record.turn.turn_id, (item, stage))


@dataclass
class FakeLeadStore:
    leads: dict[str, tuple[ConversationId, Lead]] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()

    async def save(self, rows: Sequence[tuple[ConversationId, str, Lead]]) -> None:
        if any(turn_id in self.refuses for _, turn_id, _ in rows):
            raise SwitchbackError("cannot be written")
        for conversation, turn_id, lead in rows:
            self.leads.setdefault(turn_id, (conversation, lead))
