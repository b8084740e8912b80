"""Step 4: the passages that an answer may use, with their sources.

Knows the knowledge port and today's date. Pages of every language are searched: most exist in
English only.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import ClassVar

from models.types import SearchFilter
from serving.errors import Failure, SwitchbackError
from serving.extract import names_topic
from serving.followups import Subject, in_context, looks_back, said_before
from serving.orders import order_in, orders
from serving.ports import Clock, ContextStore, Knowledge, SearchQuery
from serving.step import Step
from serving.trek_names import TrekNames
from serving.types import (
    Documents,
    HistoryMessage,
    Intent,
    Parsed,
    RetrievalQuery,
    StepName,
    TurnId,
)

NOT_SEARCHED: frozenset[Intent] = frozenset({"smalltalk", "human_handoff"})
MAX_QUERY_CHARS = 1_000  # the encoder reads 512 tokens; a burst's last words matter most
MAX_PASSAGES = 5


class RetrieveDocuments(Step[RetrievalQuery, Documents]):
    name: ClassVar[StepName] = "retrieve_documents"

    def __init__(
        self,
        knowledge: Knowledge,
        clock: Clock,
        contexts: ContextStore | None = None,  # what was said before; None: every turn stands alone
        k: int = MAX_PASSAGES,
        min_score: float = 0.0,  # the searcher already leaves out what does not fit
    ) -> None:
        self._knowledge = knowledge
        self._clock = clock
        self._contexts = contexts
        self._treks = TrekNames()
        self._k = min(k, MAX_PASSAGES)
        self._min_score = min_score

    async def warm_up(self) -> None:
        orders()
        await self._refresh_treks()

    async def one(self, item: RetrievalQuery) -> Documents:
        (result,) = await self.many([item])
        if isinstance(result, Failure):
            raise result.error()
        return result

    async def many(self, items: Sequence[RetrievalQuery]) -> list[Documents | Failure]:
        subjects = await self._subjects(items)
        searched = [place for place, one in enumerate(subjects) if _needs_search(one)]
        queries = [self._query(subjects[place]) for place in searched]
        answers = await self._search(queries)
        results: list[Documents | Failure] = [Documents()] * len(items)
        for place, answer in zip(searched, answers, strict=True):
            results[place] = answer if isinstance(answer, Failure) else self._fitting(answer)
        return results

    async def _search(self, queries: list[SearchQuery]) -> list[Documents | Failure]:
        if not queries:
            return []
        try:
            return await self._knowledge.search(queries)
        except Exception as error:  # noqa: BLE001  # of any kind, it is every query's failure
            return [Failure.of(error)] * len(queries)

    async def _subjects(self, items: Sequence[RetrievalQuery]) -> list[Subject]:
        """What each question is about; those that lean on earlier ones are read with them."""
        leaning = [item.turn for item in items if looks_back(item.turn.text, item.parsed)]
        histories: dict[TurnId, Sequence[HistoryMessage]] = {}
        if leaning and self._contexts is not None:
            with contextlib.suppress(SwitchbackError):  # the question alone may still find a page
                known = await self._contexts.load(leaning)
                pairs = zip(leaning, known, strict=True)
                histories = {turn.turn_id: context.history for turn, context in pairs}
        said = [said_before(one.turn, histories.get(one.turn.turn_id, ())) for one in items]
        if any(said) and not self._treks:
            await self._refresh_treks()
        return [
            in_context(item.turn.text, item.parsed, before, self._treks)
            for item, before in zip(items, said, strict=True)
        ]

    async def _refresh_treks(self) -> None:
        with contextlib.suppress(SwitchbackError):
            self._treks = TrekNames(await self._knowledge.treks())

    def _query(self, item: Subject) -> SearchQuery:
        parsed = item.parsed
        treks = tuple(dict.fromkeys(str(name) for name in parsed.values("trek")))
        today = self._clock.now().date()
        return SearchQuery(
            text=_text(item),
            filter=SearchFilter(treks=treks or None, valid_on=valid_on(parsed, today)),
            k=self._k,
        )

    def _fitting(self, found: Documents) -> Documents:
        fitting = [passage for passage in found.passages if passage.score >= self._min_score]
        clean = [passage for passage in fitting if order_in(passage) is None]
        # Whoever can write orders into one line of a passage can write false prices into another.
        marks = [f"document_order:{p.doc}" for p in fitting if p not in clean]
        degraded = tuple(dict.fromkeys([*found.degraded, *marks]))
        return replace(found, passages=tuple(clean[: self._k]), degraded=degraded)


def valid_on(parsed: Parsed, today: date) -> str:
    """The day the passages must be valid on: the first one asked about, else today."""
    return next(_future_days(parsed, today), today.isoformat())


def _future_days(parsed: Parsed, today: date) -> Iterator[str]:
    for value in map(str, parsed.values("date")):
        if len(value) == len("2026-11"):
            # Of a month its middle: seasonal prices change at the turn of one.
            yield max(f"{value}-15", today.isoformat())
        elif value >= today.isoformat():
            yield value


def _needs_search(item: Subject) -> bool:
    if item.parsed.intent in NOT_SEARCHED and not item.parsed.unsure:
        # "Thanks! And the price?" may read as chat; what names a trek or a topic deserves its page.
        named = bool(item.parsed.values("trek")) or names_topic(item.text)
        return item.parsed.intent == "smalltalk" and named
    return bool(item.text.strip())


def _text(item: Subject) -> str:
    """The customer's words, with the full name of a trek that they wrote in their own way."""
    text = item.text[-MAX_QUERY_CHARS:]
    missing = [
        name
        for name in dict.fromkeys(str(value) for value in item.parsed.values("trek"))
        if name.lower() not in text.lower()
    ]
    return "\n".join([text, *missing])
