"""One batch run, from a corpus to a published epoch or a refusal: the table of contents of this
room.

    discover → read, clean, chunk → choose which documents answer → (skip what has a vector)
    → embed → build shards → check → publish → collect garbage

Each stage leaves files under the index root and passes over what is there already, so that a run
that was killed anywhere goes on. The driver holds names, counts and digests; passages and vectors
stay in Ray's blocks and in Parquet.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any, TypeVar

from models.checksums import sha256_text
from models.epochs import EpochStore, epoch_time, new_epoch_id
from models.errors import ModelsError
from models.manifest import Manifest, Trek
from models.tombstones import read_tombstones
from models.types import Epoch
from pipelines.ingest import checks, deletion, runs
from pipelines.ingest.board import Reporter
from pipelines.ingest.build import BuiltShard, ShardOrder, build_shard, check_shard
from pipelines.ingest.cluster import RAY_ERRORS, call, call_all, plain_error, ray_session
from pipelines.ingest.config import IngestConfig
from pipelines.ingest.documents_table import (
    NAME,
    DocumentsSummary,
    ListOrder,
    carry_over,
    list_documents,
    name_in,
)
from pipelines.ingest.errors import IngestError, InputError, Refused
from pipelines.ingest.gazetteer import merge_treks, read_gazetteer
from pipelines.ingest.keeping import ReportKeeper
from pipelines.ingest.lineage import Lineage, read_lineage, write_lineage
from pipelines.ingest.plan import count_missing, make_plan
from pipelines.ingest.progress import Listener, ignore
from pipelines.ingest.publish import collect_garbage, compare_and_publish
from pipelines.ingest.quarantine import write_quarantine
from pipelines.ingest.reading import reading_of
from pipelines.ingest.report import RunReport, report_from_json
from pipelines.ingest.search import share_of_answered
from pipelines.ingest.sources import Corpus, discover
from pipelines.ingest.staged import Part, PartSummary, QuarantineEntry, divide, failures, summarise
from pipelines.ingest.stages import (
    EmbedderSettings,
    EmbedOrder,
    ReadOrder,
    embed_planned,
    stage_units,
)
from pipelines.ingest.storage import Storage
from pipelines.ingest.training import train_once
from pipelines.ingest.unchanged import nothing_changed, source_state
from pipelines.ingest.units import staged_units, units_of
from pipelines.ingest.vectors import count_vectors, folder_of, whole_files

Result = TypeVar("Result")


def run(config: IngestConfig, progress: Listener = ignore) -> RunReport:
    """Run once, or go on with a run that was killed. A refusal is a report with its reason; raises
    InputError when there is nothing to run on.
    """
    began = time.monotonic()
    storage = Storage(config.index_uri)
    if config.run_id is not None and runs.is_finished(storage, config.run_id):
        return report_from_json(storage.read_json(f"{runs.FOLDER}/{config.run_id}/report.json"))
    one = _Run(config, storage, discover(config.corpus_uri))
    with ExitStack() as stack:
        stack.enter_context(runs.held(storage, one.state))
        keeper = ReportKeeper(storage, one.state.folder)
        one.reporter = Reporter([progress, keeper.progress])
        try:
            one.execute(stack)
        except (IngestError, ModelsError, OSError, *RAY_ERRORS) as error:
            plain = plain_error(error)
            if isinstance(plain, InputError):
                one.forget()
            if isinstance(plain, OSError):  # a full disk says not where; its text is Ray's by now
                raise OSError(f"index {config.index_uri!r}: {plain.strerror or plain}") from error
            if not isinstance(plain, (Refused, ModelsError)):
                raise plain from error  # nothing is decided: the same command may go on
            one.report.status, one.report.reason = "refused", str(plain)
        one.close(time.monotonic() - began)
        keeper.keep(one.report)
    return one.report


class _Run:
    """The state of one run between its stages."""

    reporter: Reporter

    def __init__(self, config: IngestConfig, storage: Storage, corpus: Corpus) -> None:
        self._config = config
        self._corpus = corpus
        self._storage = storage
        self._epochs = EpochStore(config.index_uri)
        self._reading = reading_of(config)
        live = self._epochs.live()
        self._live = self._epochs.manifest(live) if live is not None else None
        self.state = self._begin(live)
        self._staged = f"{self.state.folder}/staged"
        self.report = self._fresh_report(live)

    def execute(self, stack: ExitStack) -> None:
        """The stages in order; each fills in its part of the report."""
        if self._live is not None and self._live.epoch == self.state.run:
            self._finish("published")  # killed between its publish and its report
            return
        checks.check_encoder(self._live, self.report.encoder, self._config.gates)
        if not self._config.reread and self._is_untouched():
            self._finish("unchanged")
            return
        gazetteer = read_gazetteer(self._corpus.gazetteer)
        with self.reporter.stage("prepare", None, "cluster"):
            stack.enter_context(ray_session(self._config.cluster))
            self.reporter.use_ray()
        documents = self._read()
        parts, summaries = self._divide()
        self._describe(documents, summaries)
        passages_treks = [trek for summary in summaries for trek in summary.treks]
        treks = merge_treks(documents.named_treks, passages_treks, gazetteer)
        self.report.treks = len(treks)
        lineage = self._lineage(documents, summaries, treks)
        made = read_lineage(self._storage, self._live.epoch) if self._live is not None else None
        if made is not None and made.digest == lineage.digest:
            # What cannot be read was carried over and makes no difference; it is told all the same.
            gates = self._config.gates
            checks.check_failures(self.report.quarantined, self.report.files, gates)
            self._remember(lineage)
            self._finish("unchanged")
        elif self._config.dry_run:
            self.report.embedded = self._missing()
            self.report.status = "dry-run"
        else:
            self._make(documents, parts, summaries, treks, lineage)

    def close(self, total_s: float) -> None:
        """Remove what was only needed on the way."""
        self.report.seconds = self.reporter.seconds
        self.report.total_s = round(total_s, 3)
        self._storage.remove(self._staged)
        if self.report.status != "published":
            self._storage.remove(f"epochs/{self.state.run}")

    def forget(self) -> None:
        """Leave nothing of a run that had nothing to run on."""
        self._storage.remove(self.state.folder)

    def _begin(self, live: Epoch | None) -> runs.RunState:
        key = sha256_text(
            self._config.corpus_uri,
            self._corpus.signature(),
            str(self._settings()),
            str((self._config.cluster.files_per_unit, self._config.cluster.batch_tokens)),
            str(self._config.dry_run),
        )
        run = self._config.run_id or new_epoch_id()
        fresh = runs.RunState(run, self._config.corpus_uri, key, live)
        return runs.begin(self._storage, fresh, named=self._config.run_id is not None)

    def _settings(self) -> dict[str, Any]:
        """What besides the documents decides how an epoch looks."""
        return {
            "encoder": self._reading.fingerprints.encoder,
            "chunker": self._reading.fingerprints.chunker,
            "chunks": asdict(self._config.chunks),
            "num_shards": self._config.num_shards,
        }

    def _fresh_report(self, live: Epoch | None) -> RunReport:
        report = RunReport(
            self.state.run, self._config.corpus_uri, self._config.index_uri, epoch=live
        )
        report.previous = self.state.previous
        report.began_at = epoch_time(self.state.run).isoformat(timespec="seconds")
        report.files = len(self._corpus.files)
        report.settings = self._settings()
        report.encoder = report.settings["encoder"]
        report.chunker = report.settings["chunker"]
        return report

    def _finish(self, status: str) -> None:
        """The live epoch is what the corpus is: what was hidden meanwhile and is back may show."""
        assert self._live is not None
        deletion.lift_found(self._storage, self._live.epoch)
        report = self.report
        report.status = "published" if status == "published" else "unchanged"
        report.documents, report.chunks = self._live.document_count, self._live.chunk_count

    def _is_untouched(self) -> bool:
        now = self._source(None, readable=True)
        lineage = Lineage(self.state.run, self._config.corpus_uri, "", self._settings(), now)
        live = self._live.epoch if self._live is not None else None
        return nothing_changed(self._storage, live, now, lineage)

    def _source(self, good_until: str | None, *, readable: bool) -> Any:
        listed_at = self._corpus.listed_at
        return source_state(
            self._storage, self._corpus, listed_at, good_until=good_until, readable=readable
        )

    def _read(self) -> DocumentsSummary:
        units = units_of(self._corpus.files, self._config.cluster.files_per_unit)
        done = staged_units(self._storage, self._staged)
        self.report.resumed = bool(done)
        files_done = sum(unit.files for unit in done.values())
        with self.reporter.stage("read", self.report.files, "documents", done=files_done):
            reads = ReadOrder(self._storage, self._staged, self._reading)
            pending = [unit for unit in units if unit.number not in done]
            stage_units(reads, pending, self._config.cluster, self.reporter.board)
        with self.reporter.stage("choose", None, "documents"):
            self._quarantine(self._call(failures, self._storage, self._staged))
            live = self._live.epoch if self._live is not None else None
            stones = deletion.by_hand(read_tombstones(self._storage.root))
            order = ListOrder(self.state.folder, self._staged, live, stones, self.state.date)
            return self._call(list_documents, self._storage, order)

    def _quarantine(self, refused: Sequence[QuarantineEntry]) -> None:
        """Keep what the live epoch has of them, and write them down."""
        if refused and self._live is not None:
            carried = self._call(
                carry_over, self._storage, self._staged, self._live.epoch, refused, self._reading
            )
            refused = [replace(entry, carried=carried.get(entry.doc, 0)) for entry in refused]
        self.report.quarantined = list(refused)
        self.report.carried = sum(entry.carried for entry in refused)
        if not self._config.dry_run:
            write_quarantine(self._storage, self.state.run, self._config.corpus_uri, refused)

    def _divide(self) -> tuple[list[Part], list[PartSummary]]:
        where = (self._storage, self.state.folder, self._staged)
        parts = self._call(divide, *where, self._config.num_shards)
        calls = [(self._storage, part) for part in parts]
        return parts, call_all(summarise, calls, self._config.cluster)

    def _describe(self, documents: DocumentsSummary, summaries: Sequence[PartSummary]) -> None:
        report = self.report
        report.documents, report.chunks = documents.num_docs, documents.num_chunks
        report.added, report.changed = documents.added, documents.changed
        report.removed = len(documents.removed)
        report.changes = {name: list(docs) for name, docs in documents.changes.items()}
        report.withheld = dict(documents.withheld)
        report.withheld_first = [list(one) for one in documents.withheld_first]
        report.languages_of_documents = {
            name: list(counts) for name, counts in documents.languages.items()
        }
        report.formats = dict(documents.formats)
        report.languages = checks.added_up(summary.languages for summary in summaries)
        report.lengths = checks.added_up(summary.lengths for summary in summaries)

    def _lineage(
        self, documents: DocumentsSummary, summaries: Sequence[PartSummary], treks: Sequence[Trek]
    ) -> Lineage:
        names = [f"{trek.name}={'|'.join(trek.aliases)}" for trek in treks]
        settings = self._settings()
        digests = [summary.digest for summary in summaries]
        made_by = (settings["encoder"], settings["chunker"])
        digest = sha256_text(*made_by, *digests, "treks", *names)
        readable = not self.report.quarantined
        source = self._source(documents.good_until, readable=readable)
        return Lineage(self.state.run, self._config.corpus_uri, digest, settings, source)

    def _remember(self, lineage: Lineage) -> None:
        """The live epoch says what this listing looked like: the next run need not read it."""
        assert self._live is not None
        if not self._config.dry_run:
            known = read_lineage(self._storage, self._live.epoch)
            run = known.run if known is not None else lineage.run
            write_lineage(self._storage, self._live.epoch, replace(lineage, run=run))

    def _missing(self) -> int:
        where = (self._storage, self.state.folder, self._staged)
        return self._call(count_missing, *where, self.report.encoder)

    def _make(
        self,
        documents: DocumentsSummary,
        parts: Sequence[Part],
        summaries: Sequence[PartSummary],
        treks: tuple[Trek, ...],
        lineage: Lineage,
    ) -> None:
        """Embed, build, check, publish. A gate refuses the publish and not the work before it."""
        gates = self._config.gates
        refusals = checks.reasons(
            lambda: checks.check_failures(self.report.quarantined, self.report.files, gates),
            lambda: checks.check_shrink(
                self._live, self.report.chunks, self.report.languages, gates
            ),
        )
        if not refusals:
            deletion.hide_removed(self._storage, documents.removed)
        self._embed()
        shards = self._build(parts, max(part.num_chunks for part in summaries))
        refusals += checks.reasons(
            lambda: checks.check_counts(summaries, shards, documents.num_chunks),
            lambda: checks.check_recall(shards, gates),
        )
        manifest = self._manifest(shards, treks)
        if not refusals:
            self._write(manifest, lineage)
            refusals = checks.reasons(self._ask_questions, lambda: self._check_shards(manifest))
        if refusals:
            raise Refused("; ".join(refusals))
        self._publish()

    def _embed(self) -> None:
        cluster, encoder = self._config.cluster, self.report.encoder
        with self.reporter.stage("plan", None, "passages"):
            where = (self._storage, self.state.folder, self._staged)
            plan = self._call(make_plan, *where, encoder)
            made = f"{folder_of(encoder)}/{self.state.run}"
            before = self._call(count_vectors, self._storage, made)
        self.report.embedded, self.report.encoded = plan.passages, plan.passages - before
        if not self.report.encoded:
            return
        config = self._config
        settings = EmbedderSettings(
            config.encoder_id, config.models_dir, config.catalog, cluster.embed_threads
        )
        order = EmbedOrder(
            self._storage, self.state.folder, plan.groups, encoder, cluster.batch_tokens
        )
        with self.reporter.stage("embed", plan.passages, "passages"):
            embed_planned(order, settings, cluster, self.reporter.board)

    def _build(self, parts: Sequence[Part], largest: int) -> list[BuiltShard]:
        encoder = self._reading.fingerprints.encoder
        with self.reporter.stage("build", None, "shards"):
            files = tuple(self._call(whole_files, self._storage, encoder))
            training = self._call(
                train_once, self._storage, f"epochs/{self.state.run}", parts, largest, files
            )
            orders = [ShardOrder(part, self.state.run, encoder, files, training) for part in parts]
            calls = [(self._storage, order) for order in orders]
            shards = call_all(build_shard, calls, self._config.cluster)
            if training is not None:
                self._storage.remove(training.name)
        self.report.shards = [shard.report() for shard in shards]
        return shards

    def _manifest(self, shards: Sequence[BuiltShard], treks: tuple[Trek, ...]) -> Manifest:
        return Manifest(
            epoch=self.state.run,
            created_at=self.report.began_at,
            encoder=self._reading.fingerprints.encoder,
            dim=shards[0].dim,
            chunker=self.report.chunker,
            shards=tuple(shard.entry for shard in shards),
            document_count=self.report.documents,
            chunk_count=sum(shard.entry.chunk_count for shard in shards),
            languages=tuple(sorted(self.report.languages)),
            treks=treks,
            previous=self.state.previous,
        )

    def _write(self, manifest: Manifest, lineage: Lineage) -> None:
        """The manifest last: an epoch without one is not an epoch."""
        listed = self._storage.read_bytes(f"{self.state.folder}/{NAME}")
        self._storage.write_bytes(name_in(self.state.run), listed)
        write_lineage(self._storage, self.state.run, lineage)
        self._epochs.write(manifest)

    def _ask_questions(self) -> None:
        gates = self._config.gates
        if gates.questions is None:
            return
        questions = checks.read_questions(gates.questions)
        with self.reporter.stage("questions", len(questions), "questions"):
            new = self._call(share_of_answered, self._config, self.state.run, questions)
            live = None
            if self._live is not None and self._live.encoder == self.report.encoder:
                live = self._call(share_of_answered, self._config, self._live.epoch, questions)
        self.report.questions, self.report.questions_before = new, live
        checks.check_questions(new, live, gates)

    def _check_shards(self, manifest: Manifest) -> None:
        """Whatever happened to the files since they were built, they are whole now."""
        with self.reporter.stage("check", len(manifest.shards), "shards"):
            calls = [(self._storage, manifest, number) for number in range(len(manifest.shards))]
            found = call_all(check_shard, calls, self._config.cluster)
        problems = [problem for problem in found if problem is not None]
        if problems:
            raise Refused("; ".join(problems))

    def _publish(self) -> None:
        compare_and_publish(self._epochs, self.state.run, self.state.previous)
        self.report.status, self.report.epoch = "published", self.state.run
        deletion.lift_found(self._storage, self.state.run)
        removed = collect_garbage(self._storage, self._epochs, self._config.keep_epochs)
        self.report.collected = list(removed)

    def _call(self, function: Callable[..., Result], *arguments: object) -> Result:
        return call(function, *arguments, cluster=self._config.cluster)
