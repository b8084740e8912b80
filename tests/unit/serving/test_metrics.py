"""What is counted, and that Prometheus can read it."""

import asyncio
from collections.abc import Iterator
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from serving import flow
from serving.errors import Rejected, SwitchbackError
from serving.metrics import BUCKETS, HELP, Counters, exposition, series
from serving.middleware import StepSpec
from serving.types import Consent
from tests.fakes.values import turn

In = TypeVar("In")
Out = TypeVar("Out")


def samples(counters: Counters) -> dict[str, list[Sample]]:
    text = exposition(counters.values)
    return {family.name: family.samples for family in text_string_to_metric_families(text)}


def value(counters: Counters, name: str, **labels: str) -> float:
    return counters.values.get(series(name, **labels), 0.0)


@given(st.lists(st.floats(0, 60), min_size=1, max_size=20))
def test_a_histogram_adds_up(seconds: list[float]) -> None:
    """Buckets grow towards +Inf, which counts every step; the sum is the time of all."""
    counters = Counters()
    for each in seconds:
        counters.step("parse_message", each, "ok")
    found = samples(counters)["switchback_step_seconds"]
    buckets = [s for s in found if s.name.endswith("_bucket")]
    bounds = [float(s.labels["le"]) for s in buckets]
    assert bounds == sorted(bounds)
    assert bounds[-1] == float("inf")
    assert [s.value for s in buckets] == [sum(x <= bound for x in seconds) for bound in bounds]
    (total,) = [s.value for s in found if s.name.endswith("_sum")]
    assert total == pytest.approx(sum(seconds))
    assert len(BUCKETS) >= len(bounds) - 1


@given(st.text(min_size=1))
def test_a_label_may_hold_anything(mark: str) -> None:
    """Quotes, backslashes and line ends do not break the format."""
    counters = Counters()
    counters.degraded(mark)
    ((sample,),) = samples(counters).values()
    assert sample.value == 1.0


def test_every_metric_has_its_help_and_type() -> None:
    """And only those that have a value are shown."""
    assert exposition({}) == "\n"
    text = exposition(dict.fromkeys(HELP, 1.0))
    assert text.count("# HELP") == text.count("# TYPE") == len(HELP)


class FailingSteps:
    """A transport whose steps all fail but the one that knows the consent."""

    def __init__(self, error: SwitchbackError) -> None:
        self._error = error

    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out:
        if spec.name == "check_unsubscribed":
            return Consent(opted_out=False)  # type: ignore[return-value]  # that step's
        raise self._error


def fallbacks() -> Iterator[str]:
    return (spec.name for spec in flow.FLOW if spec.fallback is not None)


def test_every_fallback_raises_a_metric() -> None:
    """Each step that can fall back does, and is counted under its name, once a turn."""
    counters = Counters()
    with pytest.raises(Rejected):
        asyncio.run(flow.run(turn(), FailingSteps(Rejected("gone")), counters))
    names = list(fallbacks())
    assert len(names) == 7
    for name in names:
        assert value(counters, "switchback_degraded_total", mark=f"{name}:fallback") == 1
        assert value(counters, "switchback_step_seconds_count", step=name, outcome="fallback") == 1
    failed = {"step": "send_message", "outcome": "failed"}
    assert value(counters, "switchback_step_seconds_count", **failed) == 1


def test_what_could_not_be_delivered_counts_again() -> None:
    """Taking empties; putting back adds to what was counted meanwhile."""
    counters = Counters()
    counters.turn("sent")
    taken = counters.take()
    assert counters.values == {}
    counters.turn("sent")
    counters.put_back(taken)
    assert value(counters, "switchback_turns_total", outcome="sent") == 2
