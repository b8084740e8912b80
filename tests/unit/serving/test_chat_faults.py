"""Tiers that hang, fail, drip or break off: an answer within the deadline, and money accounted."""

import time
from dataclasses import dataclass, field

import pytest

from bench.fake_endpoint import FakeEndpoint, Manner
from models.types import ModelId, Tier
from serving.chat import ChatEndpoint, OpenAiChat, most_usd
from serving.circuit import FAILURES_TO_OPEN
from serving.errors import Degraded
from serving.ports import ChatMessage, ChatRequest, Reservation

pytestmark = pytest.mark.anyio
REQUEST = ChatRequest("quality", (ChatMessage("user", "Hi"),), "en", 50, deadline_s=4.0)
FAULTS: tuple[Manner, ...] = ("hang", "down", "busy", "drip", "cut", "mute", "garbage", "refuse")


@dataclass
class CountedBudget:
    """A budget in memory."""

    limit: float = 1.0
    held: float = 0.0
    settled: list[float] = field(default_factory=list)

    async def reserve(self, usd: float) -> Reservation | None:
        if self.held + usd > self.limit:
            return None
        self.held += usd
        return Reservation(str(self.held), usd)

    async def settle(self, reservation: Reservation, spent_usd: float) -> None:
        self.held += spent_usd - reservation.usd
        self.settled.append(spent_usd)


def at(server: FakeEndpoint, name: str, *, metered: bool = False) -> ChatEndpoint:
    price = 3.0 if metered else 0.0
    return ChatEndpoint(
        ModelId(name), name, server.url, "key", price_in=price, price_out=price, metered=metered
    )


def chain(server: FakeEndpoint, budget: CountedBudget | None = None) -> OpenAiChat:
    tiers: dict[Tier, list[ChatEndpoint]] = {
        "quality": [at(server, "best", metered=budget is not None)],
        "fast": [at(server, "small")],
    }
    return OpenAiChat(tiers, budget)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_broken_tier_gives_way_to_the_faster_one_within_the_deadline(fault: Manner) -> None:
    """Whatever is wrong with it; the reply says who answered."""
    async with FakeEndpoint({"best": fault}).listen() as server:
        chat = chain(server)
        started = time.monotonic()
        reply = await chat.complete(REQUEST)
        assert time.monotonic() - started < REQUEST.deadline_s
        assert (reply.model, reply.degraded) == ("small", ("tier:quality->small",))
        assert server.asked == ["best", "small"]
        await chat.close()


async def test_when_every_tier_hangs_the_caller_is_told_within_the_deadline() -> None:
    """There is time left to quote a page."""
    async with FakeEndpoint({"best": "hang", "small": "drip"}).listen() as server:
        chat = chain(server)
        started = time.monotonic()
        with pytest.raises(Degraded, match="best: no answer in"):
            await chat.complete(REQUEST)
        assert time.monotonic() - started < REQUEST.deadline_s + 1
        await chat.close()


async def test_a_tier_that_keeps_failing_is_passed_over_and_the_record_says_so() -> None:
    """The fourth customer does not wait for it any more."""
    async with FakeEndpoint({"best": "down"}).listen() as server:
        chat = chain(server)
        for _ in range(FAILURES_TO_OPEN + 1):
            await chat.complete(REQUEST)
        assert server.asked.count("best") == FAILURES_TO_OPEN
        best, small = chat.candidates(REQUEST)
        assert (best.model, best.passed_over) == ("best", "failing")
        assert (small.tier, small.model, small.passed_over) == ("fast", "small", "")
        await chat.close()


async def test_candidates_are_priced_from_above() -> None:
    """The most that a call can cost is known before it is made; it never costs more."""
    async with FakeEndpoint(tokens=(10, 50)).listen() as server:
        budget = CountedBudget()
        chat = chain(server, budget)
        best, _ = chat.candidates(REQUEST)
        reply = await chat.complete(REQUEST)
        assert (
            0 < reply.cost_usd < best.price_usd == most_usd(at(server, "b", metered=True), REQUEST)
        )
        assert budget.held == pytest.approx(reply.cost_usd)
        await chat.close()


async def test_without_money_the_faster_tier_answers_and_nothing_is_asked_of_the_dear_one() -> None:
    """The budget is no fault of the endpoint: it is not counted as failing."""
    async with FakeEndpoint().listen() as server:
        chat = chain(server, CountedBudget(limit=0.0))
        for _ in range(FAILURES_TO_OPEN + 1):
            assert (await chat.complete(REQUEST)).model == "small"
        assert "best" not in server.asked
        assert chat.candidates(REQUEST)[0].passed_over == ""
        await chat.close()


@pytest.mark.parametrize(("fault", "settled"), [("busy", [0.0]), ("refuse", [0.0]), ("cut", [])])
async def test_a_refused_call_is_free_and_one_cut_off_stays_paid(
    fault: Manner, settled: list[float]
) -> None:
    """What may have been billed counts as spent."""
    async with FakeEndpoint({"best": fault}).listen() as server:
        budget = CountedBudget()
        chat = chain(server, budget)
        await chat.complete(REQUEST)
        assert budget.settled == settled
        assert (budget.held > 0) == (not settled)
        await chat.close()
