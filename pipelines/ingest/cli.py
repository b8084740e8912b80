"""`switchback ingest ...`: the commands of the data team. Parses options and the environment,
decides nothing else. Here are the verbs that make an epoch; the others are in cli_epochs and
cli_documents.

Each command imports what it needs: `switchback status` must not wait for Ray Data and Arrow.
"""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import ModelsError
from models.types import Epoch
from pipelines.ingest import cli_documents, cli_epochs
from pipelines.ingest.config import ChunkSettings, ClusterSettings, Gates, IngestConfig
from pipelines.ingest.console import EXIT_FAILED, ProgressLines, one_clear_line, show_json, summary
from pipelines.ingest.errors import InputError
from pipelines.ingest.options import AsJson, Index, Profile, RayAddress, app
from pipelines.ingest.settings import absolute, load_settings

if TYPE_CHECKING:
    from pipelines.ingest.report import RunReport

__all__ = ["app", "cli_documents", "cli_epochs", "main"]


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
