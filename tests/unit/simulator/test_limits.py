"""Meta's rates, on a clock that the test moves."""

from typing import Literal

import pytest

from simulator.limits import BURST, PairLimiter, ThroughputBucket


def test_steady_rate_is_always_admitted() -> None:
    """One message every six seconds never meets the limit, in either mode."""
    strict, bucket = PairLimiter(), PairLimiter()
    assert all(strict.admit("a", 6.0 * n, "strict") for n in range(500))
    assert all(bucket.admit("a", 6.0 * n, "bucket") for n in range(500))


@pytest.mark.parametrize("burst", [2, 20, 45])
def test_strict_burst_borrows_its_time(burst: int) -> None:
    """After n messages at once the next one goes after 6n seconds, not before."""
    limiter = PairLimiter()
    assert all(limiter.admit("a", 0.0, "strict") for _ in range(burst))
    assert not limiter.admit("a", 6.0 * burst - 0.1, "strict")
    assert limiter.admit("a", 6.0 * burst, "strict")


@pytest.mark.parametrize("mode", ["strict", "bucket"])
def test_burst_is_bounded(mode: Literal["strict", "bucket"]) -> None:
    """The forty-sixth message at once is refused; other users are not affected."""
    limiter = PairLimiter()
    admitted = [limiter.admit("a", 1.0, mode) for _ in range(BURST + 5)]
    assert admitted == [True] * BURST + [False] * 5
    assert limiter.admit("b", 1.0, mode)


def test_bucket_refills_one_by_one() -> None:
    """After a full burst one message goes every six seconds."""
    limiter = PairLimiter()
    for _ in range(BURST):
        limiter.admit("a", 0.0, "bucket")
    assert [limiter.admit("a", t, "bucket") for t in (5.9, 6.0, 6.1, 12.0)] == [
        False,
        True,
        False,
        True,
    ]


def test_off_admits_everything() -> None:
    """Without the limit nothing is refused."""
    limiter = PairLimiter()
    assert all(limiter.admit("a", 0.0, "off") for _ in range(200))


def test_throughput_counts_both_directions() -> None:
    """Inbound messages use up the rate; a second later it is there again."""
    bucket = ThroughputBucket(3)
    bucket.count_inbound(0.0)
    assert [bucket.admit(0.0) for _ in range(3)] == [True, True, False]
    assert [bucket.admit(1.0) for _ in range(4)] == [True, True, True, False]
