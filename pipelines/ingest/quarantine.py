"""The list of documents that the last run could not read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pipelines.ingest.staged import QuarantineEntry
from pipelines.ingest.storage import Storage

NAME = "quarantine.json"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """As of one run."""

    run: str
    corpus: str
    """Where `retry` reads again."""
    entries: tuple[QuarantineEntry, ...]


def write_quarantine(
    storage: Storage, run: str, corpus: str, entries: Sequence[QuarantineEntry]
) -> None:
    """Replace the list."""
    content = {"run": run, "corpus": corpus, "entries": [asdict(entry) for entry in entries]}
    storage.write_json(NAME, content)


def read_quarantine(storage: Storage) -> Quarantine | None:
    """The list; None when no run was made yet."""
    content = storage.read_json(NAME)
    if content is None:
        return None
    entries = tuple(QuarantineEntry(**entry) for entry in content["entries"])
    return Quarantine(content["run"], content["corpus"], entries)
