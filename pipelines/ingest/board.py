"""Tasks anywhere in the cluster report to one board; the driver asks it and tells who watches."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray

from pipelines.ingest.progress import Listener, Progress

# Often enough to look alive, seldom enough to cost nothing.
POLL_EVERY_S = 0.5
# Counted beside the stage itself while it runs, by stage: (queue, what goes in), (rate, what).
_QUEUED = {"embed": ("texts loaded", "load")}
_BESIDE = {"read": ("chunks", "chunk")}


# Its process may be killed like any other; counts then start anew, and nothing depends on them.
@ray.remote(num_cpus=0, max_restarts=-1)
class Board:
    """Counts what tasks anywhere in the cluster have done."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, stage: str, count: int) -> None:
        self._counts[stage] = self._counts.get(stage, 0) + count

    def counts(self) -> dict[str, int]:
        return self._counts


class Reporter:
    """Turns the board's counts into progress while a stage runs; remembers how long each took."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._counts: dict[str, int] = {}
        self.board: Any = None
        self.seconds: dict[str, float] = {}

    def use_ray(self) -> None:
        """From now on tasks can report."""
        self.board = Board.remote()  # type: ignore[attr-defined]  # added by ray.remote

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[None]:
        """Report while the body runs; `done`: what an earlier process had finished."""
        began = time.monotonic()
        stop = threading.Event()

        def now(*, finished: bool = False) -> None:
            elapsed_s = time.monotonic() - began
            moment = self._moment(name, total, unit, done, elapsed_s, finished=finished)
            for listener in self._listeners:
                listener(moment)

        def watch() -> None:
            while not stop.wait(POLL_EVERY_S):
                now()

        watcher = threading.Thread(target=watch, name="ingest-progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
            spent = time.monotonic() - began
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
        now(finished=True)

    def _moment(
        self,
        name: str,
        total: int | None,
        unit: str,
        before: int,
        elapsed_s: float,
        *,
        finished: bool,
    ) -> Progress:
        counts = self._ask()
        done = total if finished and total is not None else before + counts.get(name, 0)
        queue, loaded = _QUEUED.get(name, ("", ""))
        waiting = {queue: max(0, counts.get(loaded, 0) - counts.get(name, 0))} if queue else {}
        if name == "read" and total is not None:
            waiting = {"files": max(0, total - done)}
        rate, counted = _BESIDE.get(name, ("", ""))
        beside = {rate: counts.get(counted, 0) / max(elapsed_s, 1e-9)} if rate else {}
        return Progress(name, done, total, unit, elapsed_s, finished, waiting, beside)

    def _ask(self) -> dict[str, int]:
        if self.board is not None:
            # A board that starts again has nothing to tell for a moment; the last counts stand.
            with contextlib.suppress(ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError):
                self._counts = ray.get(self.board.counts.remote(), timeout=POLL_EVERY_S)
        return self._counts
