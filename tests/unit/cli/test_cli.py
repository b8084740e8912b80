"""The command line: its verbs, its exit codes, and what goes to which stream."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import cli

VERBS = {
    "up",
    "down",
    "status",
    "ask",
    "step",
    "scale",
    "doctor",
    "ingest",
    "bench",
    "eval",
    "train",
    "prepare",
    "dlq",
    "privacy",
    "keys",
    "replay",
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of its own, and ports on which nothing listens."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWITCHBACK_DATA_DIR", str(tmp_path / "data"))
    for name in ("HTTP", "SIMULATOR", "DASHBOARD"):
        monkeypatch.setenv(f"SWITCHBACK_{name}_PORT", "1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def test_help_names_every_verb() -> None:
    """And only verbs that exist."""
    result = run("--help")
    assert result.exit_code == 0
    commands = result.stdout.split("Commands:")[1].splitlines()
    assert {line.split()[0] for line in commands if line.strip()} == VERBS


def test_help_waits_for_no_library() -> None:
    """Starting the command loads neither Ray nor torch, nor anything of the rooms below."""
    heavy = "{'ray', 'torch', 'pydantic', 'httpx', 'deployments', 'serving', 'pipelines'}"
    program = f"import cli, sys; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(cli.__file__).parent,
    )
    assert found.stdout.strip() == "[]"


def test_status_of_nothing_says_not_ready() -> None:
    """One JSON object with the keys of the interface, though nothing runs."""
    result = run("status", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["ready"] is False
    assert report["inbox"] == {"pending": 0, "oldest_s": 0.0, "dead": 0}
    assert set(report) >= {"epoch", "applications", "deployments", "addresses"}


def test_down_of_nothing_is_fine() -> None:
    """Stopping twice is no error."""
    assert run("down").exit_code == 0


def test_a_missing_secret_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line on standard error, with the variable's name."""
    monkeypatch.setenv("SWITCHBACK_PROFILE", "production")
    result = run("status")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "SWITCHBACK_APP_SECRET" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "  "),
        ("ask", "Hello", "--from", "Dana"),
        ("scale", "parse_message"),
        ("scale", "parse_message=x"),
        ("bench", "no_such_benchmark"),
        ("eval", "no_such_evaluation"),
        ("step", "parse_message", "--jsonl", "/no/such/file"),
        ("no_such_verb",),
    ],
)
def test_usage_errors_exit_with_2(arguments: tuple[str, ...]) -> None:
    """Nothing is printed on standard output."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


@pytest.mark.parametrize("arguments", [("ask", "Hello"), ("scale", "parse_message=2")])
def test_without_an_instance_the_way_out_is_named(arguments: tuple[str, ...]) -> None:
    """Exit code 1 and one line that says how to start."""
    result = run(*arguments)
    assert result.exit_code == 1
    assert "switchback up" in result.stderr


def test_step_prints_one_object_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the file."""
    monkeypatch.setenv("SWITCHBACK_MODELS", "stub")
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text('{"id": 1, "text": "STOP"}\n{"id": 2, "text": "Namaste"}\n')
    result = run("step", "check_unsubscribed", "--jsonl", str(inputs))
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["id"], row["opt_out"]) for row in rows] == [(1, True), (2, False)]


def test_doctor_reports_and_exits_by_health() -> None:
    """Its exit code is 0 exactly when its report says healthy."""
    result = run("doctor", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code == 0) is report["healthy"]
