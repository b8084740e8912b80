"""Where a turn's time goes: by step when idle, by process under load."""

import asyncio
import os
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from serving.types import StepName

# As Ray and Postgres title their processes; this process is the router.
_REPLICA = re.compile(r"^ray::ServeReplica:(?P<app>[^:]+):(?P<deployment>\w+)")
_OTHERS = {
    "postgres": "Postgres",
    "redis-server": "Redis",
    "raylet": "Ray itself",
    "gcs_server": "Ray itself",
    "ray::": "Ray itself",
    "ray-dashboard": "Ray itself",
}
LEAST_MS = 0.05  # a process that cost a turn less is not worth a line


@dataclass(slots=True)
class StepTimes:
    """The flow's meter, for a few turns."""

    seconds: defaultdict[StepName, list[float]] = field(default_factory=lambda: defaultdict(list))
    answered: asyncio.Event = field(default_factory=asyncio.Event)  # an answer is committed

    def step(self, name: StepName, seconds: float, outcome: str) -> None:  # noqa: ARG002  # the protocol's name
        self.seconds[name].append(seconds)
        if name == "send_message":
            self.answered.set()

    def degraded(self, mark: str) -> None:
        """Not counted here."""

    def turn(self, outcome: str) -> None:
        """Not counted here."""

    def median_ms(self) -> dict[str, float]:
        return {name: round(statistics.median(s) * 1e3, 1) for name, s in self.seconds.items()}


def used_s() -> Counter[str]:
    """Processor seconds that the parts of the house have used since they started."""
    used: Counter[str] = Counter()
    for process in psutil.process_iter(["name", "cmdline", "cpu_times"]):
        part = _part(process)
        times = process.info["cpu_times"]
        if part is not None and times is not None:
            used[part] += times.user + times.system
    return used


def _part(process: psutil.Process) -> str | None:
    if process.pid == os.getpid():
        return "router"
    title = " ".join(process.info["cmdline"] or [process.info["name"]])
    if replica := _REPLICA.match(title):
        return f"{replica['app']}: {replica['deployment']}"
    words = (process.info["name"], title)
    found = (part for start, part in _OTHERS.items() if any(w.startswith(start) for w in words))
    return next(found, None)


def per_turn_ms(
    before: Mapping[str, float], after: Mapping[str, float], turns: int
) -> dict[str, float]:
    """The dearest first; parts that cost next to nothing are left out."""
    spent = {part: (after[part] - before.get(part, 0.0)) / turns * 1e3 for part in after}
    dearest = sorted(spent.items(), key=lambda one: -one[1])
    return {part: round(ms, 2) for part, ms in dearest if ms >= LEAST_MS}
