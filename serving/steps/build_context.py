"""Step 3: what we know of the customer. Knows one store; sources that fail are named, not fatal."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from serving.errors import Failure
from serving.ports import ContextStore
from serving.step import Step
from serving.types import ContextQuery, CustomerContext, StepName

MAX_HISTORY = 10


class BuildContext(Step[ContextQuery, CustomerContext]):
    name: ClassVar[StepName] = "build_context"

    def __init__(self, store: ContextStore) -> None:
        self._store = store

    async def one(self, item: ContextQuery) -> CustomerContext:
        (result,) = await self.many([item])
        if isinstance(result, Failure):
            raise result.error()
        return result

    async def many(self, items: Sequence[ContextQuery]) -> list[CustomerContext | Failure]:
        try:
            loaded = await self._store.load([item.turn for item in items])
        except Exception as error:  # noqa: BLE001  # of any kind, it is every item's failure
            return [Failure.of(error)] * len(items)
        return [_trimmed(context) for context in loaded]


def _trimmed(context: CustomerContext) -> CustomerContext:
    return replace(context, history=context.history[-MAX_HISTORY:])
