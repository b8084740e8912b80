"""Step 4: what is searched for, with which filters, and when nothing is."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from serving.errors import Failure, Retryable
from serving.ports import SearchQuery
from serving.steps.retrieve_documents import MAX_QUERY_CHARS, RetrieveDocuments
from serving.types import (
    ContactId,
    ConversationId,
    CustomerContext,
    Documents,
    Entity,
    EntityType,
    HistoryMessage,
    InboundMessage,
    Intent,
    JsonValue,
    Parsed,
    Passage,
    RetrievalQuery,
    Turn,
    TurnId,
    Wamid,
)
from tests.fakes.models import EPOCH, FakeKnowledge
from tests.fakes.stores import FakeClock

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def passage(n: int, score: float = 1.0) -> Passage:
    return Passage(f"c{n}", f"d{n}", "r", (0, 4), "text", "Title", "faq", "en", score)


@dataclass
class RecordingKnowledge(FakeKnowledge):
    answer: Documents = field(default_factory=Documents)
    asked: list[list[SearchQuery]] = field(default_factory=list)

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        self.asked.append(list(queries))
        if self.error:
            raise self.error
        return [self.answer] * len(queries)


def entity(kind: EntityType, value: JsonValue) -> Entity:
    return Entity(kind, "x", 0, 1, value)


def query(text: str, intent: Intent, *entities: Entity) -> RetrievalQuery:
    message = InboundMessage(1, Wamid("wamid.1"), "text", text, NOW)
    turn = Turn(TurnId("t"), ConversationId("c"), ContactId("p"), "1", 1, (message,), NOW)
    return RetrievalQuery(turn, Parsed("es", "latn", intent, {intent: 1.0}, "neutral", entities))


async def asked(item: RetrievalQuery) -> SearchQuery:
    knowledge = RecordingKnowledge()
    await RetrieveDocuments(knowledge, FakeClock()).one(item)
    ((only,),) = knowledge.asked
    return only


async def test_pages_of_every_language_are_searched() -> None:
    """Only treks and validity filter."""
    sent = await asked(query("cuánto cuesta", "pricing", entity("trek", "Triund")))
    assert sent.filter.languages is None
    assert sent.filter.treks == ("Triund",)
    assert sent.filter.doc_types is None


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (None, "2026-11-23"),
        ("2027-05-20", "2027-05-20"),
        ("2027-05", "2027-05-15"),
        ("2026-11", "2026-11-23"),
    ],
)
async def test_passages_must_be_valid_on_the_day_asked_about(value: str | None, day: str) -> None:
    """The first date named, a month by its middle, else today."""
    entities = (entity("date", value),) if value else ()
    assert (await asked(query("price?", "pricing", *entities))).filter.valid_on == day


async def test_the_full_name_of_a_trek_joins_the_query() -> None:
    """A short form is searched for together with the name that the documents use."""
    sent = await asked(query("ebc cost", "pricing", entity("trek", "Everest Base Camp")))
    assert sent.text == "ebc cost\nEverest Base Camp"


async def test_a_long_burst_is_cut_to_its_end() -> None:
    """The last words of a very long turn are searched for."""
    sent = await asked(query("a" * 5_000 + "END", "trek_info"))
    assert len(sent.text) == MAX_QUERY_CHARS
    assert sent.text.endswith("END")


@pytest.mark.parametrize("intent", ["smalltalk", "human_handoff"])
async def test_chat_is_not_searched(intent: Intent) -> None:
    """Greetings and calls for a human ask the index nothing."""
    knowledge = RecordingKnowledge(answer=Documents(EPOCH, (passage(1),)))
    assert await RetrieveDocuments(knowledge, FakeClock()).one(query("hi", intent)) == Documents()
    assert knowledge.asked == []


async def test_what_only_may_be_chat_is_searched() -> None:
    """A weak guess must not keep a question from its page."""
    item = query("hmm trek?", "smalltalk")
    sent = await asked(replace(item, parsed=replace(item.parsed, unsure=True)))
    assert sent.text == "hmm trek?"


async def test_at_most_five_passages_above_the_threshold() -> None:
    """Weak passages are left out; nothing left is an honest nothing."""
    found = Documents(EPOCH, tuple(passage(n, score=n / 10) for n in range(9, 0, -1)))
    knowledge = RecordingKnowledge(answer=found)
    strong = await RetrieveDocuments(knowledge, FakeClock(), min_score=0.75).one(
        query("price", "pricing")
    )
    assert [p.score for p in strong.passages] == [0.9, 0.8]
    everything = await RetrieveDocuments(knowledge, FakeClock()).one(query("price", "pricing"))
    assert len(everything.passages) == 5
    none = await RetrieveDocuments(knowledge, FakeClock(), min_score=2.0).one(
        query("price", "pricing")
    )
    assert none.passages == ()


async def test_a_batch_is_one_search_in_order() -> None:
    """Searched items share one call; the others come back empty in their places."""
    knowledge = RecordingKnowledge(answer=Documents(EPOCH, (passage(1),)))
    step = RetrieveDocuments(knowledge, FakeClock())
    results = await step.many(
        [query("hi", "smalltalk"), query("price", "pricing"), query("dates", "availability")]
    )
    assert [bool(r.passages) for r in results if isinstance(r, Documents)] == [False, True, True]
    assert [len(batch) for batch in knowledge.asked] == [2]


async def test_a_lost_index_fails_only_what_needed_it() -> None:
    """Chat goes on without the index; questions fail retryably."""
    step = RetrieveDocuments(RecordingKnowledge(error=Retryable("away")), FakeClock())
    chat, question = await step.many([query("hi", "smalltalk"), query("price", "pricing")])
    assert chat == Documents()
    assert isinstance(question, Failure)
    assert question.kind == "retryable"
    with pytest.raises(Retryable):
        await step.one(query("price", "pricing"))
    await step.check_health()  # restarting the step would not bring the index back


async def test_a_follow_up_is_searched_with_what_it_leaves_unsaid() -> None:
    """The trek and the question before it; the database's failure leaves the words alone."""
    said = HistoryMessage("customer", "How much is Hampta Pass in September?", NOW)
    knowledge = RecordingKnowledge(aliases={"Hampta Pass": ("Hampta",)})
    for store in (FakeContexts((said,)), FakeContexts(error=Retryable("away"))):
        step = RetrieveDocuments(knowledge, FakeClock(NOW), store)
        await step.warm_up()
        await step.one(query("and in May?", "trek_info"))
    resolved, alone = (asked[0] for asked in knowledge.asked)
    assert resolved.text.startswith("How much is Hampta Pass in ?\nand in May?")
    assert resolved.filter.treks == ("Hampta Pass",)
    assert (alone.text, alone.filter.treks) == ("and in May?", None)


async def test_an_advertisement_says_what_a_short_question_is_about() -> None:
    """Its trek, when the message names none; no history and no database are needed for it."""
    advert = "Hampta Pass Trek\nThe crossover trek, seats in September"
    knowledge = RecordingKnowledge(aliases={"Hampta Pass": ("Hampta",)})
    step = RetrieveDocuments(knowledge, FakeClock(NOW))
    for item in (
        query("Can I get more info on this?", "trek_info"),
        query("How much is Kedarkantha then?", "pricing", entity("trek", "Kedarkantha")),
    ):
        (message,) = item.turn.messages
        seen = replace(item.turn, messages=(replace(message, advert=advert),))
        await step.one(replace(item, turn=seen))
    little, enough = (asked[0] for asked in knowledge.asked)
    assert (little.filter.treks, little.text) == (
        ("Hampta Pass",),
        "Can I get more info on this?\nHampta Pass",
    )
    assert enough.filter.treks == ("Kedarkantha",)


@dataclass
class FakeContexts:
    """A `ContextStore` in which every conversation has the same history."""

    history: tuple[HistoryMessage, ...] = ()
    error: Retryable | None = None

    async def load(self, turns: Sequence[Turn]) -> list[CustomerContext]:
        if self.error:
            raise self.error
        return [CustomerContext(history=self.history) for _ in turns]
