"""How long a turn takes, guessed with care from those that were seen. Pure."""

FIRST_GUESS_S = 7.0  # until some were seen
LONGEST_GUESS_S = 10.0  # a slow model must not end all superseding


class Pace:
    """Mean and mean deviation, both smoothed, as TCP guesses its round trips (RFC 6298)."""

    def __init__(self) -> None:
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    def saw(self, took_s: float) -> None:
        if self._mean_s is None:
            self._mean_s, self._deviation_s = took_s, took_s / 2
            return
        error_s = took_s - self._mean_s
        self._mean_s += error_s / 8
        self._deviation_s += (abs(error_s) - self._deviation_s) / 4

    @property
    def expected_s(self) -> float:
        """Most turns take less."""
        if self._mean_s is None:
            return FIRST_GUESS_S
        return min(LONGEST_GUESS_S, self._mean_s + 2 * self._deviation_s)
