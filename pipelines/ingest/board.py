"""Tasks anywhere in the cluster report to one board; the driver asks it and tells who watches."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from pipelines.ingest.progress import Listener, Progress

# Often enough to look alive, seldom enough to cost nothing.
POLL_EVERY_S = 0.5


@ray.remote(num_cpus=0)
class Board:
    """Counts what tasks anywhere in the cluster have done."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, stage: str, count: int) -> None:
        self._counts[stage] = self._counts.get(stage, 0) + count

    def count(self, stage: str) -> int:
        return self._counts.get(stage, 0)


class Reporter:
    """Turns the board's counts into progress while a stage runs; remembers how long each took."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.board: Any = Board.remote()  # type: ignore[attr-defined]  # added by ray.remote
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[None]:
        """Report while the body runs."""
        began = time.monotonic()
        stop = threading.Event()

        def now(*, finished: bool = False) -> None:
            done = ray.get(self.board.count.remote(name))
            elapsed_s = time.monotonic() - began
            self._listener(Progress(name, done, total, unit, elapsed_s, finished))

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
            self.seconds[name] = round(time.monotonic() - began, 3)
        now(finished=True)
