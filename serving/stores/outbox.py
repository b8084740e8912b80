"""The gate right before a send, and what became of the send. Knows no Graph.

One transaction decides and commits the intent; only after it may Graph be called. A turn has one
outbox row for ever, so that whatever happens afterwards it is never sent a second time unknowingly.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.crypto import Vault
from serving.ports import Gate, Recipient
from serving.sql import queries
from serving.stores import delivery, handover
from serving.stores.batching import Batcher
from serving.stores.codec import record_codec, reply_codec
from serving.stores.database import Connection, Database, fetch
from serving.stores.turns import SUPERSEDE_CAP_S
from serving.types import SendOrder, SendOutcome, Wamid

_SQL = queries("outbox")

# Meta's 24 hours, less what a call and a skewed clock may take.
WINDOW_S = 24 * 3600 - 60.0


@dataclass(frozen=True, slots=True)
class _Contact:
    opt_out_scope: str | None
    opt_out_wamid_key: bytes | None
    wa_id: bytes | None
    bsuid: bytes | None


@dataclass(frozen=True, slots=True)
class _Conversation:
    owner: str
    fence: int
    leased: bool
    window_open: bool
    asked_by: bytes | None  # the message for which a person took over


@dataclass(frozen=True, slots=True)
class _Admitted:
    """An outbox row this turn already has."""

    admission: uuid.UUID
    callback_data: str
    state: str
    wamid: bytes | None


@dataclass(frozen=True, slots=True)
class _View:
    """Everything the gate looks at, under its locks."""

    contacts: dict[str, _Contact]
    conversations: dict[str, _Conversation]
    admitted: dict[str, _Admitted]
    overtaken: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An order with its encrypted columns, made before any lock is taken."""

    order: SendOrder
    body: bytes
    record: bytes
    wamid_keys: frozenset[bytes]

    @property
    def turn_id(self) -> str:
        return self.order.record.turn.turn_id

    @property
    def callback_data(self) -> str:
        return f"{self.turn_id}:0"


class PostgresOutbox:
    def __init__(
        self,
        database: Database,
        *,
        window_s: float = WINDOW_S,
        supersede_cap_s: float = SUPERSEDE_CAP_S,
    ) -> None:
        self._database = database
        self._window_s = window_s
        self._supersede_cap_s = supersede_cap_s
        self._settle = Batcher(self._settle_many)

    async def admit(self, orders: Sequence[SendOrder]) -> list[Gate]:
        """Decide each order on its own; all that may go are committed together."""
        prepared = [self._prepare(order) for order in orders]
        # A commit whose answer was lost is recognised by this when it is repeated.
        admission = uuid.uuid4()

        async def work(connection: Connection) -> list[Gate]:
            view = await self._look(connection, prepared)
            gates = [_decide(self._database.vault, view, item, admission) for item in prepared]
            going = [
                item
                for item, gate in zip(prepared, gates, strict=True)
                if gate.outcome == "go" and item.turn_id not in view.admitted
            ]
            if going:
                await connection.execute(_SQL.commit_intent, _columns(going, admission))
                await handover.take_over(connection, _takings(going))
            return gates

        return await self._database.run(work) if orders else []

    async def settle(
        self, callback_data: str, outcome: SendOutcome, wamid: Wamid | None, detail: str
    ) -> None:
        vault = self._database.vault
        await self._settle(
            delivery.Settlement(
                callback_data,
                outcome if outcome in ("sent", "parked") else "failed",
                vault.index_optional("wamid", wamid),
                vault.seal_optional(wamid),
                vault.seal(detail) if detail else None,
            )
        )

    async def _settle_many(self, rows: Sequence[delivery.Settlement]) -> list[None]:
        await self._database.run(lambda connection: delivery.settle(connection, rows))
        return [None] * len(rows)

    def _prepare(self, order: SendOrder) -> _Prepared:
        vault = self._database.vault
        return _Prepared(
            order,
            body=vault.seal(reply_codec.dump_json(order.reply).decode()),
            record=vault.seal(record_codec.dump_json(order.record).decode()),
            wamid_keys=frozenset(
                vault.index("wamid", message.wamid) for message in order.record.turn.messages
            ),
        )

    async def _look(self, connection: Connection, prepared: Sequence[_Prepared]) -> _View:
        turns = [item.order.record.turn for item in prepared]
        parameters: dict[str, object] = {
            "contact_ids": sorted({turn.contact_id for turn in turns}),
            "conversation_ids": sorted({turn.conversation_id for turn in turns}),
            "turn_ids": [turn.turn_id for turn in turns],
            "window_s": self._window_s,
            "cap_s": self._supersede_cap_s,
        }
        # Each statement sees what was committed before it, so the locks come first.
        contacts = await fetch(connection, _SQL.lock_contacts, parameters)
        conversations = await fetch(connection, _SQL.lock_conversations, parameters)
        admitted = await fetch(connection, _SQL.already_admitted, parameters)
        overtaken = await fetch(connection, _SQL.overtaken, parameters)
        return _View(
            {str(row[0]): _Contact(*row[1:]) for row in contacts},
            {str(row[0]): _Conversation(*row[1:]) for row in conversations},
            {str(row[0]): _Admitted(*row[1:]) for row in admitted},
            frozenset(str(turn_id) for (turn_id,) in overtaken),
        )


def _decide(vault: Vault, view: _View, item: _Prepared, admission: uuid.UUID) -> Gate:
    turn = item.order.record.turn
    contact = view.contacts.get(turn.contact_id)
    if contact is None:
        return Gate("suppressed", reason="the contact is gone")
    recipient = Recipient(
        vault.unseal_optional(contact.wa_id), vault.unseal_optional(contact.bsuid)
    )
    if before := view.admitted.get(turn.turn_id):
        return _repeated(vault, before, recipient, admission)
    if refusal := _refusal(view, item, contact):
        return Gate(*refusal[:1], reason=refusal[1])
    return Gate("go", recipient, item.callback_data)


def _refusal(view: _View, item: _Prepared, contact: _Contact) -> tuple[SendOutcome, str] | None:
    """Why it must not be sent, in the order in which the reasons end the turn."""
    turn, purpose = item.order.record.turn, item.order.reply.purpose
    conversation = view.conversations.get(turn.conversation_id)
    if conversation is None or conversation.fence != turn.fence or not conversation.leased:
        return "fenced", "the lease was lost"
    # Whoever asked for a person is told once that one comes; else a person is not talked over.
    if conversation.owner != "bot" and not (
        purpose == "handoff" and conversation.asked_by in item.wamid_keys
    ):
        return "suppressed", f"owned by {conversation.owner}"
    if contact.opt_out_scope == "all" and not (
        purpose == "opt_out" and contact.opt_out_wamid_key in item.wamid_keys
    ):
        return "suppressed", "opted out"
    # A confirmation is not held up by what the customer writes next.
    if purpose == "answer" and turn.turn_id in view.overtaken:
        return "superseded", "newer messages"
    if not conversation.window_open:
        return "held", "outside the 24-hour window"
    return None


def _repeated(vault: Vault, before: _Admitted, recipient: Recipient, admission: uuid.UUID) -> Gate:
    """The turn's intent is already committed: by this very call, or by an earlier one."""
    if before.admission == admission:
        return Gate("go", recipient, before.callback_data)
    outcomes: dict[str, SendOutcome] = {"sent": "sent", "failed": "failed"}
    wamid = vault.unseal_optional(before.wamid)
    return Gate(
        outcomes.get(before.state, "parked"),
        recipient,
        before.callback_data,
        Wamid(wamid) if wamid is not None else None,
        "committed by an earlier attempt",
    )


def _takings(going: Sequence[_Prepared]) -> list[handover.Taking]:
    """With the promise of a person the conversation becomes theirs, in the same transaction."""
    return [
        handover.Taking(uuid.UUID(item.order.record.turn.conversation_id), "customer")
        for item in going
        if item.order.reply.purpose == "handoff"
    ]


def _columns(going: Sequence[_Prepared], admission: uuid.UUID) -> dict[str, Any]:
    records = [item.order.record for item in going]
    return {
        "admission": admission,
        "turn_ids": [item.turn_id for item in going],
        "conversation_ids": [record.turn.conversation_id for record in records],
        "phone_number_ids": [record.turn.phone_number_id for record in records],
        "callback_datas": [item.callback_data for item in going],
        "purposes": [item.order.reply.purpose for item in going],
        "bodies": [item.body for item in going],
        "records": [item.record for item in going],
        # A guess does not overrule what the conversation was held in.
        "languages": [None if r.parsed.unsure else r.parsed.language for r in records],
    }
