"""From an epoch back to the run, the corpus and the settings that made it."""

from dataclasses import asdict, dataclass
from typing import Any

from models.types import Epoch
from pipelines.ingest.storage import Storage

NAME = "lineage.json"


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


def write_lineage(storage: Storage, epoch: Epoch, lineage: Lineage) -> None:
    """Put it beside the manifest."""
    storage.write_json(f"epochs/{epoch}/{NAME}", asdict(lineage))


def read_digest(storage: Storage, epoch: Epoch) -> str | None:
    """The digest of an epoch; None for an epoch that another program built."""
    content = storage.read_json(f"epochs/{epoch}/{NAME}")
    return str(content["digest"]) if content else None
