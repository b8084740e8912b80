"""What one run is told to do. Parsed by cli.py, never read from the environment here."""

from dataclasses import dataclass, field
from pathlib import Path

from models.checksums import sha256_text
from models.types import EncoderFingerprint, Epoch, ModelId

# Raise it when reading, cleaning or chunking changes what a document's chunks look like.
CHUNKER_VERSION = 1
MIN_CHUNK_TOKENS = 16
# The live one and two to go back to.
MIN_EPOCHS = 3


@dataclass(frozen=True, slots=True)
class ChunkSettings:
    """Sizes in tokens of the encoder's own tokenizer, without its special tokens."""

    max_tokens: int = 160
    overlap_tokens: int = 24
    header_tokens: int = 48
    """At most so much of title and headings is embedded in front of a passage."""

    def __post_init__(self) -> None:
        if (
            self.max_tokens < MIN_CHUNK_TOKENS
            or not 0 <= self.overlap_tokens <= self.max_tokens // 2
        ):
            raise ValueError(
                f"chunks of {self.max_tokens} tokens with {self.overlap_tokens} of overlap: needs "
                f"at least {MIN_CHUNK_TOKENS}, and an overlap of at most half"
            )

    def fingerprint(self, tokenizer: str) -> str:
        """Identifies how texts are cut: a change means that every chunk is new."""
        sizes = f"{self.max_tokens}/{self.overlap_tokens}/{self.header_tokens}"
        return sha256_text(f"chunker-{CHUNKER_VERSION}", sizes, tokenizer)[:16]


@dataclass(frozen=True, slots=True)
class Gates:
    """What a new index must satisfy before it is published."""

    max_failed_share: float = 0.05
    """Unreadable documents, as a share of all documents."""
    min_recall: float = 0.98
    """Share of the exact ten nearest passages that the served index finds, per shard."""
    max_shrink_share: float = 0.4
    """How much smaller than the live epoch the new one may be, in passages."""
    allow_shrink: bool = False
    """Publish even though much, or a whole language, has gone."""
    allow_encoder_change: bool = False
    """Publish an epoch of another encoder than the live one's; serving must change with it."""
    questions: Path | None = None
    """JSONL of {"id", "question", "doc"}; None: no golden questions."""
    max_question_loss: float = 0.01
    """How much lower than the live epoch's the share of answered golden questions may be."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How much of the machine or cluster a run takes."""

    address: str | None = None
    """Ray address; None: RAY_ADDRESS where it is set, else a Ray of our own on this machine."""
    local_cpus: int = 2
    object_store_mb: int = 150
    """Of our own Ray. Passages go through it in small blocks, vectors in batches of 64."""
    max_tasks: int = 2
    """Reading tasks at once."""
    files_per_unit: int = 24
    """Read, and read again after a kill, together."""
    batch_tokens: int = 16_384
    """Embedded, and embedded again after a kill, together; on two cores some eight seconds' work.
    """
    task_cpus: float = 0.25
    """Per reading and building task: small, so that a run finds room beside the serving replicas.
    """
    embed_cpus: float = 0.5
    """Per embedding actor; see `embed_threads` for what it really uses."""
    embed_gpus: float = 0.0
    embed_actors: int = 1
    embed_threads: int = 2
    """On a 2-core machine one process with two threads embeds as fast as two with one each."""


@dataclass(frozen=True, slots=True)
class IngestConfig:
    """One run."""

    corpus_uri: str
    index_uri: str
    encoder_id: ModelId
    models_dir: Path
    """Where prepared models lie; the encoder is prepared there on first use."""
    catalog: Path | None = None
    """None: the catalogue that comes with models."""
    num_shards: int = 2
    chunks: ChunkSettings = field(default_factory=ChunkSettings)
    gates: Gates = field(default_factory=Gates)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    keep_epochs: int = MIN_EPOCHS
    """The live one and at least two before it."""
    max_document_bytes: int = 64 * 1024 * 1024
    run_id: Epoch | None = None
    """Of the run and its epoch; None: made from the time. A run that was begun under it goes on."""
    reread: bool = False
    """Read every document, even when no file has changed."""
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.num_shards < 1:
            raise ValueError(f"num_shards is {self.num_shards}; needs at least 1")
        if self.keep_epochs < MIN_EPOCHS:
            raise ValueError(
                f"keep_epochs is {self.keep_epochs}; rollback needs at least {MIN_EPOCHS}"
            )


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What besides the documents decides how an epoch looks."""

    chunker: str
    encoder: EncoderFingerprint
