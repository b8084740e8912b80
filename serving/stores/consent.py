"""Opt-outs and re-subscriptions. Whether a message asks for one is not decided here."""

import uuid
from collections.abc import Sequence

from serving.crypto import Vault
from serving.sql import queries
from serving.stores.database import Connection, Database, fetch
from serving.types import Consent, ContactId, OptOutScope, Wamid
from serving.updates import Preference

_SQL = queries("consent")

_ACTIONS = {"stop": "opt_out", "resume": "resubscribe", "signup": "resubscribe"}


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
        }
        await self._database.run(
            lambda connection: connection.execute(_SQL.record, parameters), deadline_s=2.5
        )


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
