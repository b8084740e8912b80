"""Steps on a file: one output a line, in order, and bad lines named."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployments.local import steps
from deployments.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        {"SWITCHBACK_DATA_DIR": str(tmp_path / "data"), "SWITCHBACK_MODELS": "stub"}
    )


def run(
    name: str, lines: list[Any], tmp_path: Path, settings: Settings, gazetteer: str = "Hampta Pass"
) -> list[dict[str, Any]]:
    inputs, names = tmp_path / "inputs.jsonl", tmp_path / "names.txt"
    inputs.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), "utf-8")
    names.write_text(gazetteer, "utf-8")
    return list(steps.run(name, inputs, settings, names))


def test_outputs_follow_the_order_of_inputs(tmp_path: Path, settings: Settings) -> None:
    """Ids come back as they were given, numbers too."""
    lines = [{"id": number, "text": "Hello"} for number in (3, "one", 2)]
    rows = run("check_unsubscribed", lines, tmp_path, settings)
    assert [row["id"] for row in rows] == [3, "one", 2]


def test_opt_out_has_the_fields_of_the_interface(tmp_path: Path, settings: Settings) -> None:
    """STOP is an opt-out by a named rule."""
    (row,) = run("check_unsubscribed", [{"id": 1, "text": "STOP"}], tmp_path, settings)
    assert row["opt_out"] is True
    assert row["resubscribe"] is False
    assert row["rule"]


def test_a_message_is_parsed_against_its_own_date(tmp_path: Path, settings: Settings) -> None:
    """Relative dates resolve against the timestamp; the gazetteer's name is found."""
    line = {"id": 1, "text": "Hampta Pass tomorrow?", "timestamp": "2026-09-01T10:00:00+00:00"}
    (row,) = run("parse_message", [line], tmp_path, settings)
    found = {entity["type"]: entity for entity in row["entities"]}
    assert found["trek"]["text"] == "Hampta Pass"
    assert "2026-09-02" in json.dumps(found["date"]["value"])
    assert abs(sum(row["intent_scores"].values()) - 1) < 1e-6
    assert set(row) == {
        "id",
        "language",
        "script",
        "intent",
        "intent_scores",
        "sentiment",
        "entities",
        "unsure",
    }


def test_a_draft_is_scored(tmp_path: Path, settings: Settings) -> None:
    """Shouting with links of strangers costs points, named by factor."""
    draft = "BUY NOW!!! AMAZING OFFER!!! http://bit.ly/x http://spam.example/y"
    (row,) = run("analyze_ban_risk", [{"id": 1, "text": draft}], tmp_path, settings)
    assert row["score"] == sum(row["factors"].values()) > 0
    assert row["suggestions"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"id": 1, "text": "x"}\n{"id": 2}', r":2: text"),
        ('{"text": "x"}', r":1: id"),
        ("\n\nnonsense", r":3: not JSON"),
        ("[1]", r":1: "),
        ('{"id": 1, "text": 5}', r":1: text"),
        ('{"id": 1, "text": "x", "timestamp": "yesterday"}', r":1: timestamp"),
        ("[" * 100_000, r":1: "),
    ],
)
def test_a_bad_line_is_named_before_anything_is_printed(
    tmp_path: Path, settings: Settings, content: str, problem: str
) -> None:
    """File and line number, and no output for the lines before."""
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text(content)
    with pytest.raises(steps.BadInput, match=str(inputs) + problem):
        steps.run("check_unsubscribed", inputs, settings, None)


@pytest.mark.parametrize("name", ["send_message", "no_such_step"])
def test_other_steps_do_not_run_alone(tmp_path: Path, settings: Settings, name: str) -> None:
    """The error lists those that do."""
    with pytest.raises(steps.BadInput, match="parse_message"):
        run(name, [], tmp_path, settings)


def test_a_missing_file_is_named(tmp_path: Path, settings: Settings) -> None:
    """As is one that is not text."""
    with pytest.raises(steps.BadInput, match="absent"):
        steps.run("check_unsubscribed", tmp_path / "absent", settings, None)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(steps.BadInput, match="UTF-8"):
        steps.run("check_unsubscribed", binary, settings, None)


def test_without_an_epoch_a_gazetteer_is_asked_for(tmp_path: Path, settings: Settings) -> None:
    """No index, no names: the error says both ways out."""
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text('{"id": 1, "text": "x"}')
    with pytest.raises(steps.BadInput, match="--gazetteer"):
        steps.run("parse_message", inputs, settings, None)
