"""Opt-outs and re-subscriptions. Whether a message asks for one is not decided here.

A control word is recorded with its message, in one commit; other wordings when their turn has
understood them.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.crypto import Vault
from serving.sql import queries
from serving.stores.database import Connection, Database, fetch
from serving.types import Consent, ContactId, OptOutScope, Wamid
from serving.understanding.control import Control
from serving.updates import Preference

_SQL = queries("consent")

_ACTIONS = {"stop": "opt_out", "resume": "resubscribe", "signup": "resubscribe"}
_COMMANDS = {"stop": "opt_out", "start": "resubscribe"}


@dataclass(frozen=True, slots=True)
class Command:
    """A control word of a customer; those for a person say nothing on consent."""

    contact_id: uuid.UUID
    wamid_key: bytes
    control: Control
    said_at: datetime  # by Meta's clock


class PostgresConsent:
    """The `ConsentStore` of the request path."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def opted_out(self, contacts: Sequence[ContactId]) -> list[OptOutScope | None]:
        async def work(connection: Connection) -> dict[str, OptOutScope | None]:
            rows = await fetch(connection, _SQL.opted_out, {"contact_ids": list(set(contacts))})
            return {str(contact_id): scope for contact_id, scope in rows}

        scopes = await self._database.run(work, deadline_s=2.5)
        return [scopes.get(contact) for contact in contacts]

    async def record(self, contact: ContactId, consent: Consent, wamid: Wamid) -> None:
        """Idempotent per message. Waits for a gate of this contact that is being decided."""
        if consent.action == "none":
            return
        parameters = {
            "contact_id": contact,
            "wamid_key": self._database.vault.index("wamid", wamid),
            "action": consent.action,
            "scope": consent.scope,
            "rule": consent.rule,
            "said_at": None,
        }
        await self._database.query(_SQL.record, parameters, deadline_s=2.5)


async def apply_controls(connection: Connection, commands: Sequence[Command]) -> None:
    """Idempotent per message. Waits for the gates of these contacts that are being decided."""
    for command in commands:
        action = _COMMANDS.get(command.control.kind)
        if action is None:
            continue
        parameters = {
            "contact_id": command.contact_id,
            "wamid_key": command.wamid_key,
            "action": action,
            "scope": command.control.scope,
            "rule": command.control.rule,
            "said_at": command.said_at,
        }
        await connection.execute(_SQL.record, parameters)


async def apply_preference(
    connection: Connection, vault: Vault, contact_id: uuid.UUID, preference: Preference
) -> None:
    """WhatsApp's own marketing switch, once per change."""
    action = _ACTIONS.get(preference.action)
    if action is None:
        return
    mark = f"preference:{contact_id}:{preference.action}:{preference.at.isoformat()}"
    parameters = {
        "contact_id": contact_id,
        "wamid_key": vault.index("event", mark),
        "action": action,
    }
    await connection.execute(_SQL.apply_preference, parameters)
