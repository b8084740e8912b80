"""The short form of `switchback bench chaos`: real processes, real kills; counts, not times."""

import asyncio
from collections.abc import Iterator

import pytest

from bench.storm import races, scenes
from bench.storm.house import Services, services

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SEED = 7


@pytest.fixture(scope="module")
def started() -> Iterator[Services]:
    with services() as running:
        yield running


def test_a_kill_at_each_point_loses_doubles_and_reorders_nothing(started: Services) -> None:
    """Twenty SIGKILLs while Meta repeats, reorders and leaves calls without an answer."""
    found = asyncio.run(scenes.kills(started, SEED, runs=1, num_customers=40))
    assert found.kills == 20
    assert found.settled
    assert found.tally.clean, found.tally


def test_shuffled_messages_are_answered_in_order(started: Services) -> None:
    """Whatever the order of arrival, nothing is answered before what could be seen before it."""
    tally = asyncio.run(scenes.shuffled(started, SEED, conversations=12, messages=8))
    assert tally.written == 96
    assert tally.clean, tally


@pytest.mark.parametrize("kind", ["stop", "take"])
def test_nothing_is_sent_after_the_commit(started: Services, kind: str) -> None:
    """Neither a STOP nor a take-over is followed by a reply, whoever is first at the lock."""
    found = asyncio.run(races.races(started, SEED, 80, kind))
    assert found.run == 80
    assert found.sent_after == 0
