"""What a run remembers of itself, so that one that was killed goes on where it was.

ROOT/runs/<run>/run.json      what it is about; written first
ROOT/runs/<run>/lock          held while its driver lives (on a file system)
ROOT/runs/<run>/staged/...    see pipelines.ingest.units; removed when it ends
ROOT/runs/<run>/progress.json how far it is
ROOT/runs/<run>/report.json   what it did; written last
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from filelock import FileLock, Timeout

from models.epochs import epoch_time
from models.types import Epoch
from pipelines.ingest.errors import InputError
from pipelines.ingest.storage import Storage

FOLDER = "runs"


@dataclass(frozen=True, slots=True)
class RunState:
    """What is fixed when a run begins."""

    run: Epoch
    corpus: str
    key: str
    """Of corpus, settings and fingerprints: a run goes on only as the run that it was."""
    previous: Epoch | None
    """The live epoch when it began; the one that its publish expects."""

    @property
    def folder(self) -> str:
        """Relative to the index root."""
        return f"{FOLDER}/{self.run}"

    @property
    def date(self) -> str:
        """ISO date; what is valid is decided as of it."""
        return epoch_time(self.run).date().isoformat()


def begin(storage: Storage, fresh: RunState, *, named: bool) -> RunState:
    """The state of the run to make: an unfinished one of the same key, or the fresh one.

    `named`: the fresh one's id was asked for; only that run is gone on with.
    """
    candidates = [fresh.run] if named else reversed(storage.folders(FOLDER))
    for run in candidates:
        known = read_state(storage, Epoch(run))
        if known is None:
            continue
        if named and known.key != fresh.key:
            raise InputError(
                f"run {run!r} was begun with another corpus or other settings; name another"
            )
        if named or (_goes_on(storage, known, fresh) and not is_under_way(storage, known)):
            return known
    storage.write_json(f"{fresh.folder}/run.json", asdict(fresh))
    return fresh


def _goes_on(storage: Storage, known: RunState, fresh: RunState) -> bool:
    """Unfinished, about the same, and begun from the epoch that is live (or that it published).

    Behind a URI nobody can tell a dead driver from a slow one: there a run goes on by its name.
    """
    return (
        storage.local_path is not None
        and not is_finished(storage, known.run)
        and known.key == fresh.key
        and fresh.previous in (known.previous, known.run)
    )


def read_state(storage: Storage, run: Epoch) -> RunState | None:
    """None where there is no such run."""
    content: dict[str, Any] | None = storage.read_json(f"{FOLDER}/{run}/run.json")
    return RunState(**content) if content is not None else None


def is_finished(storage: Storage, run: str) -> bool:
    """Whether it left its report."""
    return storage.exists(f"{FOLDER}/{run}/report.json")


@contextmanager
def held(storage: Storage, state: RunState) -> Iterator[None]:
    """Hold the run while the body runs; raises InputError when another process does.

    The kernel lets go of the lock when the process dies, however it dies.
    """
    if storage.local_path is None:
        yield
        return
    try:
        with FileLock(storage.local_path / state.folder / "lock", timeout=0):
            yield
    except Timeout as error:
        raise InputError(f"run {state.run!r} is under way in another process") from error


def is_under_way(storage: Storage, state: RunState) -> bool:
    """Whether a process holds it; behind a URI: whether it has not finished."""
    if is_finished(storage, state.run):
        return False
    if storage.local_path is None:
        return True
    lock = FileLock(storage.local_path / state.folder / "lock", timeout=0)
    try:
        with lock:
            return False
    except Timeout:
        return True
