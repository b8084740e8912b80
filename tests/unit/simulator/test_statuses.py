"""The dice of statuses."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simulator.faults import StatusKnobs
from simulator.statuses import plan

ODDS = st.floats(0, 1)
KNOBS = st.builds(
    StatusKnobs,
    jitter=ODDS,
    duplicate_p=ODDS,
    out_of_order_p=ODDS,
    read_without_delivered_p=ODDS,
    never_delivered_p=ODDS,
    late_p=ODDS,
)


@given(KNOBS, st.integers(), st.booleans())
def test_plan_keeps_its_promises(knobs: StatusKnobs, seed: int, with_read: bool) -> None:  # noqa: FBT001
    """Always `sent`; no status more than twice; arrival times never go back; only known ones."""
    steps = plan(knobs, random.Random(seed), with_read=with_read)
    names = [step.status for step in steps]
    assert "sent" in names
    assert set(names) <= {"sent", "delivered", "read"}
    assert max(names.count(name) for name in names) <= 2
    assert with_read or "read" not in names
    times = [step.after_s for step in steps]
    assert times == sorted(times)
    assert times[0] >= 0


def first(**knobs: Any) -> list[str]:
    return [step.status for step in plan(StatusKnobs(**knobs), random.Random(1))]


def test_calm_plan_is_in_order() -> None:
    """Without faults: sent, delivered, read."""
    for seed in range(200):
        steps = plan(StatusKnobs(jitter=1), random.Random(seed))
        assert [step.status for step in steps] == ["sent", "delivered", "read"]


def test_each_fault_shows() -> None:
    """Each knob at one does what it says."""
    assert first(out_of_order_p=1, jitter=0) == ["read", "delivered", "sent"]
    assert first(read_without_delivered_p=1) == ["sent", "read"]
    assert first(never_delivered_p=1) == ["sent"]
    assert len(first(duplicate_p=1)) == 6
    late = plan(StatusKnobs(late_p=1, late_s=30), random.Random(1))
    assert late[-1].after_s > 15
