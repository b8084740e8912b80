"""The command line: exit codes, one clear line for an error, JSON on standard output."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from models.epochs import EpochStore
from pipelines.ingest.cli import app
from pipelines.ingest.quarantine import write_quarantine
from pipelines.ingest.staged import QuarantineEntry
from pipelines.ingest.storage import Storage
from tests.unit.pipelines.samples import write_epoch


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two epochs, the second live, searched with the stub encoder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWITCHBACK_MODELS", "stub")
    monkeypatch.setenv("SWITCHBACK_INDEX_URI", str(tmp_path / "index"))
    write_epoch(tmp_path / "index", "20260101")
    EpochStore(tmp_path / "index").publish(write_epoch(tmp_path / "index", "20260102", "20260101"))
    return tmp_path / "index"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def one_line(result: Result) -> str:
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_epochs_marks_the_live_one(index: Path) -> None:
    """Oldest first, with the live epoch named."""
    content = json.loads(invoke("epochs", "--json").stdout)
    assert content["live"] == "20260102"
    assert [(e["epoch"], e["live"]) for e in content["epochs"]] == [
        ("20260101", False),
        ("20260102", True),
    ]


def test_rollback_switches_at_once(index: Path) -> None:
    """The answer names the epoch before and after."""
    result = invoke("rollback", "20260101", "--json")
    assert json.loads(result.stdout) == {"live": "20260101", "before": "20260102"}
    assert EpochStore(index).current() == "20260101"


def test_rollback_to_an_unknown_epoch_is_an_input_error(index: Path) -> None:
    """Exit 2 with one line that names it."""
    result = invoke("rollback", "20990101")
    assert result.exit_code == 2
    assert "20990101" in one_line(result)


def test_query_prints_hits_with_their_source(index: Path) -> None:
    """Document, revision, span, score and text of each hit."""
    result = invoke("query", "passage number 3 about camp 21", "-k", "2", "--json")
    content = json.loads(result.stdout)
    best = content["hits"][0]
    assert (content["epoch"], len(content["hits"])) == ("20260102", 2)
    assert (best["doc"], best["revision"]) == ("doc-3.md", "1")
    assert best["text"] == "passage number 3 about camp 21"
    assert best["span"] == [0, len(best["text"])]
    assert best["score"] > 0


def test_query_answers_a_file_line_by_line_in_order(index: Path, tmp_path: Path) -> None:
    """Ids come back as they were given, one JSON object a line."""
    path = tmp_path / "questions.jsonl"
    path.write_text('{"id": 7, "question": "camp 14"}\n\n{"id": "b", "question": "camp 28"}\n')
    lines = [json.loads(line) for line in invoke("query", "--jsonl", str(path)).stdout.splitlines()]
    assert [line["id"] for line in lines] == [7, "b"]
    assert lines[0]["hits"][0]["doc"] == "doc-2.md"


def test_query_filters_by_language_and_type(index: Path) -> None:
    """A filter that nothing satisfies finds nothing."""
    assert json.loads(invoke("query", "camp", "--lang", "fr", "--json").stdout)["hits"] == []
    assert json.loads(invoke("query", "camp", "--type", "faq", "--json").stdout)["hits"] == []
    assert json.loads(invoke("query", "camp", "--lang", "en", "--json").stdout)["hits"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("query",),
        ("query", "camp", "--valid-on", "tomorrow"),
        ("query", "--jsonl", "nosuch.jsonl"),
        ("run", "--corpus", "nosuch"),
        ("run", "--corpus", ".", "--max-tokens", "20", "--overlap-tokens", "19"),
        ("query", "camp", "--index", "nothing-here"),
        ("verify", "--index", "nothing-here"),
        ("retry", "--index", "nothing-here"),
        ("run", "--corpus", ".", "--run-id", "yesterday"),
        ("status",),
        ("delete", "nosuch.md"),
        ("restore", "doc-1.md"),
        ("lineage", "nosuch"),
        ("verify", "--absent", "a"),
        ("epochs", "--index", "nosuch://bucket/index"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(index: Path, arguments: tuple[str, ...]) -> None:
    """No traceback, whichever part of the input is wrong."""
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert one_line(result).startswith("error: ")


def test_a_faulty_question_file_names_its_line(index: Path) -> None:
    """A line without a question is pointed at."""
    (index / "questions.jsonl").write_text('{"id": 1}\n')
    result = invoke("query", "--jsonl", str(index / "questions.jsonl"))
    assert result.exit_code == 2
    assert "questions.jsonl:1" in one_line(result)


def test_verify_fails_on_a_damaged_shard(index: Path) -> None:
    """Exit 1, and the damaged file by name."""
    assert invoke("verify").exit_code == 0
    (index / "epochs/20260102/shard-000/vectors.faiss").write_bytes(b"damaged")
    result = invoke("verify", "--json")
    assert result.exit_code == 1
    assert "vectors.faiss" in json.loads(result.stdout)["problems"][0]
    assert invoke("verify", "20260101").exit_code == 0


def test_a_deleted_document_is_not_found_until_it_is_restored(index: Path) -> None:
    """At once, without another epoch; the proof still names its passages."""

    def docs() -> list[str]:
        hits = json.loads(invoke("query", "passage number 3 about camp 21", "--json").stdout)[
            "hits"
        ]
        return [hit["doc"] for hit in hits]

    assert docs()[0] == "doc-3.md"
    assert json.loads(invoke("delete", "doc-3.md", "--json").stdout) == {"deleted": ["doc-3.md"]}
    assert "doc-3.md" not in docs()
    proof = invoke("verify", "--absent", "passage number 3 about camp 21", "--json")
    assert proof.exit_code == 1
    found = json.loads(proof.stdout)["findings"]
    assert {(one["doc"], one["hidden"]) for one in found} == {
        ("doc-3.md", False),
        ("doc-3.md", True),
    }
    invoke("restore", "doc-3.md")
    assert docs()[0] == "doc-3.md"


def test_lineage_and_documents_are_listed(index: Path) -> None:
    """By chunk id as by document id."""
    listed = json.loads(invoke("documents", "--json").stdout)["documents"]
    assert [row["status"] for row in listed] == ["answering"] * 5
    [chunk] = json.loads(invoke("lineage", "doc-3.md").stdout)["chunks"]
    assert (
        json.loads(invoke("lineage", chunk["chunk_id"]).stdout)["documents"][0]["doc"] == "doc-3.md"
    )


def test_collecting_leaves_the_live_epoch(index: Path) -> None:
    """With `--keep 1` nothing else."""
    assert json.loads(invoke("collect", "--keep", "1", "--json").stdout) == {
        "removed": ["20260101"]
    }
    assert EpochStore(index).epochs() == ["20260102"]


def test_quarantine_lists_documents_with_reasons(index: Path) -> None:
    """What the last run could not read."""
    entry = QuarantineEntry("a.pdf", "file:///a.pdf", "encrypted PDF", counts=True, carried=3)
    write_quarantine(Storage(str(index)), "run", "corpus", [entry])
    (found,) = json.loads(invoke("quarantine", "--json").stdout)["entries"]
    assert (found["doc"], found["reason"], found["carried"]) == ("a.pdf", "encrypted PDF", 3)
    assert "encrypted PDF" in invoke("quarantine").stdout
