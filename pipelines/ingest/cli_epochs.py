"""`switchback ingest ...`: versions of the index, and how far a run is."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.types import Epoch
from pipelines.ingest.console import EXIT_FAILED, one_clear_line, show_json
from pipelines.ingest.errors import InputError
from pipelines.ingest.options import AsJson, Index, app
from pipelines.ingest.settings import load_settings

if TYPE_CHECKING:
    from models.epochs import EpochStore


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
    absent: Annotated[
        str | None, typer.Option(help="Prove instead that this text is nowhere any more.")
    ] = None,
    index: Index = None,
    as_json: AsJson = False,
) -> None:
    """Check a published epoch: checksums, counts, recall, orphans, duplicates (a fault: exit 1)."""
    if absent is not None:
        _verify_absent(absent, index, as_json=as_json)
        return
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
def collect(
    keep: Annotated[int, typer.Option(min=1, help="Epochs, the live one included.")] = 3,
    index: Index = None,
    as_json: AsJson = False,
) -> None:
    """Remove old epochs and what dead runs left. `--keep 1` erases deleted documents everywhere."""
    from models.epochs import EpochStore
    from pipelines.ingest.publish import collect_garbage
    from pipelines.ingest.storage import Storage

    with one_clear_line():
        storage = Storage(load_settings(index=index).index_uri)
        removed = collect_garbage(storage, EpochStore(storage.root), keep)
    if as_json:
        show_json({"removed": removed})
    else:
        typer.echo(f"removed: {', '.join(removed) or 'nothing'}")


@app.command()
def status(index: Index = None, as_json: AsJson = False) -> None:
    """How far the newest run is: stage, documents and passages a second, queues, time left."""
    from pipelines.ingest.keeping import state_of_newest
    from pipelines.ingest.storage import Storage

    with one_clear_line():
        found = state_of_newest(Storage(load_settings(index=index).index_uri))
        if found is None:
            raise InputError("no run was made there yet")
    if as_json:
        show_json(found)
        return
    progress = found["progress"] or {}
    typer.echo(f"{found['run']}: {found['state']}")
    for name in ("stage", "done", "total", "unit", "per_s", "beside_per_s", "queues", "eta_s"):
        if progress.get(name) is not None:
            typer.echo(f"  {name}: {progress[name]}")


def _verify_absent(text: str, index: str | None, *, as_json: bool) -> None:
    from pipelines.ingest.absent import prove_absent
    from pipelines.ingest.storage import Storage

    with one_clear_line():
        settings = load_settings(index=index)
        proof = prove_absent(Storage(settings.index_uri), text, [settings.cache_dir])
    if as_json:
        show_json({"absent": proof.ok, **asdict(proof)})
    else:
        typer.echo(f"{'absent' if proof.ok else 'STILL THERE'}: {proof.files} files looked into")
        for one in proof.findings:
            where = "hidden, kept to roll back to" if one.hidden else "found"
            typer.echo(f"  {where}: {one.file} {one.doc or ''}".rstrip(), err=True)
    if not proof.ok:
        raise typer.Exit(EXIT_FAILED)


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
