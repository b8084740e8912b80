"""`switchback dlq|privacy|keys ...`: parses options and prints reports. Decides nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deployments.local import desk
from deployments.local.errors import UsageError
from deployments.settings import load_settings

# ruff: noqa: FBT002  # flags are keywords on a command line

EXIT_FAILED = 1

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
TurnId = Annotated[str, typer.Argument(metavar="TURN_ID", help="As `dlq list` shows it.")]
Identifier = Annotated[
    str,
    typer.Argument(metavar="IDENTIFIER", help="A BSUID, wa_id or contact id."),
]


def run(group: str, arguments: list[str]) -> None:
    """One of the groups below, as a program of its own."""
    commands = {"dlq": dlq, "privacy": privacy, "keys": keys}
    commands[group](arguments, prog_name=f"switchback {group}")


def _group(name: str, text: str) -> typer.Typer:
    return typer.Typer(
        name=name,
        help=text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


dlq = _group("dlq", "Dead letters: turns that failed for good, with their messages.")
privacy = _group("privacy", "One person: everything that is kept, its erasure, and the proof.")
keys = _group("keys", "Keys of /admin, each with a name and scopes.")


@dlq.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those replayed.")] = False,
    as_json: AsJson = False,
) -> None:
    """The latest dead letters."""
    report = desk.dead_letters(load_settings(), limit, replayed=replayed)
    if as_json:
        _print(report)
        return
    table = Table("turn", "buried", "attempts", "reason", "replayed", box=None, pad_edge=False)
    for letter in report["dead_letters"]:
        buried, replayed_at = letter["created_at"], letter["replayed_at"]
        table.add_row(
            str(letter["turn_id"]),
            f"{buried:%Y-%m-%d %H:%M}",
            str(letter["attempts"]),
            letter["reason"][:80],
            f"{replayed_at:%Y-%m-%d %H:%M}" if replayed_at else "",
        )
    Console(highlight=False).print(table if table.row_count else "no dead letters")


@dlq.command("show")
def show_letter(turn_id: TurnId, as_json: AsJson = False) -> None:
    """Reason, attempts and payload of one."""
    report = desk.dead_letter(load_settings(), turn_id)
    if as_json:
        _print(report)
        return
    out = Console(highlight=False, soft_wrap=True)
    for name in ("turn_id", "conversation_id", "created_at", "attempts", "reason", "replayed_at"):
        out.print(f"{name:16} {report[name]}", markup=False)
    for message in report["messages"]:
        said = f"{message['sent_at']:%Y-%m-%d %H:%M:%S} {message['type']}: {message['text']}"
        out.print(said, markup=False)


@dlq.command("replay")
def replay_letters(
    turn_ids: Annotated[list[str] | None, typer.Argument(metavar="TURN_ID...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All not replayed yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Answer their messages after all. A second replay has no effect."""
    report = desk.replay_dead_letters(load_settings(), turn_ids or [], everything=everything)
    if as_json:
        _print(report)
        return
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report["counts"].items())
    typer.echo(counts or "no dead letters")


@privacy.command("export")
def export(
    identifier: Identifier,
    to: Annotated[Path | None, typer.Option("--to", help="A file; else standard output.")] = None,
) -> None:
    """Everything that is kept of a person, as JSON."""
    report = _text(desk.export(load_settings(), identifier))
    if to is None:
        typer.echo(report)
        return
    try:
        to.touch(mode=0o600)  # before anything is in it
        to.write_text(report, "utf-8")
    except OSError as error:
        raise UsageError(f"--to {to}: {error.strerror}") from None


@privacy.command("erase")
def erase(
    identifier: Identifier,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a person from every table, cache and log of this machine. There is no way back."""
    if not yes:
        typer.confirm("Everything that is kept of this person goes for good. Go on?", abort=True)
    report = desk.erase(load_settings(), identifier)
    if as_json:
        _print(report)
    else:
        typer.echo(f"{len(report['contacts'])} contacts erased; {_verdict(report['verified'])}")
    if not report["verified"]["absent"]:
        raise typer.Exit(EXIT_FAILED)


@privacy.command("verify")
def verify(identifier: Identifier, as_json: AsJson = False) -> None:
    """Look for a person in every table, cache and log; exit 1 when something is found."""
    report = desk.verify(load_settings(), identifier)
    if as_json:
        _print(report)
    else:
        typer.echo(_verdict(report))
    if not report["absent"]:
        raise typer.Exit(EXIT_FAILED)


def _verdict(report: Mapping[str, Any]) -> str:
    rows = sum(report["scanned"].values())
    looked = (
        f"{rows} rows of {len(report['scanned'])} tables, the cache and the logs looked through"
    )
    if report["absent"]:
        return f"absent: {looked}"
    places = [f"{place} ({count})" for place, count in report["found"].items()]
    others = ("unreadable", "cache", "log_lines", "unreadable_logs")
    places += [f"{name.replace('_', ' ')} ({report[name]})" for name in others if report[name]]
    return f"present: {', '.join(places)}; {looked}"


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Whose key it is; the audit log shows it.")],
    scopes: Annotated[
        list[str],
        typer.Option("--scope", help="read, handover, consent, dlq, privacy, costs or audit."),
    ],
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once."""
    report = desk.add_key(load_settings(), name, scopes)
    _print(report) if as_json else typer.echo(report["key"])


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Names and scopes; never the keys."""
    report = desk.keys(load_settings())
    if as_json:
        _print(report)
        return
    table = Table("name", "scopes", "since", "revoked", box=None, pad_edge=False)
    for key in report["keys"]:
        revoked = key["revoked_at"]
        table.add_row(
            key["name"],
            ", ".join(key["scopes"]),
            f"{key['created_at']:%Y-%m-%d %H:%M}",
            f"{revoked:%Y-%m-%d %H:%M}" if revoked else "",
        )
    Console(highlight=False).print(table if table.row_count else "no keys")


@keys.command("revoke")
def revoke_key(name: str, as_json: AsJson = False) -> None:
    """From now on it opens nothing."""
    report = desk.revoke_key(load_settings(), name)
    _print(report) if as_json else typer.echo(f"revoked {name}")


def _print(report: Mapping[str, Any]) -> None:
    typer.echo(_text(report))


def _text(report: Mapping[str, Any]) -> str:
    return json.dumps(report, ensure_ascii=False, default=str)
