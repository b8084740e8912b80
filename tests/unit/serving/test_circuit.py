"""An endpoint that keeps failing is left alone for a while."""

from serving.circuit import FAILURES_TO_OPEN, OPEN_FOR_S, CircuitBreaker


def test_it_opens_after_failures_in_a_row_and_probes_after_the_pause() -> None:
    """A success in between counts as recovery; a failed probe opens it again at once."""
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0])
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert not breaker.is_open
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    assert breaker.is_open
    now[0] += OPEN_FOR_S
    assert not breaker.is_open
    breaker.failed()
    assert breaker.is_open
