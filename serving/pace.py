"""How long a turn takes, guessed from those that were seen last. Pure."""

from collections import deque

FIRST_GUESS_S = 7.0  # until some were seen
LONGEST_GUESS_S = 10.0  # a slow model must not end all superseding
REMEMBERED = 64  # turns: more would be slow to notice that the model has become slower
SHARE = 0.95  # of them took no longer than the guess


class Pace:
    """A quantile of the last turns: as careful as wanted whatever their distribution.

    Mean and deviation, as TCP guesses its round trips, overshoot where turns vary evenly, and one
    very long turn spoils the guess for the next ten.
    """

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=REMEMBERED)

    def saw(self, took_s: float) -> None:
        self._took_s.append(took_s)

    @property
    def expected_s(self) -> float:
        """Most turns take no longer."""
        if not self._took_s:
            return FIRST_GUESS_S
        in_order = sorted(self._took_s)
        return min(LONGEST_GUESS_S, in_order[int(SHARE * (len(in_order) - 1) + 0.5)])
