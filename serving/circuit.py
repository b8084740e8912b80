"""A circuit breaker: an endpoint that failed several times in a row is left alone for a while.

Without it every request would wait its share of the deadline for a model that hangs.
"""

from collections.abc import Callable

FAILURES_TO_OPEN = 3
OPEN_FOR_S = 15.0  # a replica of ours is replaced in about a minute; a probe every 15 s is cheap


class CircuitBreaker:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until = float("-inf")

    @property
    def is_open(self) -> bool:
        return self._clock() < self._open_until

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        """After the pause the first failure opens it again."""
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._open_until = self._clock() + OPEN_FOR_S
