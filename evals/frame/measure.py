"""What was expected and what came, case by case, and the scores of it.

Every score is between 0 and 1, and higher is better: a rate that should be small is measured as
its complement.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case of one measure. Values must be JSON; they stand in the report."""

    case: str  # the same in every run: runs are compared case by case
    group: str  # variety, tier, ...; scores are also given for each
    expected: Any
    got: Any
    must: bool = False  # the gate fails if this one case is wrong
    text: str = ""  # what a reader of the report needs to see of it

    @property
    def is_right(self) -> bool:
        return bool(self.expected == self.got)


Score = Callable[[Sequence[Outcome]], float]


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    score: Score
    outcomes: Sequence[Outcome]
    floor: float | None = None  # required of all outcomes together
    floor_each: float | None = None  # required of every group


def accuracy(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.is_right for outcome in outcomes) / max(1, len(outcomes))


def macro_f1(outcomes: Sequence[Outcome]) -> float:
    """Mean F1 over the labels that are expected anywhere among the outcomes."""
    right: Counter[Any] = Counter()
    expected: Counter[Any] = Counter()
    got: Counter[Any] = Counter()
    for outcome in outcomes:
        expected[outcome.expected] += 1
        got[outcome.got] += 1
        right[outcome.expected] += outcome.is_right
    scores = [2 * right[label] / (expected[label] + got[label]) for label in expected]
    return sum(scores) / max(1, len(scores))


def set_f1(outcomes: Sequence[Outcome]) -> float:
    """Micro F1 of the items in two lists, such as the entities of a message."""
    right = expected = got = 0
    for outcome in outcomes:
        wanted = Counter(map(str, outcome.expected))
        found = Counter(map(str, outcome.got))
        right += (wanted & found).total()
        expected += wanted.total()
        got += found.total()
    return 2 * right / (expected + got) if expected + got else 1.0


def precision(outcomes: Sequence[Outcome]) -> float:
    """Of what was found (`got` is true), the share that was expected."""
    found = [outcome for outcome in outcomes if outcome.got]
    return sum(bool(outcome.expected) for outcome in found) / len(found) if found else 1.0


def recall(outcomes: Sequence[Outcome]) -> float:
    """Of what was expected, the share that was found."""
    wanted = [outcome for outcome in outcomes if outcome.expected]
    return sum(bool(outcome.got) for outcome in wanted) / len(wanted) if wanted else 1.0


def calibration(outcomes: Sequence[Outcome]) -> float:
    """1 less the expected calibration error: how far what is said (`got`, a share) lies from how
    often it came true (`expected`), on average over ten bands.
    """
    bands: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        bands[min(9, int(10 * outcome.got))].append(outcome)
    far: list[float] = [abs(sum(one.got - one.expected for one in band)) for band in bands.values()]
    return float(1 - sum(far) / max(1, len(outcomes)))


def order(outcomes: Sequence[Outcome]) -> float:
    """How often a case that came true has the higher share of two (the area under the curve)."""
    true = [one.got for one in outcomes if one.expected]
    false = [one.got for one in outcomes if not one.expected]
    if not true or not false:
        return 1.0
    won = sum((high > low) + (high == low) / 2 for high in true for low in false)
    return float(won / (len(true) * len(false)))
