"""Answers that are shared: to the very same question, and to no other."""

from dataclasses import dataclass, field, replace

import pytest

from models.types import Epoch, ModelId
from serving.answer_cache import MARK, AnswerCache
from serving.errors import Overloaded
from serving.ports import ChatMessage, ChatReply, ChatRequest
from serving.types import (
    Candidate,
    CustomerContext,
    Entity,
    GenerationQuery,
    HistoryMessage,
    Profile,
    Risk,
)
from tests.fakes.models import FakeChat
from tests.fakes.stores import NOON, FakeAnswers
from tests.fakes.values import PRICE, booking, context, documents, parsed, passage, turn
from tests.unit.serving.near_questions import TABLE, near_pairs

pytestmark = pytest.mark.anyio
QUESTION = "How much is Hampta Pass in September?"
FACTS = ("In September the Hampta Pass trek costs ₹10,500 per person.",)
SYSTEM = (ChatMessage("system", "Answer from the sources."),)
TREK = ("trek", "Hampta Pass")
SAID = (HistoryMessage("customer", "Tell me about Chadar", NOON),)


@dataclass
class Asked:
    """A cache in front of a model that says what it was asked last."""

    chat: FakeChat = field(default_factory=FakeChat)
    store: FakeAnswers = field(default_factory=FakeAnswers)
    policy: str = "1"

    async def __call__(
        self,
        item: GenerationQuery,
        request: ChatRequest | None = None,
        facts: tuple[str, ...] = FACTS,
    ) -> ChatReply:
        self.chat.text = f"Asked: {item.turn.text}"
        wanted = request or ask()
        return await AnswerCache(self.chat, self.store, self.policy).complete(item, wanted, facts)

    @property
    def calls(self) -> int:
        return len(self.chat.requests)


def ask(system: tuple[ChatMessage, ...] = SYSTEM) -> ChatRequest:
    return ChatRequest("fast", (*system, ChatMessage("user", "…")), "en", 90, 20.0)


def query(text: str = QUESTION, known: CustomerContext | None = None) -> GenerationQuery:
    read = parsed("pricing", "en", "latn", "neutral", TREK)
    found = documents(passage(PRICE))
    return GenerationQuery(turn(text), read, known or context(), found, Risk(0, "low", {}))


@pytest.mark.parametrize(
    "again",
    [
        QUESTION,
        "how much is hampta pass in september",
        "  How much  is Hampta\nPass in SEPTEMBER?? ",
        "How much is Hampta Pass in September!",
    ],
)
async def test_the_same_question_is_asked_once(again: str) -> None:
    """Case, spacing and closing punctuation do not make it another one."""
    asked = Asked()
    first = await asked(query())
    second = await asked(query(again))
    assert asked.calls == 1
    assert second.text == first.text


async def test_what_is_found_costs_nothing_and_says_so() -> None:
    """The model that wrote it is named; nothing was spent this time."""
    asked = Asked()
    first = await asked(query())
    second = await asked(query())
    assert (first.completion_tokens, first.degraded) == (20, ())
    assert (second.model, second.degraded) == (first.model, (MARK,))
    assert (second.prompt_tokens, second.completion_tokens, second.cost_usd) == (0, 0, 0.0)


@pytest.mark.parametrize("variety", TABLE)
async def test_no_other_question_gets_the_answer(variety: str) -> None:
    """Of some hundred near pairs a language, differing in a word or a digit, none is confused."""
    pairs = list(near_pairs(variety))
    assert len(pairs) >= 60
    for first, second in pairs:
        asked = Asked()
        await asked(query(first))
        reply = await asked(query(second))
        assert reply.text == f"Asked: {second}", f"{first!r} answered {second!r}"
        assert (await asked(query(first))).degraded == (MARK,), f"{first!r} is not shared at all"


@pytest.mark.parametrize(
    "other",
    [
        replace(query(), parsed=replace(query().parsed, language="fr")),
        replace(query(), parsed=replace(query().parsed, script="deva")),
        replace(query(), documents=replace(query().documents, epoch=Epoch("e-next"))),
        replace(query(), risk=Risk(40, "medium", {})),
        replace(
            query(),
            parsed=replace(
                query().parsed, entities=(Entity("date", "tomorrow", 0, 8, "2026-11-24"),)
            ),
        ),
    ],
    ids=["language", "script", "epoch", "risk", "date"],
)
async def test_what_an_answer_depends_on_is_in_its_key(other: GenerationQuery) -> None:
    """The same words in another language, epoch or risk, or about another day, are asked anew."""
    asked = Asked()
    await asked(query())
    await asked(other)
    assert asked.calls == 2


async def test_other_rules_sources_or_prompts_are_asked_anew() -> None:
    """A new policy, another page or another prompt leaves every older answer behind."""
    asked = Asked()
    await asked(query())
    await asked(query(), ask((ChatMessage("system", "Be brief."),)))
    await asked(query(), facts=("Hampta Pass takes 5 days.",))
    asked.policy = "2"
    await asked(query())
    assert asked.calls == 4


async def test_another_model_is_asked_anew() -> None:
    """What the last model wrote is not passed off as the present one's."""

    class Other(FakeChat):
        def candidates(self, request: ChatRequest) -> tuple[Candidate, ...]:
            return (Candidate(request.tier, ModelId("other"), 0.0),)

    store = FakeAnswers()
    await Asked(store=store)(query())
    other = Asked(Other(), store)
    await other(query())
    assert other.calls == 1


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("How much is my Hampta Pass booking?", None),
        ("¿Cuánto cuesta mi reserva de Hampta Pass?", None),
        ("Combien coûte ma réservation Hampta Pass ?", None),
        ("mera hampta pass kitne ka hai", None),
        ("मेरा हम्पटा पास कितने का है", None),
        ("Price of Hampta Pass to +91 98765 43210 please", None),
        ("Price of Hampta Pass to dana@example.com please", None),
        ("What does SBT-26-0544 Hampta Pass cost?", None),
        ("Dana asks: how much is Hampta Pass?", context("Dana")),
        (QUESTION, context(bookings=(booking(),))),
        (QUESTION, CustomerContext(missing=("history",))),
        (QUESTION + " why" * 60, None),
    ],
)
async def test_what_is_personal_is_never_shared(text: str, known: CustomerContext | None) -> None:
    """Whoever writes of themselves, or has a booking, is answered for themselves."""
    asked = Asked()
    await asked(query(text, known))
    await asked(query(text, known))
    assert asked.calls == 2
    assert asked.store.kept == {}


@pytest.mark.parametrize("intent", ["booking", "cancellation_refund", "support"])
async def test_only_questions_about_what_is_offered_are_shared(intent: str) -> None:
    """What is asked about a booking is the customer's own matter."""
    item = replace(query(), parsed=replace(query().parsed, intent=intent))  # type: ignore[arg-type]
    asked = Asked()
    await asked(item)
    assert asked.store.kept == {}


async def test_an_unsure_reading_is_not_shared() -> None:
    """A guess at the intent may hide a matter of the customer's own."""
    asked = Asked()
    await asked(replace(query(), parsed=replace(query().parsed, unsure=True)))
    assert asked.store.kept == {}


async def test_a_question_that_looks_back_stands_for_nobody_else() -> None:
    """After words about Chadar, "and in May?" is not answered as if it stood alone."""
    read = parsed("pricing")
    alone = replace(query("and in May?"), parsed=read)
    after = replace(alone, context=CustomerContext(Profile(), history=SAID))
    asked = Asked()
    await asked(alone)
    await asked(after)
    assert asked.calls == 2


async def test_what_was_written_beside_a_conversation_is_not_kept() -> None:
    """A complete question may be answered from here in a conversation, but none adds to it."""
    talking = query(known=CustomerContext(Profile(), history=SAID))
    asked = Asked()
    await asked(talking)
    assert asked.store.kept == {}
    await asked(query())
    assert (await asked(talking)).degraded == (MARK,)


async def test_a_stand_ins_answer_is_not_kept() -> None:
    """When the first model is back, it is asked."""

    class StandIn(FakeChat):
        async def complete(self, request: ChatRequest) -> ChatReply:
            reply = await super().complete(request)
            return replace(reply, degraded=("tier:reasoning->fast",))

    asked = Asked(StandIn())
    await asked(query())
    assert asked.store.kept == {}


async def test_a_failing_model_fails_as_without_the_cache() -> None:
    """Nothing is kept of it, and whoever asked learns of it."""
    asked = Asked(FakeChat(error=Overloaded("busy")))
    with pytest.raises(Overloaded):
        await asked(query())
    assert asked.store.kept == {}
