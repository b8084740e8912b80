"""What a run leaves for others to read: its progress while it lasts, its report when it ends."""

import time
from datetime import UTC, datetime
from typing import Any

from models.run_progress import newest_run
from models.types import Epoch
from pipelines.ingest import runs
from pipelines.ingest.progress import Progress
from pipelines.ingest.report import RunReport
from pipelines.ingest.storage import Storage

_EVERY_S = 1.0


class ReportKeeper:
    """Files in one run's folder."""

    def __init__(self, storage: Storage, folder: str) -> None:
        self._storage = storage
        self._folder = folder
        self._written_at = 0.0

    def progress(self, progress: Progress) -> None:
        """A listener; writes at most once a second."""
        now = time.monotonic()
        if not progress.finished and now - self._written_at < _EVERY_S:
            return
        self._written_at = now
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._storage.write_json(f"{self._folder}/progress.json", {"at": at, **progress.as_json()})

    def keep(self, report: RunReport) -> None:
        """Both twins, the page first: a run is finished once its report.json is there."""
        from pipelines.ingest.page import page_of

        self._storage.write_text(f"{self._folder}/report.html", page_of(report))
        self._storage.write_json(f"{self._folder}/report.json", report.as_json())


def state_of_newest(storage: Storage) -> dict[str, Any] | None:
    """The newest run, whether it is under way, and how far it has come; None before the first."""
    found = newest_run(storage.root)
    if found is None:
        return None
    state = runs.read_state(storage, Epoch(found["run"]))
    under_way = state is not None and runs.is_under_way(storage, state)
    return {**found, "state": found["outcome"] or ("under way" if under_way else "interrupted")}
