"""Our count of Meta's pair limit against the simulator's strict one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.limits import PairLimiter


def ours_allows(started: float | None, count: int, now: float) -> bool:
    """`free_at` of serving/sql/outbox.sql, in words of this test."""
    if started is None or count <= 1:
        return True
    return now >= started + 7 * count or (now < started + 5 and count < 45)


@given(st.lists(st.floats(min_value=0.0, max_value=30.0), max_size=120), st.data())
def test_what_we_let_through_meta_lets_through(gaps: list[float], data: st.DataObject) -> None:
    """Whatever the rhythm, and with up to a second between leaving and arriving."""
    meta, now = PairLimiter(), 0.0
    started: float | None = None
    count, arrived = 0, 0.0
    for gap in gaps:
        now += gap
        if not ours_allows(started, count, now):
            continue
        delay_s = data.draw(st.floats(min_value=0.0, max_value=0.99))
        arrived = max(arrived, now + delay_s)  # one turn at a time: they do not overtake
        assert meta.admit("pair", arrived, "strict")
        if started is not None and now < started + 7 * count:
            count += 1
        else:
            started, count = now, 1


@pytest.mark.parametrize(("sent", "after_s"), [(45, 270.0), (2, 12.0)])
def test_the_simulator_is_strict(sent: int, after_s: float) -> None:
    """What the law above is held against does refuse."""
    meta = PairLimiter()
    assert all(meta.admit("pair", 0.0, "strict") for _ in range(sent))
    assert not meta.admit("pair", after_s - 0.1, "strict")
    assert meta.admit("pair", after_s, "strict")
