"""Drafts that were paid for and not yet sent: the `DraftStore` of step 6."""

from collections.abc import Sequence

from serving.sql import queries
from serving.stores.batching import Batcher
from serving.stores.codec import draft_codec
from serving.stores.database import Database
from serving.types import Draft, Turn

_SQL = queries("drafts")

DEADLINE_S = 2.0  # keeping one must not cost the answer its own deadline


class PostgresDrafts:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._keep = Batcher(self._keep_many)

    async def keep(self, turn: Turn, draft: Draft) -> None:
        await self._keep((turn, draft))

    async def _keep_many(self, items: Sequence[tuple[Turn, Draft]]) -> list[None]:
        vault = self._database.vault
        parameters = {
            "turn_ids": [turn.turn_id for turn, _ in items],
            "drafts": [vault.seal(draft_codec.dump_json(draft).decode()) for _, draft in items],
        }
        await self._database.query(_SQL.keep, parameters, deadline_s=DEADLINE_S)
        return [None] * len(items)

    async def kept(self, turn: Turn) -> Draft | None:
        parameters = {"turn_id": turn.turn_id}
        rows = await self._database.query(_SQL.kept, parameters, deadline_s=DEADLINE_S)
        return draft_codec.validate_json(self._database.vault.unseal(rows[0][0])) if rows else None
