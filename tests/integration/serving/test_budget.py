"""The budget of paid models under a crowd, against a real Postgres and a loopback endpoint."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench.fake_endpoint import FakeEndpoint
from models.types import ModelId
from serving.chat import ChatEndpoint, OpenAiChat, most_usd
from serving.errors import Degraded
from serving.ports import ChatMessage, ChatReply, ChatRequest
from serving.stores.budget import PostgresBudget
from serving.stores.database import Database
from tests.integration.serving.world import KEYS

pytestmark = pytest.mark.anyio
CROWD = 500
REQUEST = ChatRequest("quality", (ChatMessage("user", "Hi"),), "en", 50, deadline_s=120.0)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, KEYS)
    await database.open()
    yield database
    await database.close()


def endpoint(server: FakeEndpoint, name: str) -> ChatEndpoint:
    return ChatEndpoint(
        ModelId(name), name, server.url, "k", price_in=3.0, price_out=15.0, metered=True
    )


async def test_five_hundred_at_once_do_not_overspend(database: Database) -> None:
    """Half of them fit, through two hops each: the first one refuses, the second one answers."""
    async with FakeEndpoint({"first": "busy"}, tokens=(20, 50)).listen() as server:
        most = most_usd(endpoint(server, "second"), REQUEST)
        budget = PostgresBudget(database, most * CROWD / 10)
        chat = OpenAiChat(
            {"quality": [endpoint(server, "first"), endpoint(server, "second")]}, budget
        )
        asked = [chat.complete(REQUEST) for _ in range(CROWD)]
        replies = await asyncio.gather(*asked, return_exceptions=True)
        answered = [reply for reply in replies if isinstance(reply, ChatReply)]
        refused = [reply for reply in replies if isinstance(reply, Degraded)]
        assert len(answered) + len(refused) == CROWD
        assert answered
        assert refused
        spent = sum(reply.cost_usd for reply in answered)
        assert spent <= most * CROWD / 10 + most
        assert await budget.held_usd() == pytest.approx(spent, rel=1e-6)
        await chat.close()


async def test_a_reservation_that_is_never_settled_counts_as_spent(database: Database) -> None:
    """A killed replica cannot make money appear; settling twice gives back once."""
    budget = PostgresBudget(database, 1.0)
    lost, kept = await budget.reserve(0.4), await budget.reserve(0.4)
    assert lost
    assert kept
    assert await budget.reserve(0.4) is None
    await budget.settle(kept, 0.1)
    await budget.settle(kept, 0.1)
    assert await budget.held_usd() == pytest.approx(0.5)
    assert await budget.reserve(0.5)
    assert await budget.reserve(0.001) is None
