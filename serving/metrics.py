"""What is counted of turns and steps, and how Prometheus reads it. Knows no store.

Counters are kept as the lines of the exposition they will become: a name with its labels to a
number. Labels are names of ours, never text or identifiers of customers.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from serving.types import StepName

# Seconds: a quick step takes 2 ms, a model on two cores 10 s.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)

HELP = {
    "switchback_step_seconds": ("histogram", "How long a step took, retries included."),
    "switchback_degraded_total": ("counter", "Fallbacks and other marks of a lesser answer."),
    "switchback_turns_total": ("counter", "Turns by how they ended."),
    "switchback_inbox_pending": ("gauge", "Messages that no turn has answered yet."),
    "switchback_inbox_oldest_seconds": ("gauge", "Age of the oldest of them."),
    "switchback_inbox_dead": ("gauge", "Dead letters that nobody has replayed."),
    "switchback_outbox_parked": ("gauge", "Sends of which it is not known whether they left."),
    "switchback_outbox_deferred": ("gauge", "Sends that wait for their time."),
    "switchback_handoffs_open": ("gauge", "Conversations in a person's hands."),
    "switchback_reviews_open": ("gauge", "Conversations a person should look at."),
    "switchback_alerts_open": ("gauge", "Things that are wrong now; /admin/alerts lists them."),
    "switchback_dead_letter_breaker_open": ("gauge", "1: failing turns are held, not buried."),
    "switchback_up": ("gauge", "1: the part answers."),
}
_SUFFIXES = ("_bucket", "_sum", "_count")


def series(name: str, **labels: str) -> str:
    """A name with its labels, as a line of the exposition begins."""
    if not labels:
        return name
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return f"{name}{{{inside}}}"


@lru_cache(maxsize=256)  # every step of every turn asks for one of some forty
def _step_series(step: StepName, outcome: str) -> tuple[tuple[str, ...], str, str]:
    """The lines of a step's histogram: its buckets, the smallest first, its sum and its count."""
    labels = {"step": step, "outcome": outcome}
    bounds = (*(f"{bound:g}" for bound in BUCKETS), "+Inf")
    buckets = (series("switchback_step_seconds_bucket", **labels, le=bound) for bound in bounds)
    total = series("switchback_step_seconds_sum", **labels)
    return tuple(buckets), total, series("switchback_step_seconds_count", **labels)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


@dataclass(slots=True)
class Counters:
    """What one process has counted since it was last asked. The flow's `Meter`."""

    values: dict[str, float] = field(default_factory=dict)

    def step(self, name: StepName, seconds: float, outcome: str) -> None:
        buckets, total, count = _step_series(name, outcome)
        for key in buckets[bisect_left(BUCKETS, seconds) :]:
            self._add(key, 1)
        self._add(total, seconds)
        self._add(count, 1)

    def degraded(self, mark: str) -> None:
        self._add(series("switchback_degraded_total", mark=mark), 1)

    def turn(self, outcome: str) -> None:
        self._add(series("switchback_turns_total", outcome=outcome), 1)

    def take(self) -> dict[str, float]:
        """What was counted, leaving nothing."""
        taken, self.values = self.values, {}
        return taken

    def put_back(self, values: Mapping[str, float]) -> None:
        """What was taken could not be delivered: it counts again."""
        for key, value in values.items():
            self._add(key, value)

    def _add(self, key: str, amount: float) -> None:
        self.values[key] = self.values.get(key, 0.0) + amount


def exposition(values: Mapping[str, float]) -> str:
    """Prometheus' text format, each metric with its help and type."""
    lines: list[str] = []
    for family, (kind, text) in HELP.items():
        own = sorted(key for key in values if _family(key) == family)
        if own:
            lines += [f"# HELP {family} {text}", f"# TYPE {family} {kind}"]
            lines += [f"{key} {values[key]:.17g}" for key in _by_bound(own)]
    return "\n".join(lines) + "\n"


def _family(key: str) -> str:
    name = key.partition("{")[0]
    bases = (name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix))
    return next((base for base in bases if base in HELP), name)


def _by_bound(keys: Iterable[str]) -> list[str]:
    """Buckets from the smallest to the largest, as readers expect them."""

    def order(key: str) -> tuple[str, float]:
        head, found, bound = key.partition(',le="')
        return (head, float(bound.rstrip('"}'))) if found else (key, 0.0)

    return sorted(keys, key=order)
