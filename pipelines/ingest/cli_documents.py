"""`switchback ingest ...`: documents: search, trace, delete, quarantine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from models.types import Epoch
from pipelines.ingest.console import one_clear_line, show_json
from pipelines.ingest.options import AsJson, Index, Profile, app
from pipelines.ingest.settings import load_settings

Docs = Annotated[list[str], typer.Argument(help="Ids, as `ingest documents` lists them.")]
AnEpoch = Annotated[str | None, typer.Option("--epoch", help="Default: the live one.")]


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


@app.command()
def documents(index: Index = None, epoch: AnEpoch = None, as_json: AsJson = False) -> None:
    """List an epoch's documents, those that are kept out of answers included."""
    from models.epochs import EpochStore
    from pipelines.ingest.documents_table import documents_of
    from pipelines.ingest.search import live_epoch
    from pipelines.ingest.storage import Storage

    with one_clear_line():
        storage = Storage(load_settings(index=index).index_uri)
        chosen = Epoch(epoch) if epoch else live_epoch(EpochStore(storage.root))
        found = documents_of(storage, chosen)
    if as_json:
        show_json({"epoch": chosen, "documents": found})
        return
    for row in found:
        instead = f" (answers: {row['winner']})" if row["winner"] else ""
        typer.echo(f"{row['doc']}  {row['revision']}  {row['status']}{instead}")


@app.command()
def lineage(
    name: Annotated[str, typer.Argument(help="A chunk id or a document id.")],
    index: Index = None,
    epoch: AnEpoch = None,
) -> None:
    """Where a passage comes from, or what a document became, as JSON."""
    from models.epochs import EpochStore
    from pipelines.ingest.search import live_epoch
    from pipelines.ingest.storage import Storage
    from pipelines.ingest.tracing import trace

    with one_clear_line():
        storage = Storage(load_settings(index=index).index_uri)
        chosen = Epoch(epoch) if epoch else live_epoch(EpochStore(storage.root))
        found = trace(storage, chosen, name)
    show_json(found)


@app.command()
def delete(docs: Docs, index: Index = None, as_json: AsJson = False) -> None:
    """Take documents out of answers within seconds; the next run leaves them out of the index."""
    from pipelines.ingest.deletion import delete as hide
    from pipelines.ingest.storage import Storage

    with one_clear_line():
        stones = hide(Storage(load_settings(index=index).index_uri), docs)
    _show_deleted(list(stones.documents), as_json=as_json)


@app.command()
def restore(docs: Docs, index: Index = None, as_json: AsJson = False) -> None:
    """Lift what `delete` did. Where the index was built since, the next run brings them back."""
    from pipelines.ingest.deletion import restore as lift
    from pipelines.ingest.storage import Storage

    with one_clear_line():
        stones = lift(Storage(load_settings(index=index).index_uri), docs)
    _show_deleted(list(stones.documents), as_json=as_json)


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


def _show_deleted(docs: list[str], *, as_json: bool) -> None:
    if as_json:
        show_json({"deleted": docs})
    else:
        typer.echo(f"hidden from answers: {', '.join(docs) or 'nothing'}")
