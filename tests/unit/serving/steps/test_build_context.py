"""Step 3: one load for the batch, a bounded history, failures for all."""

from datetime import UTC, datetime, timedelta

import pytest

from serving.errors import Failure, Retryable
from serving.steps.build_context import MAX_HISTORY, BuildContext
from serving.types import (
    ContactId,
    ContextQuery,
    ConversationId,
    CustomerContext,
    HistoryMessage,
    InboundMessage,
    Profile,
    Turn,
    TurnId,
    Wamid,
)
from tests.fakes.stores import FakeContextStore

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def query(contact: str) -> ContextQuery:
    message = InboundMessage(1, Wamid("wamid.1"), "text", "hi", NOW)
    return ContextQuery(
        Turn(TurnId("t"), ConversationId("c"), ContactId(contact), "1", 1, (message,), NOW)
    )


async def test_each_turn_gets_its_own_context() -> None:
    """Contexts come back in the order of the turns."""
    named = {ContactId(n): CustomerContext(profile=Profile(name=n)) for n in ("a", "b")}
    results = await BuildContext(FakeContextStore(named)).many([query("b"), query("a")])
    assert results == [named[ContactId("b")], named[ContactId("a")]]


async def test_history_keeps_the_last_messages() -> None:
    """At most ten messages, the newest ones."""
    history = tuple(
        HistoryMessage("customer", str(n), NOW + timedelta(minutes=n)) for n in range(25)
    )
    store = FakeContextStore({ContactId("a"): CustomerContext(history=history)})
    context = await BuildContext(store).one(query("a"))
    assert context.history == history[-MAX_HISTORY:]


async def test_a_lost_store_is_retryable() -> None:
    """Every item fails with the store's error, and `one` raises it."""
    step = BuildContext(FakeContextStore(error=Retryable("away")))
    assert all(isinstance(result, Failure) for result in await step.many([query("a"), query("b")]))
    with pytest.raises(Retryable):
        await step.one(query("a"))
