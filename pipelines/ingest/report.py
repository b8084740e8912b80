"""What a run did, as one JSON object: returned, printed with --json, kept under the index root."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pipelines.ingest.staged import QuarantineEntry

Status = Literal["published", "unchanged", "refused", "dry-run"]
# A report is read by people; a corpus full of broken files is listed in full by `ingest
# quarantine`.
MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class ShardReport:
    """One shard of the new epoch."""

    shard: int
    chunks: int
    size_bytes: int
    index: str
    recall: float


@dataclass(slots=True)
class RunReport:
    """One run; filled in as it goes, so that a refusal tells how far it came."""

    run: str
    corpus: str
    index: str
    status: Status = "refused"
    reason: str | None = None
    """Why nothing was published; None when something was, or nothing had changed."""
    epoch: str | None = None
    """The live epoch after the run."""
    previous: str | None = None
    """The live epoch before it."""
    encoder: str = ""
    chunker: str = ""
    files: int = 0
    documents: int = 0
    chunks: int = 0
    embedded: int = 0
    """Passages that went through the encoder in this run."""
    added: int = 0
    changed: int = 0
    removed: int = 0
    """Documents, against the live epoch."""
    carried: int = 0
    """Passages kept of documents that can no longer be read."""
    languages: dict[str, int] = field(default_factory=dict)
    """Passages by language."""
    treks: int = 0
    quarantined: list[QuarantineEntry] = field(default_factory=list)
    shards: list[ShardReport] = field(default_factory=list)
    questions: float | None = None
    """Share of golden questions that find their document; None: none were asked."""
    collected: list[str] = field(default_factory=list)
    """Epochs that were removed."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage."""
    total_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For printing and keeping."""
        content = asdict(self)
        content["quarantined"] = content["quarantined"][:MAX_LISTED]
        content["quarantined_total"] = len(self.quarantined)
        return content
