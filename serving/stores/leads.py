"""Lead scores with the evidence that moved them: the `LeadStore` of the request path."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from serving.sql import queries
from serving.stores.database import Connection, Database
from serving.types import ConversationId, Lead

_SQL = queries("leads")


class PostgresLeads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, rows: Sequence[tuple[ConversationId, str, Lead]]) -> None:
        if not rows:
            return
        columns: dict[str, object] = {
            "conversation_ids": [conversation_id for conversation_id, _, _ in rows],
            "turn_ids": [turn_id for _, turn_id, _ in rows],
            "scores": [lead.score for _, _, lead in rows],
            "bands": [lead.band for _, _, lead in rows],
            "evidence": [
                Jsonb({"points": lead.evidence, "messages": lead.messages}) for _, _, lead in rows
            ],
            "follow_ups": [lead.follow_up for _, _, lead in rows],
        }

        async def work(connection: Connection) -> None:
            await connection.execute(_SQL.lock_conversations, columns)
            await connection.execute(_SQL.save, columns)

        await self._database.run(work)
