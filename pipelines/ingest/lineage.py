"""From an epoch back to the run, the corpus and the settings that made it."""

from dataclasses import asdict, dataclass
from typing import Any

from models.types import Epoch
from pipelines.ingest.storage import Storage

NAME = "lineage.json"


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the corpus looked like, by its listing alone: tells without reading that nothing
    changed.
    """

    signature: str
    """See sources.Corpus.signature."""
    newest: str
    """Time of the latest change among the files."""
    listed_at: str
    shows_changes: bool
    """Whether every file's time or entity tag was known and every document was readable."""
    good_until: str | None
    """ISO date from which another document may be the valid one."""
    deleted: tuple[str, ...]
    """Documents that were deleted by hand."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What lineage.json beside a manifest says."""

    run: str
    corpus: str
    digest: str
    """Of all passages, treks, fingerprints and the number of shards: equal exactly when nothing
    changed.
    """
    settings: dict[str, Any]
    source: SourceState


def write_lineage(storage: Storage, epoch: Epoch, lineage: Lineage) -> None:
    """Put it beside the manifest."""
    storage.write_json(f"epochs/{epoch}/{NAME}", asdict(lineage))


def read_lineage(storage: Storage, epoch: Epoch | None) -> Lineage | None:
    """Of an epoch; None for none, or one that another program built."""
    content = storage.read_json(f"epochs/{epoch}/{NAME}") if epoch is not None else None
    if content is None or "source" not in content:
        return None
    source = dict(content.pop("source"))
    deleted = tuple(source.pop("deleted"))
    return Lineage(**content, source=SourceState(**source, deleted=deleted))
