"""The gate on the small house: the short form of `switchback eval regressions`."""

import asyncio
from pathlib import Path

import pytest

from evals.frame.gate import failures
from evals.frame.report import Report
from evals.regressions import REGRESSIONS, _report, measures
from serving.business import Business, load_business


@pytest.fixture(scope="module")
def business() -> Business:
    return load_business(Path(__file__).parents[3] / "corpus" / "business.yaml")


@pytest.fixture(scope="module")
def before(business: Business) -> Report:
    return _report(asyncio.run(measures(business)))


@pytest.mark.parametrize("name", ["weaker_threshold", "lost_filter", "truncated_history"])
def test_a_seeded_regression_is_stopped(name: str, business: Business, before: Report) -> None:
    """A draft that should have been refused, a page of last year, a forgotten question."""
    found = asyncio.run(measures(business, *REGRESSIONS[name]))
    assert failures(_report(found), {one.name: one.score for one in found}, before)


def test_an_equal_run_passes(business: Business, before: Report) -> None:
    """Although other calls of the model fail this time."""
    found = asyncio.run(measures(business, seed=1))
    assert not failures(_report(found), {one.name: one.score for one in found}, before)


def test_there_are_twelve() -> None:
    """One for each way in which a change has been seen to spoil answers."""
    assert len(REGRESSIONS) == 12
