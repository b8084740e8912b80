"""How sure a score is, and whether one run is really worse than another.

Both by the bootstrap: cases are drawn again with replacement. The seed is fixed, so the same
outcomes always give the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.frame.measure import Outcome, Score

RESAMPLES = 500
PAIRED_RESAMPLES = 2_000
CONFIDENCE = 0.95
SEED = 20_26


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


def interval(score: Score, outcomes: Sequence[Outcome]) -> Interval:
    """The percentile interval of the score at 95 %."""
    drawn = [score(sample) for sample in _resamples(outcomes, RESAMPLES)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn or [0.0], [tail, 1 - tail])
    return Interval(float(low), float(high))


def largest_drop_excluded(
    score: Score, before: Sequence[Outcome], after: Sequence[Outcome], chance: float
) -> float:
    """The change that all but `chance` of the paired resamples stay below.

    Negative: the later run is worse, and luck with the cases does not explain it. Both runs must
    hold the same cases in the same order.
    """
    generator = np.random.default_rng(SEED)
    changes = np.empty(PAIRED_RESAMPLES)
    for draw in range(PAIRED_RESAMPLES):
        rows = generator.integers(0, len(before), len(before))
        earlier = score([before[row] for row in rows])
        changes[draw] = score([after[row] for row in rows]) - earlier
    return float(np.quantile(changes, 1 - chance))


def _resamples(outcomes: Sequence[Outcome], count: int) -> "list[list[Outcome]]":
    generator = np.random.default_rng(SEED)
    size = len(outcomes)
    if not size:
        return []
    return [[outcomes[row] for row in generator.integers(0, size, size)] for _ in range(count)]
