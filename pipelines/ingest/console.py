"""What a person sees: progress and errors on standard error, results on standard output."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from models.errors import ModelsError
from pipelines.ingest.errors import IngestError, InputError, Refused
from pipelines.ingest.progress import Progress

if TYPE_CHECKING:
    from pipelines.ingest.report import RunReport

# Where nobody watches live, such as a job's log, a line now and then is enough.
QUIET_EVERY_S = 5.0
EXIT_FAILED = 1
EXIT_INPUT = 2


def show_json(content: object) -> None:
    """One object on one line."""
    typer.echo(json.dumps(content, ensure_ascii=False))


@contextmanager
def one_clear_line() -> Iterator[None]:
    """Errors that we raise on purpose become one line and an exit code; others stay visible as
    bugs.
    """
    try:
        yield
    except Refused as error:
        _fail("refused", error, EXIT_FAILED)
    except InputError as error:
        _fail("error", error, EXIT_INPUT)
    except ModelsError as error:
        _fail("error", error, EXIT_FAILED)
    except (IngestError, OSError) as error:  # a full or read-only disk, a store that went away
        _fail("error", error, EXIT_FAILED)


def _fail(word: str, error: Exception, code: int) -> None:
    typer.echo(f"{word}: {' '.join(str(error).split())}", err=True)
    raise typer.Exit(code) from error


class ProgressLines:
    """A listener that writes to standard error: live on a terminal, seldom elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._said_at = 0.0
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        every_s = 0.5 if self._console.is_terminal else QUIET_EVERY_S
        if not progress.finished and now - self._said_at < every_s:
            return
        self._said_at = now
        end = "\n" if progress.finished or not self._console.is_terminal else "\r"
        self._console.print(describe(progress).ljust(78), end=end, markup=False)


def describe(progress: Progress) -> str:
    """`embed      128/312 passages  16.2/s  eta 11 s`."""
    total = f"/{progress.total}" if progress.total is not None else ""
    counted = f"{progress.done}{total} {progress.unit}  {progress.per_s:.1f}/s"
    parts = [f"{progress.stage:<10}"]
    if progress.done or progress.total:
        parts.append(counted)
    if progress.finished:
        parts.append(f"done in {progress.elapsed_s:.1f} s")
    elif progress.eta_s is not None:
        parts.append(f"eta {progress.eta_s:.0f} s")
    else:
        parts.append(f"{progress.elapsed_s:.0f} s")
    return "  ".join(parts)


def summary(report: "RunReport") -> str:
    """The outcome of a run in a few lines."""
    changes = f"+{report.added} ~{report.changed} -{report.removed}"
    lines = [
        f"{report.status}: {report.reason or report.epoch or ''}",
        f"  {report.files} files, {report.documents} documents ({changes})",
        f"  {report.chunks} passages, {report.embedded} embedded",
    ]
    if report.languages:
        lines.append(f"  languages: {_counts(report.languages)}; {report.treks} treks")
    if report.shards:
        recall = min(shard.recall for shard in report.shards)
        lines.append(f"  {len(report.shards)} shards, recall@10 against exact search {recall:.3f}")
    lines += [f"  quarantined {e.doc}: {e.reason}" for e in report.quarantined[:10]]
    lines.append(f"  {report.total_s:.1f} s")
    return "\n".join(lines)


def _counts(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
