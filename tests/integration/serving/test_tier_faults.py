"""Broken tiers as `bench.tier_faults` breaks them, a few questions each."""

import pytest

from bench import tier_faults
from models.types import Tier

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("tier", "all_tiers", "by"),
    [("quality", False, "model-fast"), ("reasoning", True, "extractive")],
)
async def test_a_broken_tier_costs_no_answer(tier: Tier, by: str, *, all_tiers: bool) -> None:
    """The faster tier answers, and where all are broken the page itself: right, and in time."""
    found = await tier_faults.ask(tier, "cut off", all_tiers=all_tiers, count=4)
    assert (found.right, found.by) == (4, {by: 4})
