"""Running evaluations: score, compare with the last report, ask the gate, keep the report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from deployments.settings import Settings
from evals.frame.evaluation import Evaluation, Unavailable
from evals.frame.gate import Failure, failures
from evals.frame.report import Change, Report, Reports, compare, write


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation, as it went."""

    evaluation: Evaluation
    report: Report | None = None  # None: it could not run
    changes: dict[str, Change] | None = None  # since the last report; None: there is none
    failures: Sequence[Failure] = ()
    skipped: str = ""  # why it could not run

    def as_json(self) -> dict[str, Any]:
        if self.report is None:
            return {"skipped": self.skipped}
        return {
            "at": self.report.at,
            "measures": {
                name: {
                    **_plain(result.overall),
                    "groups": {group: _plain(line) for group, line in result.groups.items()},
                    "before": self.changes[name].before
                    if self.changes and name in self.changes
                    else None,
                }
                for name, result in self.report.results.items()
            },
            "failures": [f"{failure.measure}: {failure.reason}" for failure in self.failures],
        }


def run(evaluations: Sequence[Evaluation], settings: Settings) -> Iterator[Run]:
    """Each as it ends; every report is kept, also of a run that does not pass."""
    reports = Reports(settings.data_dir)
    for evaluation in evaluations:
        try:
            measures = list(evaluation.run(settings))
        except Unavailable as error:
            yield Run(evaluation, skipped=str(error))
            continue
        report = write(evaluation.name, datetime.now(UTC), measures)
        scores = {measure.name: measure.score for measure in measures}
        last = reports.last(evaluation.name)
        why = failures(report, scores, reports.last(evaluation.name, passed=True))
        report = replace(report, passed=not why)
        reports.save(report)
        yield Run(evaluation, report, compare(last, report) if last else None, why)


def _plain(line: Any) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ("value", "low", "high", "cases", "floor")}
