"""The command line's dead letters, personal data and keys, on real stores without a cluster."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cli
from serving.types import Turn
from tests.integration.serving.world import CUSTOMER, KEYS, World, play, text

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`switchback ...` with these stores in its environment."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEYS": KEYS[0],
        "HTTP_PORT": "1",
    }.items():
        monkeypatch.setenv(f"SWITCHBACK_{name}", value)
    return lambda *arguments: CliRunner().invoke(cli.app, list(arguments))


def report(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def bury(database_url: str, count: int = 1) -> list[str]:
    async def scenario(world: World) -> list[Turn]:
        await world.receive(*(text("no", sender=f"1555{n:07d}") for n in range(count)))
        turns = await world.claim(limit=count)
        for turn in turns:
            await world.turns.bury(turn, "a defect")
        return turns

    return [turn.turn_id for turn in play(database_url, scenario)]


def test_dead_letters_are_listed_shown_and_replayed_once(database_url: str, run: Run) -> None:
    """As a table for people and as one JSON object for programs."""
    first, *others = bury(database_url, 3)
    assert "a defect" in run("dlq", "list").stdout
    listed = report(run("dlq", "list", "--json"))["dead_letters"]
    assert {letter["turn_id"] for letter in listed} == {first, *others}
    shown = report(run("dlq", "show", first, "--json"))
    assert [message["text"] for message in shown["messages"]] == ["no"]
    assert report(run("dlq", "replay", first, "--json"))["turns"] == {first: "replayed"}
    assert report(run("dlq", "replay", "--all", "--json"))["counts"] == {"replayed": 2}
    assert report(run("dlq", "replay", first, *others, "--json"))["counts"] == {"already": 3}
    assert run("dlq", "replay", "--all").stdout == "no dead letters\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("dlq", "show", "nonsense"), 2, "TURN_ID 'nonsense' is not the id of a turn"),
        (("dlq", "show", "00000000-0000-0000-0000-000000000000"), 2, "no dead letter"),
        (("dlq", "replay"), 2, "name the TURN_IDs of dead letters, or --all"),
        (("privacy", "verify", "123"), 2, "at least 5 characters"),
        (("keys", "add", "asha", "--scope", "everything"), 2, "scope everything: choose of read"),
        (("keys", "revoke", "asha"), 2, "no key named 'asha'"),
        (("replay", "00000000-0000-0000-0000-000000000000"), 1, "start with `switchback up`"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    run: Run, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """Naming what and why; never a traceback."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("switchback: ")
    assert says in line


def test_a_person_is_exported_erased_and_proved_gone(database_url: str, run: Run) -> None:
    """The exit code tells a script whether something is left."""

    async def scenario(world: World) -> None:
        await world.receive(text("hi"))

    play(database_url, scenario)
    assert report(run("privacy", "export", CUSTOMER))["tables"]["inbox"]
    assert run("privacy", "verify", CUSTOMER).exit_code == 1
    assert run("privacy", "erase", CUSTOMER).exit_code == 1  # nobody said yes
    assert report(run("privacy", "erase", CUSTOMER, "--yes", "--json"))["verified"]["absent"]
    proof = run("privacy", "verify", CUSTOMER)
    assert proof.exit_code == 0
    assert proof.stdout.startswith("absent: ")


def test_an_export_to_a_file_is_its_owners_alone(
    database_url: str, run: Run, tmp_path: Path
) -> None:
    """Nobody else on the machine may read it."""
    assert run("privacy", "export", CUSTOMER, "--to", "person.json").exit_code == 0
    file = tmp_path / "person.json"
    assert json.loads(file.read_text()) == {"contacts": [], "tables": {}}
    assert file.stat().st_mode & 0o077 == 0


def test_keys_are_made_listed_and_revoked(database_url: str, run: Run) -> None:
    """The key is shown once and stored nowhere; every call is in the audit log."""
    made = report(run("keys", "add", "asha", "--scope", "read", "--scope", "dlq", "--json"))
    assert made["scopes"] == ["dlq", "read"]
    listed = run("keys", "list", "--json")
    assert made["key"] not in listed.stdout
    assert [key["name"] for key in report(listed)["keys"]] == ["asha"]
    assert run("keys", "revoke", "asha").exit_code == 0

    async def audit(world: World) -> list[tuple[Any, ...]]:
        return await world.rows("SELECT action, target, status FROM audit_log ORDER BY audit_id")

    assert play(database_url, audit) == [
        ("keys add", "asha", 200),
        ("keys list", "", 200),
        ("keys revoke", "asha", 200),
    ]
