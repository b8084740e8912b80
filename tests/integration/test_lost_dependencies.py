"""What the runbook says of a lost dependency, done to a running house."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bench.storm import scenes
from bench.storm.checks import tally
from bench.storm.house import CALM, House, Services, house, services
from bench.storm.worker import PRICES, Options
from simulator.faults import SendFault, WebhookKnobs
from simulator.render import taps

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 7
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def started() -> Iterator[Services]:
    with services() as running:
        yield running


async def asks(it: House, count: int = 6) -> None:
    for _ in range(count):
        it.write(it.customer(), "How much is Hampta Pass in September?")


async def all_is_answered(it: House) -> None:
    assert await it.settled()
    result = await tally(it)
    assert result.clean, result
    assert result.written > 0


def test_without_redis_every_message_is_answered(started: Services) -> None:
    """Hints, revocations and the cache are gone; routers poll, and nothing is lost."""

    async def scenario() -> None:
        gone = replace(started, settings=replace(started.settings, redis_url=NOWHERE))
        async with house(gone) as it:
            await asks(it)
            await all_is_answered(it)

    asyncio.run(scenario())


def test_a_flushed_redis_loses_nothing(started: Services) -> None:
    """Between two questions everything in it vanishes, subscriptions included."""

    async def scenario() -> None:
        async with house(started) as it:
            await asks(it)
            async with Redis.from_url(started.settings.redis_url or "") as redis:
                await redis.flushall()
                await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await asks(it)
            await all_is_answered(it)

    asyncio.run(scenario())


def test_a_database_that_goes_away_is_waited_for(started: Services) -> None:
    """Longer than a lease and a commit's patience: 503, Meta comes again, turns go on after."""
    found = asyncio.run(scenes.outage(started, SEED, away_s=12.0))
    assert found.away_s > Options().lease_s
    assert found.refusals > 0
    assert found.settled
    assert found.tally.clean, found.tally


def test_without_a_model_the_documents_answer(started: Services) -> None:
    """The step's deadline passes, the fallback answers, and the turn says so."""

    async def scenario() -> None:
        async with house(started, options=Options(llm_s=0.05, model_answers=False)) as it:
            await asks(it, 3)
            await all_is_answered(it)
            assert await it.count("SELECT count(*) FROM interactions WHERE degraded <> '{}'") == 3

    asyncio.run(scenario())


def test_without_an_index_the_reply_is_safe_and_says_so(started: Services) -> None:
    """Nothing is found and no trek is known: a person is offered, and no figure is made up."""

    async def scenario() -> None:
        async with house(started, options=Options(index_answers=False)) as it:
            await asks(it, 3)
            await all_is_answered(it)
            marked = "SELECT count(*) FROM interactions WHERE degraded <> '{}'"
            assert await it.count(marked) == 3
            sent = it.messages("out")
            assert not any(price in said.text for said in sent for price in PRICES.values())
            assert [[tap["id"] for tap in taps(said)] for said in sent] == [["human"]] * 3

    asyncio.run(scenario())


def test_a_graph_that_is_down_is_waited_for(started: Services) -> None:
    """Refused for now, the replies leave when Graph takes them, each once."""

    async def scenario() -> None:
        down = SendFault(kind="http", times=3, http_status=503)
        async with house(started, faults=CALM.model_copy(update={"sends": [down]})) as it:
            await asks(it, 3)
            await all_is_answered(it)

    asyncio.run(scenario())


@pytest.mark.parametrize("age_s", [300.0, -300.0])
def test_clocks_may_differ_by_five_minutes(started: Services, age_s: float) -> None:
    """Meta's timestamps lie behind or before ours; the messages are answered all the same."""

    async def scenario() -> None:
        skewed = CALM.model_copy(update={"webhooks": WebhookKnobs(age_s=age_s)})
        async with house(started, faults=skewed) as it:
            await asks(it)
            await all_is_answered(it)

    asyncio.run(scenario())
