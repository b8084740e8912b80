"""Whether a run may pass: floors, cases that must be right, and no real loss.

A loss is real when luck with the cases does not explain it. One run in a thousand may be told so
by chance; over twenty runs of a dozen measures that is one alarm in four, and the smallest loss
that counts makes it rarer still.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evals.frame.measure import Score
from evals.frame.report import Report, Result
from evals.frame.statistics import largest_drop_excluded

CHANCE = 0.001
SMALLEST_LOSS = 0.01  # of the score; less is no reason to stop


@dataclass(frozen=True, slots=True)
class Failure:
    measure: str
    reason: str


def failures(
    report: Report, scores: Mapping[str, Score], last: Report | None = None
) -> list[Failure]:
    """Why the report must not pass; `last` is the newest one that did."""
    found: list[Failure] = []
    for name, result in report.results.items():
        reasons = [*_below_floor(result), *_must_be_right(result)]
        if last is not None and name in last.results:
            reasons += _lost(scores[name], last.results[name], result)
        found += (Failure(name, reason) for reason in reasons)
    return found


def _below_floor(result: Result) -> Iterator[str]:
    for group, line in (("all", result.overall), *result.groups.items()):
        if line.floor is not None and line.value < line.floor:
            yield f"{group}: {line.value:.3f} is below {line.floor:.3f} ({line.cases} cases)"


def _must_be_right(result: Result) -> Iterator[str]:
    for outcome in result.outcomes:
        if outcome.must and not outcome.is_right:
            yield (
                f"{outcome.case} must be right: expected {outcome.expected!r},"
                f" got {outcome.got!r} for {outcome.text[:80]!r}"
            )


def _lost(score: Score, before: Result, after: Result) -> Iterator[str]:
    """Compared on the cases that both runs hold, whatever was added or taken away since."""
    earlier = {outcome.case: outcome for outcome in before.outcomes}
    common = [outcome for outcome in after.outcomes if outcome.case in earlier]
    paired = [earlier[outcome.case] for outcome in common]
    if not common or all(a.got == b.got for a, b in zip(paired, common, strict=True)):
        return
    loss = score(paired) - score(common)
    if loss >= SMALLEST_LOSS and largest_drop_excluded(score, paired, common, CHANCE) < 0:
        yield f"fell by {loss:.3f} from {score(paired):.3f} on {len(common)} common cases"
