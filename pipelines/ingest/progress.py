"""How far a run is, as whoever watches it sees it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run."""

    stage: str
    done: int
    total: int | None
    """None: not known beforehand."""
    unit: str
    elapsed_s: float
    finished: bool = False
    queues: Mapping[str, int] = field(default_factory=dict)
    """What waits between the stages, by name."""
    beside: Mapping[str, float] = field(default_factory=dict)
    """Other rates, a second: `chunks` while documents are read."""

    @property
    def per_s(self) -> float:
        """Units a second since the stage began."""
        return self.done / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds left at this pace; None when nothing can be said."""
        if self.total is None or self.done == 0:
            return None
        return max(0, self.total - self.done) / self.per_s

    def as_json(self) -> dict[str, Any]:
        """For other programs."""
        eta_s = self.eta_s
        return {
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "elapsed_s": round(self.elapsed_s, 1),
            "per_s": round(self.per_s, 2),
            "eta_s": round(eta_s, 1) if eta_s is not None else None,
            "queues": dict(self.queues),
            "beside_per_s": {name: round(value, 2) for name, value in self.beside.items()},
            "finished": self.finished,
        }


Listener = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """A listener that does nothing."""
