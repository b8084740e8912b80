"""What surrounds step 6, whose calls take seconds and cost money. Knows no model.

A draft is kept the moment it is paid for: whoever dies afterwards, the next turn of the same
messages goes on from it. A call whose turn was revoked is stopped.
"""

import asyncio
import contextlib

from serving.errors import Degraded, SwitchbackError
from serving.ports import DraftStore, Wakeups
from serving.step import Step
from serving.types import Documents, Draft, GenerationQuery, TurnId


class Revoked(Degraded):
    """Nobody waits for this answer any more."""


class EconomicalGeneration(Step[GenerationQuery, Draft]):
    """Step 6, without paying twice for the same words or at all for unwanted ones."""

    name = "generate_response"

    def __init__(
        self, inner: Step[GenerationQuery, Draft], drafts: DraftStore, wakeups: Wakeups
    ) -> None:
        self._inner = inner
        self._drafts = drafts
        self._wakeups = wakeups
        self._writing: dict[TurnId, asyncio.Task[Draft]] = {}
        self._listener: asyncio.Task[None] | None = None

    async def warm_up(self) -> None:
        await self._inner.warm_up()
        self._listener = asyncio.create_task(self._listen())

    async def check_health(self) -> None:
        await self._inner.check_health()

    async def one(self, item: GenerationQuery) -> Draft:
        # A first attempt has no predecessor whose work could be taken over.
        if item.turn.attempt > 1 and (kept := await self._kept(item)):
            return kept
        draft = await self._write(item)
        if draft.completion_tokens:
            # Unkept it is only as dear as it would have been.
            with contextlib.suppress(SwitchbackError):
                await self._drafts.keep(item.turn, draft)
        return draft

    async def _kept(self, item: GenerationQuery) -> Draft | None:
        with contextlib.suppress(SwitchbackError):
            draft = await self._drafts.kept(item.turn)
            if draft is not None and _still_cited(draft, item.documents):
                return draft
        return None

    async def _write(self, item: GenerationQuery) -> Draft:
        writing = asyncio.create_task(self._inner.one(item))
        self._writing[item.turn.turn_id] = writing
        try:
            return await writing
        except asyncio.CancelledError:
            if _asked_to_stop():
                raise
            raise Revoked from None
        finally:
            self._writing.pop(item.turn.turn_id, None)

    async def _listen(self) -> None:
        async for turn_id in self._wakeups.revoked():
            if writing := self._writing.get(turn_id):
                writing.cancel()


def _asked_to_stop() -> bool:
    """Whether it is the caller that was cancelled, and not the call."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _still_cited(draft: Draft, documents: Documents) -> bool:
    """Words about another epoch's documents are not what the present ones say."""
    return all(citation.epoch == documents.epoch for citation in draft.citations)
