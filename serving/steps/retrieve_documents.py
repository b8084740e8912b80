"""Step 4: the passages that an answer may use, with their sources.

Knows the knowledge port and today's date. The customer's language is preferred, never required:
most pages exist in English only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import ClassVar

from models.types import SearchFilter
from serving.errors import Failure
from serving.ports import Clock, Knowledge, SearchQuery
from serving.step import Step
from serving.types import Documents, Intent, Parsed, RetrievalQuery, StepName

NOT_SEARCHED: frozenset[Intent] = frozenset({"smalltalk", "human_handoff"})
MAX_QUERY_CHARS = 1_000  # the encoder reads 512 tokens; a burst's last words matter most
MAX_PASSAGES = 5


class RetrieveDocuments(Step[RetrievalQuery, Documents]):
    name: ClassVar[StepName] = "retrieve_documents"

    def __init__(
        self,
        knowledge: Knowledge,
        clock: Clock,
        k: int = MAX_PASSAGES,
        min_score: float = 0.0,  # the searcher already leaves out what does not fit
    ) -> None:
        self._knowledge = knowledge
        self._clock = clock
        self._k = min(k, MAX_PASSAGES)
        self._min_score = min_score

    async def one(self, item: RetrievalQuery) -> Documents:
        (result,) = await self.many([item])
        if isinstance(result, Failure):
            raise result.error()
        return result

    async def many(self, items: Sequence[RetrievalQuery]) -> list[Documents | Failure]:
        searched = [place for place, item in enumerate(items) if _needs_search(item)]
        queries = [self._query(items[place]) for place in searched]
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

    def _query(self, item: RetrievalQuery) -> SearchQuery:
        parsed = item.parsed
        treks = tuple(dict.fromkeys(str(name) for name in parsed.values("trek")))
        today = self._clock.now().date()
        return SearchQuery(
            text=_text(item),
            filter=SearchFilter(treks=treks or None, valid_on=valid_on(parsed, today)),
            k=self._k,
            intent=None if parsed.unsure else parsed.intent,
            language=parsed.language,
        )

    def _fitting(self, found: Documents) -> Documents:
        fitting = [passage for passage in found.passages if passage.score >= self._min_score]
        return replace(found, passages=tuple(fitting[: self._k]))


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


def _needs_search(item: RetrievalQuery) -> bool:
    if item.parsed.intent in NOT_SEARCHED and not item.parsed.unsure:
        # "Thanks! And the price?" may read as chat; a named trek still deserves its page.
        return item.parsed.intent == "smalltalk" and bool(item.parsed.values("trek"))
    return bool(item.turn.text.strip())


def _text(item: RetrievalQuery) -> str:
    """The customer's words, with the full name of a trek that they wrote in their own way."""
    text = item.turn.text[-MAX_QUERY_CHARS:]
    missing = [
        name
        for name in dict.fromkeys(str(value) for value in item.parsed.values("trek"))
        if name.lower() not in text.lower()
    ]
    return "\n".join([text, *missing])
