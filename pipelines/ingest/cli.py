"""`switchback ingest ...`: the commands of the data team. Parses options and the environment,
decides nothing else.

Each command imports what it needs: `switchback status` must not wait for Ray Data and Arrow.
"""

import logging
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.errors import ModelsError
from models.types import Epoch
from pipelines.ingest.config import ChunkSettings, ClusterSettings, Gates, IngestConfig
from pipelines.ingest.console import EXIT_FAILED, ProgressLines, one_clear_line, show_json, summary
from pipelines.ingest.errors import InputError
from pipelines.ingest.settings import absolute, load_settings

if TYPE_CHECKING:
    from models.epochs import EpochStore
    from pipelines.ingest.report import RunReport

app = typer.Typer(
    name="ingest",
    help="Turn documents into a published, versioned index.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Index = Annotated[
    str | None, typer.Option("--index", help="Index folder or URI [SWITCHBACK_INDEX_URI].")
]
Profile = Annotated[str | None, typer.Option("--profile", help="[SWITCHBACK_PROFILE]")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
RayAddress = Annotated[
    str | None, typer.Option("--ray-address", help="A running Ray [RAY_ADDRESS]; else our own.")
]


@app.command()
def run(
    corpus: Annotated[str, typer.Option("--corpus", help="Folder, file, glob or URI.")] = "corpus",
    index: Index = None,
    profile: Profile = None,
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change.")] = False,
    shards: Annotated[int, typer.Option(min=1)] = 2,
    max_tokens: Annotated[int, typer.Option(min=16, help="Of a passage.")] = 160,
    overlap_tokens: Annotated[int, typer.Option(min=0)] = 24,
    max_failed: Annotated[
        float, typer.Option(min=0, max=1, help="Share of unreadable documents to put up with.")
    ] = 0.05,
    allow_shrink: Annotated[bool, typer.Option("--allow-shrink")] = False,
    allow_encoder_change: Annotated[bool, typer.Option("--allow-encoder-change")] = False,
    questions: Annotated[
        Path | None, typer.Option(help="Golden questions, JSONL of question and doc.")
    ] = None,
    ray_address: RayAddress = None,
    cpus: Annotated[int, typer.Option(min=1, help="Of our own Ray.")] = 2,
    max_tasks: Annotated[int, typer.Option(min=1, help="Reading tasks at once.")] = 2,
    task_cpus: Annotated[float, typer.Option(min=0, help="Of one reading task.")] = 0.25,
    embed_cpus: Annotated[float, typer.Option(min=0, help="Of one embedding actor.")] = 0.5,
    embed_gpus: Annotated[float, typer.Option(min=0)] = 0.0,
    embed_actors: Annotated[int, typer.Option(min=1)] = 1,
    embed_threads: Annotated[int, typer.Option(min=1)] = 2,
    batch_tokens: Annotated[
        int, typer.Option(min=256, help="Embedded, and lost by a kill, at once.")
    ] = 16_384,
    files_per_unit: Annotated[int, typer.Option(min=1, help="Read at once.")] = 24,
    run_id: Annotated[
        str | None, typer.Option(help="Of the run: begun, gone on with, or shown if done.")
    ] = None,
    reread: Annotated[
        bool, typer.Option("--reread", help="Though no file seems to have changed.")
    ] = False,
) -> None:
    """Read a corpus, embed what changed, publish a new epoch, or say why not (exit 1)."""
    with one_clear_line():
        settings = load_settings(profile, index)
        config = IngestConfig(
            corpus_uri=absolute(corpus),
            index_uri=settings.index_uri,
            encoder_id=settings.encoder_id,
            models_dir=settings.models_dir,
            catalog=settings.catalog,
            num_shards=shards,
            chunks=_chunks(max_tokens, overlap_tokens),
            gates=Gates(
                max_failed_share=max_failed,
                allow_shrink=allow_shrink,
                allow_encoder_change=allow_encoder_change,
                questions=questions,
            ),
            cluster=ClusterSettings(
                address=ray_address or settings.ray_address,
                local_cpus=cpus,
                max_tasks=max_tasks,
                task_cpus=task_cpus,
                embed_cpus=embed_cpus,
                embed_gpus=embed_gpus,
                embed_actors=embed_actors,
                embed_threads=embed_threads,
                batch_tokens=batch_tokens,
                files_per_unit=files_per_unit,
            ),
            run_id=_run_id(run_id),
            reread=reread,
            dry_run=dry_run,
        )
        _run(config, as_json=as_json)


@app.command()
def epochs(index: Index = None, as_json: AsJson = False) -> None:
    """List the versions of the index, oldest first; the live one is marked."""
    from models.epochs import EpochStore

    with one_clear_line():
        store = EpochStore(load_settings(index=index).index_uri)
        live = store.current()
        found = [_epoch_line(store, epoch, live) for epoch in store.epochs()]
    if as_json:
        show_json({"live": live, "epochs": found})
        return
    for line in found:
        mark = "*" if line["live"] else " "
        typer.echo(
            f"{mark} {line['epoch']}  {line['documents']} documents, {line['chunks']} passages, "
            f"{line['shards']} shards, {','.join(line['languages'])}  {line['encoder']}"
        )


@app.command()
def rollback(epoch: str, index: Index = None, as_json: AsJson = False) -> None:
    """Make another epoch live at once; nothing is rebuilt."""
    from models.epochs import EpochStore
    from pipelines.ingest.publish import rollback as publish_older

    with one_clear_line():
        before = publish_older(EpochStore(load_settings(index=index).index_uri), Epoch(epoch))
    if as_json:
        show_json({"live": epoch, "before": before})
    else:
        typer.echo(f"live: {epoch} (before: {before})")


@app.command()
def verify(
    epoch: Annotated[str | None, typer.Argument(help="Default: the live one.")] = None,
    index: Index = None,
    as_json: AsJson = False,
) -> None:
    """Check a published epoch: checksums, counts, recall, orphans, duplicates (a fault: exit 1)."""
    from models.epochs import EpochStore
    from pipelines.ingest.search import live_epoch
    from pipelines.ingest.storage import Storage
    from pipelines.ingest.verify import verify_epoch

    with one_clear_line():
        storage = Storage(load_settings(index=index).index_uri)
        chosen = Epoch(epoch) if epoch else live_epoch(EpochStore(storage.root))
        verdict = verify_epoch(storage, chosen)
    if as_json:
        show_json(asdict(verdict))
    else:
        typer.echo(
            f"{verdict.epoch}: {'ok' if verdict.ok else 'NOT ok'}, {verdict.chunks} passages in "
            f"{verdict.shards} shards"
        )
        for problem in verdict.problems:
            typer.echo(f"  {problem}", err=True)
    if not verdict.ok:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def quarantine(index: Index = None, as_json: AsJson = False) -> None:
    """List the documents that the last run could not read, with reasons."""
    from pipelines.ingest.quarantine import read_quarantine
    from pipelines.ingest.storage import Storage

    with one_clear_line():
        listed = read_quarantine(Storage(load_settings(index=index).index_uri))
    entries = listed.entries if listed is not None else ()
    if as_json:
        show_json({"run": listed.run if listed else None, "entries": [asdict(e) for e in entries]})
        return
    for entry in entries:
        kept = f" (its last {entry.carried} passages stay searchable)" if entry.carried else ""
        typer.echo(f"{entry.doc}: {entry.reason}{kept}")


@app.command()
def retry(
    index: Index = None,
    profile: Profile = None,
    as_json: AsJson = False,
    ray_address: RayAddress = None,
) -> None:
    """Run again over the corpus of the last run; documents that were refused get another chance.

    What has not changed is not embedded again, so this costs little more than reading.
    """
    from pipelines.ingest.quarantine import read_quarantine
    from pipelines.ingest.storage import Storage

    with one_clear_line():
        settings = load_settings(profile, index)
        listed = read_quarantine(Storage(settings.index_uri))
        if listed is None:
            raise InputError(f"index {settings.index_uri!r}: no run was made there yet")
        config = IngestConfig(
            corpus_uri=listed.corpus,
            index_uri=settings.index_uri,
            encoder_id=settings.encoder_id,
            models_dir=settings.models_dir,
            catalog=settings.catalog,
            cluster=ClusterSettings(address=ray_address or settings.ray_address),
            reread=True,
        )
        _run(config, as_json=as_json)


@app.command()
def query(
    text: Annotated[str | None, typer.Argument()] = None,
    jsonl: Annotated[
        Path | None, typer.Option(help='A file of {"id", "question"}, one a line.')
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100)] = 5,
    lang: Annotated[str | None, typer.Option("--lang", help="Only this language.")] = None,
    doc_type: Annotated[str | None, typer.Option("--type", help="Only this type.")] = None,
    valid_on: Annotated[
        str, typer.Option(help="ISO date; `any` for expired passages too. Default: today.")
    ] = "today",
    index: Index = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Search the live epoch directly, without the cluster."""
    from pipelines.ingest import queries

    with one_clear_line():
        settings = load_settings(profile, index)
        asked = queries.questions_of(text, jsonl)
        wanted = queries.filter_of(doc_type, lang, valid_on)
        texts = [question for _, question in asked]
        epoch, answers = queries.search_live(settings, texts, wanted, k)
    if jsonl is not None:
        for (number, _), hits in zip(asked, answers, strict=True):
            show_json({"id": number, "hits": [queries.hit_json(hit) for hit in hits]})
        return
    found = [queries.hit_json(hit) for hit in answers[0]]
    if as_json:
        show_json({"question": text, "epoch": epoch, "hits": found})
        return
    for hit in found:
        typer.echo(f"{hit['score']:.4f}  {hit['doc']} {hit['span']}  {hit['title']}")
        typer.echo(f"        {' '.join(hit['text'].split())[:200]}")


def main() -> None:
    """Entry point of `python -m pipelines.ingest`."""
    # Libraries' deprecations are ours to notice in tests, not the data team's in a terminal.
    warnings.simplefilter("ignore")
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    app()


def _run(config: IngestConfig, *, as_json: bool) -> None:
    from pipelines.ingest.job import run as run_job

    report = run_job(config, ProgressLines())
    _show(report, as_json=as_json)
    if report.status == "refused":
        raise typer.Exit(EXIT_FAILED)


def _show(report: "RunReport", *, as_json: bool) -> None:
    if as_json:
        show_json(report.as_json())
        if report.reason:
            typer.echo(f"refused: {report.reason}", err=True)
    else:
        typer.echo(summary(report))


def _run_id(text: str | None) -> Epoch | None:
    from models.epochs import epoch_time

    if text is not None:
        try:
            epoch_time(Epoch(text))
        except ModelsError as error:
            raise InputError(f"--run-id: {error}") from error
    return Epoch(text) if text is not None else None


def _chunks(max_tokens: int, overlap_tokens: int) -> ChunkSettings:
    try:
        return ChunkSettings(max_tokens=max_tokens, overlap_tokens=overlap_tokens)
    except ValueError as error:
        raise InputError(str(error)) from error


def _epoch_line(store: "EpochStore", epoch: Epoch, live: Epoch | None) -> dict[str, Any]:
    manifest = store.manifest(epoch)
    return {
        "epoch": epoch,
        "live": epoch == live,
        "created_at": manifest.created_at,
        "documents": manifest.document_count,
        "chunks": manifest.chunk_count,
        "shards": len(manifest.shards),
        "languages": list(manifest.languages),
        "encoder": manifest.encoder,
        "previous": manifest.previous,
    }
