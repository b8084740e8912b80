"""How far a run is, as whoever watches it sees it."""

from collections.abc import Callable
from dataclasses import dataclass


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


Listener = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """A listener that does nothing."""
