"""Step 11: how warm the lead is after this turn, and whether sales should follow up."""

from collections.abc import Sequence

from serving.errors import Failure, SwitchbackError
from serving.leads import score
from serving.ports import LeadStore
from serving.step import Step
from serving.types import ConversationId, Interaction, Lead


class UpdateLeadScore(Step[Interaction, Lead]):
    name = "update_lead_score"

    def __init__(self, leads: LeadStore) -> None:
        self._leads = leads

    async def one(self, item: Interaction) -> Lead:
        row = _row(item)
        await self._leads.save([row])
        return row[2]

    async def many(self, items: Sequence[Interaction]) -> list[Lead | Failure]:
        """One write for all; when that fails each is tried alone: none fails its neighbours."""
        rows = [_row(item) for item in items]
        try:
            await self._leads.save(rows)
        except SwitchbackError:
            return await super().many(items)
        return [lead for _, _, lead in rows]


def _row(item: Interaction) -> tuple[ConversationId, str, Lead]:
    turn = item.record.turn
    return (turn.conversation_id, turn.turn_id, score(item))
