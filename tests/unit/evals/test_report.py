"""Reports on disk and their differences."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evals.frame.measure import Measure, Outcome, accuracy
from evals.frame.report import Report, Reports, compare, write


def report(day: int, rights: str) -> Report:
    outcomes = [Outcome(str(at), "en", "1", right) for at, right in enumerate(rights)]
    measure = Measure("answer", accuracy, outcomes, floor=0.5)
    return write("demo", datetime(2026, 1, day, tzinfo=UTC), [measure])


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Scores, intervals and every case survive the disk."""
    Reports(tmp_path).save(report(1, "1101"))
    assert Reports(tmp_path).last("demo") == report(1, "1101")


def test_the_last_report_that_passed_is_the_one_to_beat(tmp_path: Path) -> None:
    """A run that failed is shown as the last one and never becomes the measure of others."""
    reports = Reports(tmp_path)
    reports.save(report(1, "1111"))
    reports.save(replace(report(2, "0000"), passed=False))
    assert reports.last("demo") == replace(report(2, "0000"), passed=False)
    assert reports.last("demo", passed=True) == report(1, "1111")
    assert reports.last("other") is None


def test_a_difference_names_the_cases() -> None:
    """What broke and what was mended is told apart, even where the score stays."""
    change = compare(report(1, "110"), report(2, "011"))["answer"]
    assert (change.broken, change.mended) == (("0",), ("2",))
    assert change.before == change.after


def test_the_interval_holds_the_score() -> None:
    """The interval lies around the score, and is wide where cases are few."""
    line = report(1, "1110").results["answer"].overall
    assert line.low <= line.value <= line.high
    assert line.high - line.low > 0.2


def test_a_case_that_stands_twice_is_refused() -> None:
    """Runs are compared by case, so a case has one outcome."""
    twice = [Outcome("a", "en", 1, 1), Outcome("a", "en", 1, 0)]
    with pytest.raises(ValueError, match="twice"):
        write("demo", datetime(2026, 1, 1, tzinfo=UTC), [Measure("x", accuracy, twice)])
