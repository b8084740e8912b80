"""What a run did, as one JSON object: returned, printed with --json, kept under the index root
beside its HTML twin (pipelines.ingest.page).
"""

from dataclasses import asdict, dataclass, field, fields
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
    began_at: str = ""
    resumed: bool = False
    """Whether it went on with what an earlier process of the same run had done."""
    encoder: str = ""
    chunker: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    files: int = 0
    documents: int = 0
    """Those that answer."""
    chunks: int = 0
    embedded: int = 0
    """Passages that the run had to embed, an earlier process of it included."""
    encoded: int = 0
    """Passages that this process had to embed of them."""
    added: int = 0
    changed: int = 0
    removed: int = 0
    """Documents, against the live epoch."""
    changes: dict[str, list[str]] = field(default_factory=dict)
    """The first of them by name."""
    withheld: dict[str, int] = field(default_factory=dict)
    """Documents kept out of answers: superseded, duplicate, deleted."""
    withheld_first: list[list[str | None]] = field(default_factory=list)
    """The first of them: document, reason, the document that answers instead."""
    carried: int = 0
    """Passages kept of documents that can no longer be read."""
    languages: dict[str, int] = field(default_factory=dict)
    """Passages by language."""
    languages_of_documents: dict[str, list[int]] = field(default_factory=dict)
    """Documents by language: in the live epoch, now."""
    formats: dict[str, int] = field(default_factory=dict)
    """Documents by the ending of their file's name."""
    lengths: dict[int, int] = field(default_factory=dict)
    """Passages by length, from so many tokens on."""
    treks: int = 0
    quarantined: list[QuarantineEntry] = field(default_factory=list)
    shards: list[ShardReport] = field(default_factory=list)
    questions: float | None = None
    """Share of golden questions that find their document; None: none were asked."""
    questions_before: float | None = None
    """The same in the live epoch; None: none, or it cannot be compared."""
    collected: list[str] = field(default_factory=list)
    """Epochs that were removed."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage, of this process."""
    total_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For printing and keeping."""
        content = asdict(self)
        content["quarantined"] = content["quarantined"][:MAX_LISTED]
        content["quarantined_total"] = len(self.quarantined)
        content["lengths"] = {str(start): count for start, count in self.lengths.items()}
        return content


def report_from_json(content: dict[str, Any]) -> RunReport:
    """A kept report, to be shown again."""
    names = {one.name for one in fields(RunReport)}
    known = {name: value for name, value in content.items() if name in names}
    known["lengths"] = {int(start): count for start, count in content["lengths"].items()}
    known["quarantined"] = [QuarantineEntry(**entry) for entry in content["quarantined"]]
    known["shards"] = [ShardReport(**shard) for shard in content["shards"]]
    return RunReport(**known)
