"""Step 1: what the customer wrote, read: language, intent, sentiment, entities.

Knows the text of the turn, the trek names of the live index and the embedding of the text. The
names are refreshed between turns; while they cannot be had, the last ones (or those of the
settings) go on. Without the embedding the word lists decide alone, and the turn says so.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from serving.errors import Failure, Rejected, SwitchbackError
from serving.ports import Embedder, Knowledge
from serving.step import Step, as_outcome
from serving.types import Parsed, Script, StepName, Turn
from serving.understanding import reading
from serving.understanding.heads import Heads
from serving.understanding.reading import Trained
from serving.understanding.script import is_devanagari
from serving.understanding.treks import TrekFinder

log = logging.getLogger(__name__)

LEXICAL = "lexical_intent"  # the mark of a reading without the trained heads


class ParseMessage(Step[Turn, Parsed]):
    name: ClassVar[StepName] = "parse_message"

    def __init__(
        self,
        knowledge: Knowledge | None = None,
        treks: Mapping[str, Sequence[str]] | None = None,
        *,
        heads: Heads | None = None,
        embedder: Embedder | None = None,
        refresh_s: float = 60.0,  # a new epoch's treks are known a minute after it went live
        deadline_s: float = 5.0,
    ) -> None:
        self._knowledge = knowledge
        self._finder = TrekFinder(treks or {})
        self._has_treks = bool(treks)
        self._heads = heads
        self._embedder = embedder
        self._refresh_s = refresh_s
        self._deadline_s = deadline_s
        self._refreshed_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None

    async def warm_up(self) -> None:
        reading.warm_up()
        await self._refresh()

    async def one(self, item: Turn) -> Parsed:
        (result,) = await self.many([item])
        if isinstance(result, Failure):
            raise result.error()
        return result

    async def many(self, items: Sequence[Turn]) -> list[Parsed | Failure]:
        self._refresh_when_due()
        trained = await self._embed(items)
        return [self._read(turn, own) for turn, own in zip(items, trained, strict=True)]

    async def _embed(self, turns: Sequence[Turn]) -> list[Trained | None]:
        """The heads with each text's embedding; None where there is none that fits them."""
        without: list[Trained | None] = [None] * len(turns)
        if self._heads is None or self._embedder is None:
            return without
        try:
            found = await self._embedder.embed([turn.text for turn in turns])
        except SwitchbackError as error:
            log.warning("intents by word lists alone: %s", error)
            return without
        if found.encoder != self._heads.encoder:
            log.error("the heads were trained for another encoder than %s", found.encoder)
            return without
        return [Trained(self._heads, vector) for vector in found.vectors]

    def _read(self, turn: Turn, trained: Trained | None) -> Parsed | Failure:
        try:
            sent_at = turn.messages[-1].sent_at
            parsed = reading.parse_text(
                turn.text,
                sent_at,
                self._finder,
                language_hint=turn.language_hint,
                script_hint=_script_of(turn.recent_replies),
                trained=trained,
            )
            degraded = self._heads is not None and trained is None
            return replace(parsed, degraded=(LEXICAL,)) if degraded else parsed
        except IndexError:
            return Failure.of(Rejected("the turn holds no message"))
        except Exception as error:  # noqa: BLE001  # one unreadable turn must not fail its batch
            return as_outcome(error)

    def _refresh_when_due(self) -> None:
        # Without any names, the index was not up yet: it will be in a moment.
        wait_s = self._refresh_s if self._has_treks else min(self._refresh_s, 2.0)
        due = time.monotonic() - self._refreshed_at >= wait_s
        if due and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        self._refreshed_at = time.monotonic()
        if self._knowledge is None:
            return
        try:
            async with asyncio.timeout(self._deadline_s):
                treks = await self._knowledge.treks()
        except (SwitchbackError, TimeoutError, OSError) as error:
            log.warning("trek names stay as they are: %s", type(error).__name__)
            return
        if treks:
            self._finder = TrekFinder(treks)
            self._has_treks = True

    async def refreshed(self) -> None:
        """Wait for a refresh that is under way."""
        if self._refreshing:
            await self._refreshing

    async def close(self) -> None:
        """Stop refreshing."""
        if self._refreshing:
            self._refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._refreshing


def _script_of(replies: Sequence[str]) -> Script:
    """The script that the conversation is held in: what we answered last."""
    return "deva" if replies and is_devanagari(replies[-1]) else "latn"
