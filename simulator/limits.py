"""Meta's rates: messages to one user, messages of one number. Times are seconds of one clock."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal

INTERVAL_S = 6.0  # one message per user in this time
BURST = 45  # messages that may borrow from the future within one interval
_REMEMBERED_PAIRS = 100_000


@dataclass(slots=True)
class _Spell:
    started_at: float
    count: int = 0


class PairLimiter:
    """One message per user every six seconds, with bursts.

    `strict`, as Meta words it: up to 45 messages may be sent within six seconds, and then nothing
    until the time they would have taken has passed (after a burst of 20: two minutes). `bucket`
    allows the same rate and burst, and refills while it is used.
    """

    def __init__(self) -> None:
        self._spells: OrderedDict[str, _Spell] = OrderedDict()
        self._paid_until: OrderedDict[str, float] = OrderedDict()

    def admit(self, pair: str, now: float, mode: Literal["strict", "bucket", "off"]) -> bool:
        """Whether a message may go to this user now; counts it if so."""
        if mode == "off":
            return True
        return self._strict(pair, now) if mode == "strict" else self._bucket(pair, now)

    def _strict(self, pair: str, now: float) -> bool:
        spell = self._spells.get(pair)
        if spell is None or now >= spell.started_at + INTERVAL_S * spell.count:
            spell = self._spells[pair] = _Spell(now)
            _trim(self._spells)
        elif now >= spell.started_at + INTERVAL_S or spell.count >= BURST:
            return False
        spell.count += 1
        return True

    def _bucket(self, pair: str, now: float) -> bool:
        start = max(self._paid_until.get(pair, now), now)
        if start + INTERVAL_S > now + INTERVAL_S * BURST:
            return False
        self._paid_until[pair] = start + INTERVAL_S
        _trim(self._paid_until)
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._spells.clear()
        self._paid_until.clear()


def _trim(table: OrderedDict[str, Any]) -> None:
    while len(table) > _REMEMBERED_PAIRS:
        table.popitem(last=False)


class ThroughputBucket:
    """Messages per second of one number, in and out together."""

    def __init__(self, rate: int) -> None:
        self._rate = float(rate)
        self._tokens = float(rate)
        self._at: float | None = None

    def _refill(self, now: float) -> None:
        if self._at is not None:
            self._tokens = min(self._rate, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now

    def count_inbound(self, now: float) -> None:
        """Inbound messages use the same throughput, and are never refused."""
        self._refill(now)
        self._tokens = max(0.0, self._tokens - 1)

    def admit(self, now: float) -> bool:
        """Whether the number may send now; counts it if so."""
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def clear(self) -> None:
        """Full again."""
        self._tokens, self._at = self._rate, None
