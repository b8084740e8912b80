"""The gate: real losses stop a run, chance does not."""

import random
from datetime import UTC, datetime

import pytest

from evals.frame.gate import failures
from evals.frame.measure import Measure, Outcome, accuracy
from evals.frame.report import Report, write

AT = datetime(2026, 1, 1, tzinfo=UTC)
SCORES = {"answer": accuracy}
CASES = 200


def report(rights: list[bool], *, floor: float | None = None, must: bool = False) -> Report:
    outcomes = [
        Outcome(str(at), "all", "yes", "yes" if right else "no", must)
        for at, right in enumerate(rights)
    ]
    return write("demo", AT, [Measure("answer", accuracy, outcomes, floor=floor)])


def sampled(seed: int, share: float) -> Report:
    """A system that answers each case rightly with that chance."""
    luck = random.Random(seed)
    return report([luck.random() < share for _ in range(CASES)])


@pytest.mark.slow
def test_twenty_runs_of_the_same_system_raise_no_alarm() -> None:
    """Neither repeating a run exactly nor a system whose answers vary by chance is a loss."""
    first = sampled(0, 0.9)
    assert not any(failures(sampled(0, 0.9), SCORES, first) for _ in range(20))
    assert not any(failures(sampled(seed, 0.9), SCORES, first) for seed in range(1, 21))


@pytest.mark.parametrize("seed", range(5))
def test_a_real_loss_is_caught(seed: int) -> None:
    """A system that became clearly worse does not pass, although its answers vary."""
    found = failures(sampled(seed + 100, 0.72), SCORES, sampled(seed, 0.92))
    assert [failure.measure for failure in found] == ["answer"]


def test_one_broken_case_that_must_be_right_is_enough() -> None:
    """Of what must be right, a single wrong case fails and is named."""
    [found] = failures(report([True] * 99 + [False], must=True), SCORES)
    assert "99 must be right" in found.reason


def test_a_score_below_its_floor_fails_without_an_earlier_report() -> None:
    """The floor is a requirement, not a comparison."""
    assert failures(report([True] * 8 + [False] * 2, floor=0.9), SCORES)
    assert not failures(report([True] * 9 + [False], floor=0.9), SCORES)


def test_new_cases_are_no_loss() -> None:
    """Harder cases that were added are not compared with a report that never held them."""
    before = report([True] * 100)
    assert not failures(report([True] * 100 + [False] * 50), SCORES, before)
