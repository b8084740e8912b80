"""What a run leaves for others to read: its progress while it lasts, its report when it ends."""

import time
from datetime import UTC, datetime
from typing import Any

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


def newest_run(storage: Storage) -> dict[str, Any] | None:
    """The newest run, whether it is under way, and how far it has come; None before the first."""
    names = storage.folders(runs.FOLDER)
    state = runs.read_state(storage, Epoch(names[-1])) if names else None
    if state is None:
        return None
    report = storage.read_json(f"{state.folder}/report.json")
    under_way = report is None and runs.is_under_way(storage, state)
    said = report["status"] if report else ("under way" if under_way else "interrupted")
    progress = storage.read_json(f"{state.folder}/progress.json")
    return {"run": state.run, "corpus": state.corpus, "state": said, "progress": progress}
