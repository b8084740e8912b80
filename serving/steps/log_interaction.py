"""Step 10: both messages of the turn, how it went, and where the conversation now stands."""

from collections.abc import Sequence

from serving.errors import Failure, SwitchbackError
from serving.ports import InteractionLog
from serving.stages import stage_after
from serving.step import Step
from serving.types import Interaction, Logged


class LogInteraction(Step[Interaction, Logged]):
    name = "log_interaction"

    def __init__(self, log: InteractionLog) -> None:
        self._log = log

    async def one(self, item: Interaction) -> Logged:
        stage = stage_after(item)
        await self._log.append([(item, stage)])
        return Logged(stage)

    async def many(self, items: Sequence[Interaction]) -> list[Logged | Failure]:
        """One write for all; when that fails each is tried alone: none fails its neighbours."""
        rows = [(item, stage_after(item)) for item in items]
        try:
            await self._log.append(rows)
        except SwitchbackError:
            return await super().many(items)
        return [Logged(stage) for _, stage in rows]
