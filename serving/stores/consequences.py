"""What follows from a message that Graph refused, at once or in a status: the error table at work.

Runs inside the transaction that records the failure, once for each.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from serving.crypto import Vault
from serving.graph_errors import TEMPLATE_STATES, UNKNOWN, ErrorRule, rule_for
from serving.sql import queries
from serving.stores import senders
from serving.stores.alerts import Alert, raise_alerts
from serving.stores.codec import reply_codec
from serving.stores.database import Connection, fetch

_SQL = queries("consequences")

MAX_PARTS = 4  # of a message that Meta takes and then reports as failed for a passing reason
REPEAT_AFTER_S = 15.0


@dataclass(frozen=True, slots=True)
class SendFailure:
    outbox_id: int
    code: int | None
    over: bool  # not deferred: this message will not be tried again as it is
    reported: bool  # accepted first, and failed in a status


@dataclass(frozen=True, slots=True)
class _Send:
    turn_id: uuid.UUID
    part: int
    conversation_id: uuid.UUID
    phone_number_id: str
    purpose: str
    body: bytes
    contact_id: uuid.UUID


async def draw(connection: Connection, vault: Vault, failures: Sequence[SendFailure]) -> None:
    for failure in failures:
        rule = UNKNOWN if failure.code is None else rule_for(failure.code)
        key = {"outbox_id": failure.outbox_id}
        (row,) = await fetch(connection, _SQL.failed_send, key)
        send = _Send(*row)
        await _warn(connection, send, failure, rule)
        if "suppress" in rule.actions:
            await connection.execute(_SQL.suppress_marketing, {"contact_id": send.contact_id})
        if state := TEMPLATE_STATES.get(failure.code or 0):
            await _retire_template(connection, vault, send, state)
        if failure.over:
            await _follow_up(connection, send, failure, rule)


async def _warn(connection: Connection, send: _Send, failure: SendFailure, rule: ErrorRule) -> None:
    subject = "no code" if failure.code is None else str(failure.code)
    if "alert" in rule.actions:
        alert = Alert("graph", subject, rule.meaning, send.phone_number_id)
        await raise_alerts(connection, [alert])
    if "hold" in rule.actions:
        await senders.hold(connection, send.phone_number_id, f"graph {subject}")


async def _follow_up(
    connection: Connection, send: _Send, failure: SendFailure, rule: ErrorRule
) -> None:
    """What the customer gets instead, if anything: once more, a template, or a person."""
    due_in_s: float | None = None
    if rule.action == "template":
        key = {"conversation_id": send.conversation_id, "turn_id": send.turn_id}
        await connection.execute(_SQL.close_window, key)
        due_in_s = 0.0
    elif failure.reported and rule.action in {"retry", "wait", "hold"}:
        due_in_s = max(REPEAT_AFTER_S, rule.retry_after_s)
    if due_in_s is not None and send.part + 1 < MAX_PARTS:
        again = {"outbox_id": failure.outbox_id, "due_in_s": due_in_s}
        await connection.execute(_SQL.next_part, again)
    elif due_in_s is not None or "alert" in rule.actions:
        person = {"turn_id": send.turn_id, "conversation_id": send.conversation_id}
        await connection.execute(_SQL.tell_a_person, person)


async def _retire_template(connection: Connection, vault: Vault, send: _Send, state: str) -> None:
    template = reply_codec.validate_json(vault.unseal(send.body)).template
    if template is not None:
        await set_template_state(connection, template.name, template.language, state)


async def set_template_state(connection: Connection, name: str, language: str, state: str) -> None:
    parameters = {"name": name, "language": language, "state": state}
    await connection.execute(_SQL.set_template_state, parameters)
