"""Steps 10 and 11: one write for a batch, and no item fails its neighbour."""

import pytest

from serving.errors import Failure
from serving.leads import score
from serving.steps.log_interaction import LogInteraction
from serving.steps.update_lead_score import UpdateLeadScore
from serving.types import Lead, Logged
from tests.fakes.stores import FakeInteractionLog, FakeLeadStore
from tests.fakes.values import context, interaction, parsed, turn

pytestmark = pytest.mark.anyio
TURNS = [
    interaction(parsed("pricing"), context(), turn(turn_id=name)) for name in ("t1", "t2", "t3")
]


async def test_a_batch_is_logged_in_one_write() -> None:
    """Each turn with the stage it led to."""
    log = FakeInteractionLog()
    assert await LogInteraction(log).many(TURNS) == [Logged("consideration")] * 3
    assert log.calls == 1
    assert [stage for _, stage in log.rows.values()] == ["consideration"] * 3


async def test_one_unwritable_turn_does_not_lose_the_others() -> None:
    """The batch is repeated one by one; the failure stays in its place."""
    log = FakeInteractionLog(refuses=frozenset({"t2"}))
    results = await LogInteraction(log).many(TURNS)
    assert [type(result) for result in results] == [Logged, Failure, Logged]
    assert set(log.rows) == {"t1", "t3"}


async def test_leads_are_saved_with_their_conversation() -> None:
    """What is stored is what is returned."""
    leads = FakeLeadStore()
    results = await UpdateLeadScore(leads).many(TURNS)
    assert results == [score(item) for item in TURNS]
    assert leads.leads["t1"] == ("c1", score(TURNS[0]))


async def test_one_unsavable_lead_does_not_lose_the_others() -> None:
    """As for the log."""
    results = await UpdateLeadScore(FakeLeadStore(refuses=frozenset({"t1"}))).many(TURNS)
    assert [type(result) for result in results] == [Failure, Lead, Lead]


async def test_one_and_many_agree() -> None:
    """A batch of one is the single form."""
    single = await UpdateLeadScore(FakeLeadStore()).one(TURNS[0])
    assert await UpdateLeadScore(FakeLeadStore()).many(TURNS[:1]) == [single]
    logged = await LogInteraction(FakeInteractionLog()).one(TURNS[0])
    assert await LogInteraction(FakeInteractionLog()).many(TURNS[:1]) == [logged]
