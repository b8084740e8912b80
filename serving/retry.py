"""When to try again: one pure function, used by the router and by the sender."""

import random
from dataclasses import dataclass

from serving.errors import Overloaded, Rejected, SwitchbackError

MAX_ATTEMPTS = 5
FIRST_DELAY_S = 0.5
MAX_DELAY_S = 60.0


@dataclass(frozen=True, slots=True)
class RetryDecision:
    delay_s: float


def decide(
    error: SwitchbackError, attempts: int, rng: random.Random | None = None
) -> RetryDecision | None:
    """Whether to repeat after `attempts` failed ones; None means give up.

    Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And
    Jitter", 2015): the spread keeps a recovering dependency from a thundering herd.
    """
    if isinstance(error, Rejected) or attempts >= MAX_ATTEMPTS:
        return None
    ceiling = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** (attempts - 1))
    delay_s = (rng or random).uniform(ceiling / 2, ceiling)
    if isinstance(error, Overloaded):
        delay_s = max(delay_s, error.retry_after_s)
    return RetryDecision(delay_s)
