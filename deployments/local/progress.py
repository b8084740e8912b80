"""What a person sees while things start and stop: what is happening, and how long it usually takes.

Writes to standard error. Must not know what is being done.
"""

import sys
import time
from typing import Protocol, Self

from rich.console import Console
from rich.status import Status


class Progress(Protocol):
    """Told about each stage as it begins, goes on and ends."""

    def stage(self, what: str, usually: str) -> "Stage":
        """Enter it to begin; leaving it without an error ends it."""
        ...

    def say(self, text: str) -> None:
        """One line that stays."""
        ...


class Stage(Protocol):
    """A stage in progress."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def doing(self, detail: str) -> None:
        """What it is at right now."""
        ...


class TerminalProgress:
    """A moving line on a terminal; plain lines in a log."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr, highlight=False, soft_wrap=True)

    def stage(self, what: str, usually: str) -> "TerminalStage":
        return TerminalStage(self._console, what, usually)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)


class TerminalStage:
    """One stage on a console."""

    def __init__(self, console: Console, what: str, usually: str) -> None:
        self._console, self._what, self._usually = console, what, usually
        self._status: Status | None = None
        self._last = ""
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        line = f"{self._what} (usually {self._usually})"
        if self._console.is_terminal:
            self._status = self._console.status(line)
            self._status.start()
        else:
            self._console.print(f"… {line}", markup=False)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._status is not None:
            self._status.stop()
        mark = "✓" if exc[0] is None else "✗"
        took_s = time.monotonic() - self._began
        self._console.print(f"{mark} {self._what}, {took_s:.1f} s", markup=False)

    def doing(self, detail: str) -> None:
        detail = detail.strip()
        if not detail or detail == self._last:
            return
        self._last = detail
        if self._status is None:
            self._console.print(f"    {detail}", markup=False)
            return
        width = max(20, self._console.width - len(self._what) - 6)
        self._status.update(f"{self._what}: {_plain(detail[:width])}")


def _plain(text: str) -> str:
    """Square brackets are markup to rich."""
    return text.replace("[", r"\[")


class Silence:
    """A Progress for programs: says nothing."""

    def stage(self, what: str, usually: str) -> "SilentStage":  # noqa: ARG002
        return SilentStage()

    def say(self, text: str) -> None:
        """Nobody listens."""


class SilentStage:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def doing(self, detail: str) -> None:
        """Nobody listens."""
