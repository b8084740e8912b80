"""The report of one run: scores with intervals, kept as JSON and compared with the last."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evals.frame.measure import Measure, Outcome, Score
from evals.frame.statistics import interval

KEPT = 50  # reports of an evaluation; older ones are removed


@dataclass(frozen=True, slots=True)
class Line:
    """The score of one measure, over all cases or one group."""

    value: float
    low: float  # of the 95 % interval
    high: float
    cases: int
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One measure of one run."""

    overall: Line
    groups: Mapping[str, Line]
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Report:
    evaluation: str
    at: str  # ISO, UTC
    results: Mapping[str, Result]
    passed: bool = True  # what the gate said of it

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one measure since an earlier report."""

    before: float
    after: float
    broken: tuple[str, ...]  # cases that were right and are wrong
    mended: tuple[str, ...]


def write(evaluation: str, at: datetime, measures: Iterable[Measure]) -> Report:
    """Score the measures. Raises ValueError where one has no case or the same case twice."""
    return Report(evaluation, at.isoformat(), {m.name: _result(m) for m in measures})


def compare(before: Report, after: Report) -> dict[str, Change]:
    """By measure, for those that both reports hold."""
    return {
        name: _change(before.results[name], result)
        for name, result in after.results.items()
        if name in before.results
    }


def _result(measure: Measure) -> Result:
    cases = [outcome.case for outcome in measure.outcomes]
    if not cases or len(set(cases)) != len(cases):
        raise ValueError(f"measure {measure.name!r}: {len(cases)} cases, some twice or none at all")
    groups: dict[str, list[Outcome]] = {}
    for outcome in measure.outcomes:
        groups.setdefault(outcome.group, []).append(outcome)
    return Result(
        _line(measure.score, measure.outcomes, measure.floor),
        {
            name: _line(measure.score, outcomes, measure.floor_each)
            for name, outcomes in groups.items()
        },
        tuple(measure.outcomes),
    )


def _line(score: Score, outcomes: Sequence[Outcome], floor: float | None) -> Line:
    bounds = interval(score, outcomes)
    return Line(score(outcomes), bounds.low, bounds.high, len(outcomes), floor)


def _change(before: Result, after: Result) -> Change:
    was_right = {outcome.case: outcome.is_right for outcome in before.outcomes}
    known = [outcome for outcome in after.outcomes if outcome.case in was_right]
    return Change(
        before.overall.value,
        after.overall.value,
        tuple(o.case for o in known if was_right[o.case] and not o.is_right),
        tuple(o.case for o in known if o.is_right and not was_right[o.case]),
    )


# ── on disk ──────────────────────────────────────────────────────────────────────────────────


class Reports:
    """The reports of a data folder, one file each: `evals/<name>/<time>.json`."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "evals"

    def save(self, report: Report) -> Path:
        folder = self._root / report.evaluation
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{report.at.replace(':', '')}.json"
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps(report.as_json(), ensure_ascii=False, indent=1), "utf-8")
        draft.replace(path)  # a reader never sees half a report
        for old in sorted(folder.glob("*.json"))[:-KEPT]:
            old.unlink(missing_ok=True)
        return path

    def last(self, evaluation: str, *, passed: bool = False) -> Report | None:
        """The newest report, or the newest that passed the gate."""
        for path in sorted((self._root / evaluation).glob("*.json"), reverse=True):
            report = _read(path)
            if report.passed or not passed:
                return report
        return None


def _read(path: Path) -> Report:
    content = json.loads(path.read_text("utf-8"))
    results = {
        name: Result(
            Line(**result["overall"]),
            {group: Line(**line) for group, line in result["groups"].items()},
            tuple(Outcome(**outcome) for outcome in result["outcomes"]),
        )
        for name, result in content["results"].items()
    }
    return Report(content["evaluation"], content["at"], results, content["passed"])
