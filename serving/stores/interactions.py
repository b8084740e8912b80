"""The log of what was said and how it was made: the `InteractionLog` of the request path."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from serving.crypto import Vault
from serving.sql import queries
from serving.stores.codec import timings_codec
from serving.stores.database import Connection, Database
from serving.types import Draft, Interaction, Stage

_SQL = queries("interactions")

_UNWRITTEN = Draft(text="", tier="fast", model="")  # type: ignore[arg-type]  # never stored


class PostgresInteractions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, rows: Sequence[tuple[Interaction, Stage]]) -> None:
        if not rows:
            return
        columns = _columns(self._database.vault, rows)
        reviews = _reviews([interaction for interaction, _ in rows])

        async def work(connection: Connection) -> None:
            await connection.execute(_SQL.lock_conversations, columns)
            await connection.execute(_SQL.append, columns)
            if reviews["turn_ids"]:
                await connection.execute(_SQL.queue_reviews, reviews)

        await self._database.run(work)


def _columns(vault: Vault, rows: Sequence[tuple[Interaction, Stage]]) -> dict[str, list[object]]:
    records = [interaction.record for interaction, _ in rows]
    drafts = [record.draft or _UNWRITTEN for record in records]
    return {
        "turn_ids": [record.turn.turn_id for record in records],
        "conversation_ids": [record.turn.conversation_id for record in records],
        "inbounds": [vault.seal(record.turn.text) for record in records],
        "outbounds": [vault.seal(interaction.reply.text) for interaction, _ in rows],
        "outcomes": [interaction.sent.outcome for interaction, _ in rows],
        "stages": [stage for _, stage in rows],
        "intents": [record.parsed.intent for record in records],
        "sentiments": [record.parsed.sentiment for record in records],
        "languages": [record.parsed.language for record in records],
        "tiers": [record.draft.tier if record.draft else None for record in records],
        "models": [record.draft.model if record.draft else None for record in records],
        "confidences": [
            record.validated.confidence if record.validated else None for record in records
        ],
        "prompt_tokens": [draft.prompt_tokens for draft in drafts],
        "completion_tokens": [draft.completion_tokens for draft in drafts],
        "costs_usd": [draft.cost_usd for draft in drafts],
        "timings": [
            Jsonb(timings_codec.dump_python(record.timings, mode="json")) for record in records
        ],
        "degraded": [Jsonb(record.degraded) for record in records],
    }


def _reviews(interactions: Sequence[Interaction]) -> dict[str, list[object]]:
    flagged = [
        (interaction.record.turn, interaction.record.compliance)
        for interaction in interactions
        if interaction.record.compliance is not None and interaction.record.compliance.review
    ]
    return {
        "turn_ids": [turn.turn_id for turn, _ in flagged],
        "conversation_ids": [turn.conversation_id for turn, _ in flagged],
        "rules": [Jsonb(compliance.rules) for _, compliance in flagged],
    }
