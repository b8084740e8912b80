"""Step 1 on turns: hints, the gazetteer's life and the batch form."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from serving.errors import Failure, Rejected, Retryable
from serving.steps.parse_message import ParseMessage
from serving.types import (
    ContactId,
    ConversationId,
    InboundMessage,
    Parsed,
    Turn,
    TurnId,
    Wamid,
)
from tests.fakes.heads import constant_heads
from tests.fakes.models import FakeEmbedder, FakeKnowledge

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def turn(*texts: str) -> Turn:
    messages = tuple(
        InboundMessage(place, Wamid(f"wamid.{place}"), "text", text, NOW)
        for place, text in enumerate(texts)
    )
    return Turn(TurnId("t"), ConversationId("c"), ContactId("p"), "1", 1, messages, NOW)


async def test_all_messages_of_a_turn_are_read_together() -> None:
    """A burst is one text: the trek of its first message and the question of its second."""
    step = ParseMessage(treks={"Hampta Pass": ()})
    parsed = await step.one(turn("hampta pass", "how much for 2 people?"))
    assert parsed.intent == "pricing"
    assert parsed.values("trek") == ("Hampta Pass",)
    assert parsed.values("group_size") == (2,)


async def test_wordless_turn_keeps_the_conversations_language_and_script() -> None:
    """A thumb up after a Devanagari reply is answered in Devanagari."""
    thumb = replace(turn("👍"), language_hint="hi", recent_replies=("ok", "धन्यवाद"))
    parsed = await ParseMessage().one(thumb)
    assert (parsed.language, parsed.script) == ("hi", "deva")


async def test_trek_names_come_from_the_live_index() -> None:
    """Warm-up loads names and aliases from the knowledge base."""
    step = ParseMessage(FakeKnowledge(aliases={"Chadar Trek": ("Frozen Walk",)}))
    await step.warm_up()
    assert (await step.one(turn("is frozen walk hard?"))).values("trek") == ("Chadar Trek",)
    await step.close()


async def test_an_unreachable_index_leaves_the_last_names() -> None:
    """A failed refresh is tolerated: known names are still recognised."""
    knowledge = FakeKnowledge(error=Retryable("index away"))
    step = ParseMessage(knowledge, treks={"Triund": ()}, refresh_s=0.0)
    await step.warm_up()
    assert (await step.one(turn("triund weather"))).values("trek") == ("Triund",)
    await step.close()


async def test_names_are_refreshed_in_the_background() -> None:
    """Once the interval has passed, a later turn sees the names of a new epoch."""
    knowledge = FakeKnowledge(aliases={"Triund": ()})
    step = ParseMessage(knowledge, refresh_s=0.0)
    await step.warm_up()
    knowledge.aliases = {"Roopkund": ()}
    await step.one(turn("hi"))
    await step.refreshed()
    assert (await step.one(turn("roopkund weather"))).values("trek") == ("Roopkund",)
    await step.close()


async def test_many_equals_one_and_keeps_its_order() -> None:
    """The batch form gives the same readings, in order."""
    step = ParseMessage(treks={"Triund": ()})
    turns = [turn("hola"), turn("triund price"), turn("मौसम कैसा है")]
    assert await step.many(turns) == [await step.one(item) for item in turns]


async def test_a_turn_without_messages_fails_alone() -> None:
    """It is a rejected item; its neighbours are read."""
    good, bad = turn("hello"), turn()
    results = await ParseMessage().many([good, bad])
    assert isinstance(results[0], Parsed)
    assert isinstance(results[1], Failure)
    assert results[1].kind == "rejected"
    with pytest.raises(Rejected):
        await ParseMessage().one(bad)


@pytest.mark.parametrize(
    "embedder", [FakeEmbedder(error=Retryable("encoder away")), FakeEmbedder("another")]
)
async def test_without_fitting_vectors_word_lists_read_and_the_turn_says_so(
    embedder: FakeEmbedder,
) -> None:
    """An encoder that is away, or another than the heads', degrades the reading and no more."""
    step = ParseMessage(heads=constant_heads("support"), embedder=embedder)
    parsed = await step.one(turn("how much is it?"))
    assert (parsed.intent, parsed.degraded) == ("pricing", ("lexical_intent",))


async def test_trained_heads_decide_where_their_encoder_answers() -> None:
    """With a fitting vector the heads' word counts, and nothing is degraded."""
    step = ParseMessage(heads=constant_heads("support"), embedder=FakeEmbedder())
    parsed = await step.one(turn("how much is it?"))
    assert (parsed.intent, parsed.degraded) == ("support", ())
