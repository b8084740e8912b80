"""The guess of how long a turn takes errs on the long side, not far, and within bounds."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.pace import FIRST_GUESS_S, LONGEST_GUESS_S, REMEMBERED, SHARE, Pace


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
    assert seen([took_s] * 60).expected_s == took_s


def test_turns_that_vary_are_expected_to_be_long() -> None:
    """Of turns of 2 and of 6 seconds in turn, the guess is the longer ones and no more."""
    assert seen([2.0, 6.0] * 40).expected_s == 6.0


@given(st.lists(st.floats(0.0, LONGEST_GUESS_S), min_size=REMEMBERED))
def test_most_turns_take_no_longer_and_one_at_least_takes_as_long(durations: list[float]) -> None:
    """The guess is never shorter than all but a twentieth, and never longer than all."""
    expected_s = seen(durations).expected_s
    last = durations[-REMEMBERED:]
    assert sum(took_s > expected_s for took_s in last) <= (1 - SHARE) * REMEMBERED
    assert expected_s in last


def test_one_very_long_turn_spoils_no_guess() -> None:
    """The next burst is waited for as if it had not been."""
    assert seen([4.0] * 30 + [60.0] + [4.0]).expected_s == 4.0


def test_a_model_that_became_slower_is_noticed() -> None:
    """Within a handful of turns; and one that became faster, when the slow ones are forgotten."""
    assert seen([3.0] * REMEMBERED + [6.0] * 6).expected_s == 6.0
    assert seen([6.0] * REMEMBERED + [3.0] * REMEMBERED).expected_s == 3.0


@given(st.lists(st.floats(0.0, 600.0), min_size=1))
def test_the_guess_stays_within_bounds(durations: list[float]) -> None:
    """Whatever was seen, it is between the shortest turn and the longest guess."""
    expected_s = seen(durations).expected_s
    assert min(*durations, LONGEST_GUESS_S) <= expected_s <= LONGEST_GUESS_S
