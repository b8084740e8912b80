"""Step 5: the score of what we lately said."""

import pytest

from serving.steps.analyze_ban_risk import AnalyzeBanRisk
from serving.types import RiskQuery

pytestmark = pytest.mark.anyio

OWN = ("switchbacktreks.example",)


async def test_own_links_are_known() -> None:
    """One link to our own site is no factor; a look-alike is."""
    step = AnalyzeBanRisk(OWN)
    await step.warm_up()
    clean = await step.one(RiskQuery("See https://switchbacktreks.example/treks"))
    bad = await step.one(RiskQuery("See https://switchback-treks.example/treks"))
    assert (clean.score, clean.level, bad.factors) == (0, "low", {"links": 18})


async def test_no_earlier_replies_are_no_risk() -> None:
    """A first conversation starts at zero."""
    assert (await AnalyzeBanRisk(OWN).one(RiskQuery(""))).score == 0
