"""The guess of how long a turn takes errs on the long side, and within bounds."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.pace import FIRST_GUESS_S, LONGEST_GUESS_S, Pace


def seen(durations: Sequence[float]) -> Pace:
    pace = Pace()
    for took_s in durations:
        pace.saw(took_s)
    return pace


def test_before_any_turn_was_seen_there_is_a_guess() -> None:
    """It leaves time to begin anew once, and not more."""
    assert Pace().expected_s == FIRST_GUESS_S


@pytest.mark.parametrize("took_s", [0.1, 4.0, 8.0])
def test_turns_of_one_length_are_expected_at_that_length(took_s: float) -> None:
    """What never varies needs no margin."""
    assert seen([took_s] * 60).expected_s == pytest.approx(took_s, rel=0.01)


def test_turns_that_vary_are_expected_to_be_long() -> None:
    """Of turns of 2 and of 6 seconds in turn, the guess covers the longer ones."""
    assert 6.0 <= seen([2.0, 6.0] * 40).expected_s <= LONGEST_GUESS_S


@given(st.lists(st.floats(0.0, 600.0), min_size=1))
def test_the_guess_stays_within_bounds(durations: list[float]) -> None:
    """Whatever was seen, it is between the shortest turn and the longest guess."""
    expected_s = seen(durations).expected_s
    assert min(*durations, LONGEST_GUESS_S) - 1e-9 <= expected_s <= LONGEST_GUESS_S
