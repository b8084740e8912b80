"""One batch run, from a corpus to a published epoch or a refusal: the table of contents of this
room.

    discover → read, clean, chunk → (skip what has a vector) → embed → write vectors
    → build shards → check → publish → collect garbage

The driver holds names, counts and digests; passages and vectors stay in Ray's blocks and in
Parquet.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TypeVar

from models.checksums import sha256_text
from models.epochs import EpochStore, new_epoch_id
from models.errors import ModelsError
from models.manifest import Manifest, Trek
from pipelines.ingest import checks
from pipelines.ingest.board import Reporter
from pipelines.ingest.build import BuiltShard, ShardOrder, build_shard
from pipelines.ingest.cluster import call, call_all, plain_error, ray_session
from pipelines.ingest.config import IngestConfig
from pipelines.ingest.documents import Reading
from pipelines.ingest.documents_table import (
    DocumentsSummary,
    carry_over,
    summarise_documents,
    write_documents,
)
from pipelines.ingest.errors import IngestError, InputError
from pipelines.ingest.gazetteer import merge_treks, read_gazetteer
from pipelines.ingest.lineage import Lineage, read_digest, write_lineage
from pipelines.ingest.progress import Listener, ignore
from pipelines.ingest.publish import collect_garbage, compare_and_publish
from pipelines.ingest.quarantine import write_quarantine
from pipelines.ingest.reading import reading_of
from pipelines.ingest.report import RunReport, ShardReport
from pipelines.ingest.search import share_of_answered
from pipelines.ingest.sources import Corpus, discover
from pipelines.ingest.staged import Part, PartSummary, QuarantineEntry, divide, failures, summarise
from pipelines.ingest.stages import EmbedderSettings, EmbedOrder, embed_missing, stage_passages
from pipelines.ingest.storage import Storage
from pipelines.ingest.vectors import count_missing, folder_of, known_keys, whole_files

Result = TypeVar("Result")


def run(config: IngestConfig, progress: Listener = ignore) -> RunReport:
    """Run once. A refusal is a report with its reason; raises InputError when there is nothing to
    run on.
    """
    began = time.monotonic()
    corpus = discover(config.corpus_uri)
    with ray_session(config.cluster):
        one = _Run(config, corpus, Reporter(progress))
        try:
            one.execute()
        except (IngestError, ModelsError) as error:
            plain = plain_error(error)
            if isinstance(plain, InputError):
                raise plain from error
            one.report.status, one.report.reason = "refused", str(plain)
        finally:
            one.close(time.monotonic() - began)
    return one.report


class _Run:
    """The state of one run between its stages."""

    def __init__(self, config: IngestConfig, corpus: Corpus, reporter: Reporter) -> None:
        self._config = config
        self._corpus = corpus
        self._reporter = reporter
        self._storage = Storage(config.index_uri)
        self._epochs = EpochStore(config.index_uri)
        live = self._epochs.current()
        self._live = self._epochs.manifest(live) if live is not None else None
        self._epoch = new_epoch_id()
        self._folder = f"runs/{self._epoch}"
        self._staged = f"{self._folder}/staged"
        self.report = RunReport(
            self._epoch, config.corpus_uri, config.index_uri, epoch=live, previous=live
        )
        self.report.files = len(corpus.files)

    def execute(self) -> None:
        """The stages in order; each fills in its part of the report."""
        gazetteer = read_gazetteer(self._corpus.gazetteer)
        reading = self._prepare()
        documents = self._read(reading)
        parts, summaries = self._divide()
        self._describe(documents, summaries)
        passages_treks = [trek for summary in summaries for trek in summary.treks]
        treks = merge_treks(documents.named_treks, passages_treks, gazetteer)
        self.report.treks = len(treks)
        lineage = self._lineage(reading, summaries, treks)
        checks.check_failures(self.report.quarantined, self.report.files, self._config.gates)
        if self._is_live(lineage):
            self.report.status = "unchanged"
            return
        self._check_content(documents)
        if self._config.dry_run:
            self.report.status, self.report.embedded = "dry-run", self._missing(reading)
            return
        self._embed(reading)
        shards = self._build(parts, reading)
        checks.check_counts(summaries, shards, documents.num_chunks)
        checks.check_recall(shards, self._config.gates)
        self._write(self._manifest(reading, shards, treks), lineage)
        self._ask_questions()
        self._publish()

    def close(self, total_s: float) -> None:
        """Leave the report; remove what was only needed on the way."""
        self.report.seconds = self._reporter.seconds
        self.report.total_s = round(total_s, 3)
        self._storage.remove(self._staged)
        if self.report.status != "published":
            self._storage.remove(f"epochs/{self._epoch}")
        self._storage.write_json(f"{self._folder}/report.json", self.report.as_json())

    def _prepare(self) -> Reading:
        with self._reporter.stage("prepare", None, "model"):
            reading = reading_of(self._config)
        self.report.encoder = reading.fingerprints.encoder
        self.report.chunker = reading.fingerprints.chunker
        checks.check_encoder(self._live, reading.fingerprints.encoder, self._config.gates)
        return reading

    def _read(self, reading: Reading) -> DocumentsSummary:
        files = self._corpus.files
        self._storage.make_folder(self._staged)
        with self._reporter.stage("read", len(files), "documents"):
            target, board = self._storage.uri(self._staged), self._reporter.board
            stage_passages(files, reading, target, self._config.cluster, board)
            self._quarantine(self._call(failures, self._storage, self._staged), reading)
            live = self._live.epoch if self._live is not None else None
            return self._call(summarise_documents, self._storage, self._staged, live)

    def _quarantine(self, refused: Sequence[QuarantineEntry], reading: Reading) -> None:
        """Keep what the live epoch has of them, and write them down."""
        if refused and self._live is not None:
            carried = self._call(
                carry_over, self._storage, self._staged, self._live.epoch, refused, reading
            )
            refused = [replace(entry, carried=carried.get(entry.doc, 0)) for entry in refused]
        self.report.quarantined = list(refused)
        self.report.carried = sum(entry.carried for entry in refused)
        if not self._config.dry_run:
            write_quarantine(self._storage, self._epoch, self._config.corpus_uri, refused)

    def _divide(self) -> tuple[list[Part], list[PartSummary]]:
        parts = divide(self._storage, self._staged, self._config.num_shards)
        calls = [(self._storage, part) for part in parts]
        return parts, call_all(summarise, calls, self._config.cluster)

    def _describe(self, documents: DocumentsSummary, summaries: Sequence[PartSummary]) -> None:
        report = self.report
        report.documents, report.chunks = documents.num_docs, documents.num_chunks
        report.added, report.changed = documents.added, documents.changed
        report.removed = documents.removed
        for summary in summaries:
            for language, count in summary.languages.items():
                report.languages[language] = report.languages.get(language, 0) + count

    def _lineage(
        self, reading: Reading, summaries: Sequence[PartSummary], treks: Sequence[Trek]
    ) -> Lineage:
        names = [f"{trek.name}={'|'.join(trek.aliases)}" for trek in treks]
        prints = reading.fingerprints
        digests = [summary.digest for summary in summaries]
        digest = sha256_text(prints.encoder, prints.chunker, *digests, "treks", *names)
        settings = {"chunks": asdict(reading.chunks), "num_shards": self._config.num_shards}
        return Lineage(self._epoch, self._config.corpus_uri, digest, settings)

    def _is_live(self, lineage: Lineage) -> bool:
        return (
            self._live is not None
            and read_digest(self._storage, self._live.epoch) == lineage.digest
        )

    def _check_content(self, documents: DocumentsSummary) -> None:
        report, gates = self.report, self._config.gates
        checks.check_documents(documents)
        checks.check_shrink(self._live, report.chunks, report.languages, gates)

    def _missing(self, reading: Reading) -> int:
        """How many vectors a run would have to make."""
        known = known_keys(self._storage, reading.fingerprints.encoder)
        return self._call(count_missing, self._storage, self._passage_files(), known)

    def _embed(self, reading: Reading) -> None:
        encoder, cluster = reading.fingerprints.encoder, self._config.cluster
        missing = self._missing(reading)
        self.report.embedded = missing
        if not missing:
            return
        settings = EmbedderSettings(
            self._config.encoder_id,
            self._config.models_dir,
            self._config.catalog,
            cluster.embed_threads,
        )
        folder = f"{folder_of(encoder)}/{self._epoch}"
        self._storage.make_folder(folder)
        with self._reporter.stage("embed", missing, "passages"):
            known = known_keys(self._storage, encoder)
            target, files = self._storage.uri(folder), self._passage_files()
            order = EmbedOrder(self._storage, files, known, target)
            embed_missing(order, settings, cluster, self._reporter.board)

    def _passage_files(self) -> list[str]:
        return [
            name for name in self._storage.parquet_files(self._staged) if "/shard=-" not in name
        ]

    def _build(self, parts: Sequence[Part], reading: Reading) -> list[BuiltShard]:
        encoder = reading.fingerprints.encoder
        files = tuple(whole_files(self._storage, encoder))
        orders = [ShardOrder(part, self._epoch, encoder, files) for part in parts]
        with self._reporter.stage("build", None, "shards"):
            calls = [(self._storage, order) for order in orders]
            shards = call_all(build_shard, calls, self._config.cluster)
        self.report.shards = [
            ShardReport(s.number, s.entry.chunk_count, s.entry.size_bytes, s.index, s.recall)
            for s in shards
        ]
        return shards

    def _manifest(
        self, reading: Reading, shards: Sequence[BuiltShard], treks: tuple[Trek, ...]
    ) -> Manifest:
        return Manifest(
            epoch=self._epoch,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            encoder=reading.fingerprints.encoder,
            dim=shards[0].dim,
            chunker=reading.fingerprints.chunker,
            shards=tuple(shard.entry for shard in shards),
            document_count=self.report.documents,
            chunk_count=sum(shard.entry.chunk_count for shard in shards),
            languages=tuple(sorted(self.report.languages)),
            treks=treks,
            previous=self._live.epoch if self._live is not None else None,
        )

    def _write(self, manifest: Manifest, lineage: Lineage) -> None:
        """The manifest last: an epoch without one is not an epoch."""
        self._call(write_documents, self._storage, self._staged, self._epoch)
        write_lineage(self._storage, self._epoch, lineage)
        self._epochs.write(manifest)

    def _ask_questions(self) -> None:
        gates = self._config.gates
        if gates.questions is None:
            return
        questions = checks.read_questions(gates.questions)
        with self._reporter.stage("questions", len(questions), "questions"):
            new = self._call(share_of_answered, self._config, self._epoch, questions)
            live = None
            if self._live is not None and self._live.encoder == self.report.encoder:
                live = self._call(share_of_answered, self._config, self._live.epoch, questions)
        self.report.questions = new
        checks.check_questions(new, live, gates)

    def _publish(self) -> None:
        compare_and_publish(self._epochs, self._epoch, self._live.epoch if self._live else None)
        self.report.status, self.report.epoch = "published", self._epoch
        removed = collect_garbage(self._storage, self._epochs, self._config.keep_epochs)
        self.report.collected = list(removed)

    def _call(self, function: Callable[..., Result], *arguments: object) -> Result:
        return call(function, *arguments, cluster=self._config.cluster)
