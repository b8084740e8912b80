"""What goes wrong in practice, seeded into real outcomes: the gate stops each of it.

The outcomes are those of the word lists and rules, which need no encoder; each regression changes
them as the fault would.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest

from deployments.settings import load_settings
from evals import ban_risk
from evals.frame.gate import failures
from evals.frame.measure import Measure, Outcome, accuracy, set_f1
from evals.frame.report import Report, write
from evals.labelled import NOW, messages, requests
from evals.understanding import entity_outcomes
from serving.understanding import optout
from serving.understanding.reading import parse_text

pytestmark = pytest.mark.slow  # thousands of resampled scores for each

AT = datetime(2026, 1, 1, tzinfo=UTC)
Change = Callable[[Outcome], Outcome]


@cache
def languages() -> Measure:
    read = [(one, parse_text(one.text, NOW, {})) for one in messages("held_out")]
    outcomes = [Outcome(m.text, m.variety, m.language, p.language) for m, p in read]
    return Measure("language", accuracy, outcomes)


@cache
def asked() -> Measure:
    outcomes = [
        Outcome(one.text, one.variety, one.request, optout.detect(one.text).request, one.must)
        for one in requests("opt_out.tsv")
    ]
    # The rules alone do not know every wording; what must be right is right.
    return Measure("request", accuracy, outcomes)


@cache
def entities() -> Measure:
    return Measure("entities", set_f1, list(entity_outcomes()))


@cache
def factors() -> Measure:
    settings = load_settings({"SWITCHBACK_MODELS": "stub"})
    return next(one for one in ban_risk.run(settings) if one.name == "factors")


def wrong_language(outcome: Outcome) -> Outcome:
    """French is read as Spanish."""
    return replace(outcome, got="es") if outcome.got == "fr" else outcome


def missing_rule(outcome: Outcome) -> Outcome:
    """The word STOP is no longer known."""
    stops = optout.detect(outcome.case).rule == "word:stop"
    return replace(outcome, got="none") if stops else outcome


def weaker_threshold(outcome: Outcome) -> Outcome:
    """Any mention of a stop is taken for a request."""
    mentions = any(word in outcome.case.lower() for word in ("stop", "para", "arrêt", "बंद", "band"))
    return replace(outcome, got="stop") if mentions else outcome


def broken_unit(outcome: Outcome) -> Outcome:
    """Prices come out in paise."""
    return replace(outcome, got=[_in_paise(item) for item in outcome.got])


def disabled_check(outcome: Outcome) -> Outcome:
    """Pressure and promises are no longer looked for."""
    return replace(outcome, got=[factor for factor in outcome.got if factor != "spam"])


def _in_paise(item: str) -> str:
    return item.replace(" ", "00 ", 1) if item.startswith("price=") else item


SEEDED = [
    (languages, wrong_language),
    (asked, missing_rule),
    (asked, weaker_threshold),
    (entities, broken_unit),
    (factors, disabled_check),
]


def report(measure: Measure, outcomes: Sequence[Outcome]) -> Report:
    return write("seeded", AT, [replace(measure, outcomes=outcomes)])


@pytest.mark.parametrize(("measured", "change"), SEEDED, ids=[c.__name__ for _, c in SEEDED])
def test_the_gate_catches_it(measured: Callable[[], Measure], change: Change) -> None:
    """Compared with the run before, the regression does not pass."""
    measure = measured()
    before = report(measure, measure.outcomes)
    after = report(measure, [change(outcome) for outcome in measure.outcomes])
    assert failures(after, {measure.name: measure.score}, before)


@pytest.mark.parametrize("measured", [languages, asked, entities, factors])
def test_the_same_run_again_is_no_alarm(measured: Callable[[], Measure]) -> None:
    """Twenty repetitions of an unchanged run pass."""
    measure = measured()
    before = report(measure, measure.outcomes)
    assert not any(failures(before, {measure.name: measure.score}, before) for _ in range(20))
