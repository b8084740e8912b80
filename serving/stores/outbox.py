"""The gate right before a send, and what became of the send. Knows no Graph.

One transaction decides and commits the intent; only after it may Graph be called. A part of a turn
has one outbox row for ever, so that whatever happens it is never sent a second time unknowingly.
A deferred row passes the gate again when it is due.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from serving.billing import BudgetState, state_of
from serving.business import RateCard
from serving.crypto import Vault
from serving.ports import Gate, Settlement
from serving.sql import queries
from serving.stores import billing, delivery, handover, senders, unheard
from serving.stores.batching import Batcher
from serving.stores.codec import record_codec, reply_codec
from serving.stores.database import Connection, Database, fetch_each
from serving.stores.gate import (
    Admitted,
    Contact,
    Conversation,
    Judge,
    Prepared,
    Verdict,
    View,
    callback_data_of,
)
from serving.stores.turns import SUPERSEDE_CAP_S
from serving.templates import TemplateBook
from serving.types import SendOrder, TemplateRef

_SQL = queries("outbox")

# Meta's 24 hours, less what a call and a skewed clock may take.
WINDOW_S = 24 * 3600 - 60.0
_NO_TEMPLATES = TemplateBook({}, "en")


class PostgresOutbox:
    def __init__(
        self,
        database: Database,
        templates: TemplateBook = _NO_TEMPLATES,
        rate_card: RateCard | None = None,
        *,
        window_s: float = WINDOW_S,
        supersede_cap_s: float = SUPERSEDE_CAP_S,
    ) -> None:
        self._database = database
        self._templates = templates
        self._rate_card = rate_card  # None: there is no budget
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
            judge = Judge(self._database.vault, self._templates, view, admission)
            verdicts = [judge.decide(item) for item in prepared]
            going = await _write(connection, self._database.vault, view, verdicts, admission)
            numbers = [verdict.item.order.record.turn.phone_number_id for verdict in going]
            waits_s = await senders.reserve(connection, numbers)
            wait_of = {one.item.key: wait for one, wait in zip(going, waits_s, strict=True)}
            return [replace(one.gate, wait_s=wait_of.get(one.item.key, 0.0)) for one in verdicts]

        return await self._database.run(work) if orders else []

    async def due(self, limit: int) -> list[SendOrder]:
        vault = self._database.vault
        rows = await self._database.query(_SQL.lease_due, {"limit": limit})
        return [
            SendOrder(
                record_codec.validate_json(vault.unseal(record)),
                reply_codec.validate_json(vault.unseal(body)),
                part,
                resumed=True,
            )
            for part, body, record in rows
        ]

    async def close_unheard(self, after_s: float, limit: int) -> int:
        vault = self._database.vault
        return await self._database.run(lambda c: unheard.close_unheard(c, vault, after_s, limit))

    async def settle(self, callback_data: str, settlement: Settlement) -> None:
        vault = self._database.vault
        await self._settle(
            delivery.SettlementRow(
                callback_data,
                settlement.outcome,
                vault.index_optional("wamid", settlement.wamid),
                vault.seal_optional(settlement.wamid),
                vault.seal(settlement.detail) if settlement.detail else None,
                settlement.code,
                settlement.due_in_s,
            )
        )

    async def _settle_many(self, rows: Sequence[delivery.SettlementRow]) -> list[None]:
        vault = self._database.vault
        await self._database.run(lambda connection: delivery.settle(connection, vault, rows))
        return [None] * len(rows)

    def _prepare(self, order: SendOrder) -> Prepared:
        vault = self._database.vault
        return Prepared(
            order,
            body=vault.seal(reply_codec.dump_json(order.reply).decode()),
            record=vault.seal(record_codec.dump_json(order.record).decode()),
            wamid_keys=frozenset(
                vault.index("wamid", message.wamid) for message in order.record.turn.messages
            ),
        )

    async def _look(self, connection: Connection, prepared: Sequence[Prepared]) -> View:
        turns = [item.order.record.turn for item in prepared]
        parameters: dict[str, object] = {
            "contact_ids": sorted({turn.contact_id for turn in turns}),
            "conversation_ids": sorted({turn.conversation_id for turn in turns}),
            "turn_ids": [turn.turn_id for turn in turns],
            "window_s": self._window_s,
            "cap_s": self._supersede_cap_s,
        }
        # Each statement sees what was committed before it, so the locks come first.
        contacts, conversations, admitted, overtaken, stopped, spent = await fetch_each(
            connection,
            parameters,
            _SQL.lock_contacts,
            _SQL.lock_conversations,
            _SQL.already_admitted,
            _SQL.overtaken,
            _SQL.template_states,
            billing.SPENT,
        )
        return View(
            {str(row[0]): Contact(*row[1:]) for row in contacts},
            {str(row[0]): Conversation(*row[1:]) for row in conversations},
            {(str(row[0]), row[1]): Admitted(*row[2:]) for row in admitted},
            frozenset(str(turn_id) for (turn_id,) in overtaken),
            frozenset(TemplateRef(*row) for row in stopped),
            self._budget(billing.spent_of(spent)),
        )

    def _budget(self, spent_nano_usd: int) -> BudgetState:
        return state_of(self._rate_card, spent_nano_usd) if self._rate_card else "normal"


async def _write(
    connection: Connection,
    vault: Vault,
    view: View,
    verdicts: Sequence[Verdict],
    admission: uuid.UUID,
) -> list[Verdict]:
    """Commit the intents, those that go now and those that wait; the former are returned."""
    fresh = [
        verdict
        for verdict in verdicts
        if verdict.item.key not in view.admitted and verdict.gate.outcome in {"go", "deferred"}
    ]
    resumed = [
        verdict
        for verdict in verdicts
        if verdict.item.order.resumed
        and verdict.item.key in view.admitted
        and view.admitted[verdict.item.key].state == "deferred"
    ]
    if fresh:
        await connection.execute(_SQL.commit_intent, _columns(vault, fresh, admission))
        await handover.take_over(connection, _takings(fresh))
    if resumed:
        await _resume(connection, vault, resumed, admission)
    going = [verdict for verdict in (*fresh, *resumed) if verdict.gate.outcome == "go"]
    if going:
        ids = sorted({verdict.item.order.record.turn.conversation_id for verdict in going})
        await connection.execute(_SQL.count_sends, {"conversation_ids": ids})
    return going


async def _resume(
    connection: Connection, vault: Vault, verdicts: Sequence[Verdict], admission: uuid.UUID
) -> None:
    going = [verdict for verdict in verdicts if verdict.gate.outcome == "go"]
    waiting = [verdict for verdict in verdicts if verdict.gate.outcome == "deferred"]
    over = [verdict for verdict in verdicts if verdict.gate.outcome not in {"go", "deferred"}]
    if going:
        parameters = {
            **_keys(going),
            "admission": admission,
            "callback_datas": [verdict.gate.callback_data for verdict in going],
            "bodies": [_body(vault, verdict) for verdict in going],
        }
        await connection.execute(_SQL.resume, parameters)
    if waiting:
        due_ats = [verdict.due_at for verdict in waiting]
        await connection.execute(_SQL.defer_again, {**_keys(waiting), "due_ats": due_ats})
    if over:
        held = [verdict.gate.outcome == "held" for verdict in over]
        await connection.execute(_SQL.cancel_deferred, {**_keys(over), "held": held})
        await handover.take_over(connection, _holdings(over))


def _keys(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "turn_ids": [verdict.item.turn_id for verdict in verdicts],
        "parts": [verdict.item.order.part for verdict in verdicts],
    }


def _holdings(over: Sequence[Verdict]) -> list[handover.Taking]:
    """An answer that may not be given any more is a person's to give."""
    return [
        handover.Taking(uuid.UUID(verdict.item.order.record.turn.conversation_id), "held")
        for verdict in over
        if verdict.gate.outcome == "held"
    ]


def _body(vault: Vault, verdict: Verdict) -> bytes:
    """What goes over the wire is what is remembered."""
    if verdict.gate.reply is None:
        return verdict.item.body
    return vault.seal(reply_codec.dump_json(verdict.gate.reply).decode())


def _takings(fresh: Sequence[Verdict]) -> list[handover.Taking]:
    """With the promise of a person the conversation becomes theirs, in the same transaction."""
    return [
        handover.Taking(uuid.UUID(verdict.item.order.record.turn.conversation_id), "customer")
        for verdict in fresh
        if verdict.item.order.reply.purpose == "handoff"
    ]


def _columns(vault: Vault, verdicts: Sequence[Verdict], admission: uuid.UUID) -> dict[str, Any]:
    records = [verdict.item.order.record for verdict in verdicts]
    return {
        "admission": admission,
        "turn_ids": [verdict.item.turn_id for verdict in verdicts],
        "conversation_ids": [record.turn.conversation_id for record in records],
        "phone_number_ids": [record.turn.phone_number_id for record in records],
        "callback_datas": [callback_data_of(verdict.item, 1) for verdict in verdicts],
        "purposes": [verdict.item.order.reply.purpose for verdict in verdicts],
        "bodies": [_body(vault, verdict) for verdict in verdicts],
        "records": [verdict.item.record for verdict in verdicts],
        # A guess does not overrule what the conversation was held in.
        "languages": [None if r.parsed.unsure else r.parsed.language for r in records],
        "due_ats": [verdict.due_at for verdict in verdicts],
    }
