"""The README's tables say what the code says."""

import re
from pathlib import Path

import pytest

from deployments.settings import PREFIX, Settings, load_settings
from serving.flow import FLOW

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")


def rows(first_column: str) -> list[list[str]]:
    """The cells of the table whose header begins so, without back-ticks."""
    table = re.search(rf"^\| {first_column} \|.*\n\|[-|]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert table is not None, f"no table begins with {first_column!r}"
    return [
        [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
        for line in table[1].splitlines()
    ]


def settings(tmp_path: Path) -> Settings:
    """What a laptop has when nothing is set."""
    return load_settings({"SWITCHBACK_DATA_DIR": str(tmp_path)})


def example_names() -> list[str]:
    return re.findall(rf"^({PREFIX}\w+)=", EXAMPLE, re.MULTILINE)


def test_the_step_table_is_the_flow() -> None:
    """Eleven rows in the flow's order, with its deadlines, retries and failure behaviour."""
    written = [(row[0], row[1], *row[3:]) for row in rows("#")]
    assert written == [
        (str(number), spec.name, f"{spec.deadline_s:g} s", str(spec.retries), spec.on_failure)
        for number, spec in enumerate(FLOW, start=1)
    ]


def test_the_flow_picture_names_every_step() -> None:
    """Each step stands in the picture under its number and name."""
    picture = README.split("## The flow")[1].split("```")[1]
    missing = [spec.name for n, spec in enumerate(FLOW, 1) if f"{n} {spec.name}" not in picture]
    assert missing == []


def test_the_settings_table_is_complete(tmp_path: Path) -> None:
    """README, .env.example and what a child process is given name the same variables."""
    parsed = settings(tmp_path).to_env() | {
        f"{PREFIX}{name}": "" for name in ("DATABASE_URL", "REDIS_URL", "OPENROUTER_API_KEY")
    }  # these three are None on a laptop
    assert {row[0] for row in rows("variable")} == set(parsed)
    assert [row[0] for row in rows("variable")] == example_names()


def same(written: str, parsed: str) -> bool:
    """Numbers by value; a path of the project by its end."""
    if written.replace(".", "", 1).isdigit():
        return float(written) == float(parsed)
    return written == parsed or parsed.endswith(f"/{written}")


def test_written_defaults_are_the_parsed_ones(tmp_path: Path) -> None:
    """A default that is written as a plain value is what settings fall back to."""
    parsed = settings(tmp_path).to_env()
    given = {f"{PREFIX}DATA_DIR"}
    plain = {
        name: default
        for name, default, _ in rows("variable")
        if re.fullmatch(r"[\w.:/-]+", default) and default not in {"embedded", "generated"}
    }
    assert len(plain) > 8
    differing = [
        name for name in plain if name not in given and not same(plain[name], parsed[name])
    ]
    assert differing == []


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    """A relative link names a file of the repository."""
    assert (ROOT / target).is_file()


def test_documents_link_to_what_exists() -> None:
    """The same for every page of docs/."""
    broken = [
        f"{page.name}: {target}"
        for page in (ROOT / "docs").glob("*.md")
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_documents_name_tests_that_exist() -> None:
    """A promise that names its test names one that is there."""
    tests = {
        f"{path.name}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    named = {
        name
        for page in (ROOT / "docs").glob("*.md")
        for name in re.findall(r"`(test_\w+\.py::test_\w+)`", page.read_text("utf-8"))
    }
    assert len(named) > 20
    assert sorted(named - tests) == []


def test_documents_name_files_that_exist() -> None:
    """A path in back-ticks leads to a file or folder of the repository."""
    rooms = "serving|deployments|models|pipelines|simulator|corpus|bench|requirements|tests|docs"
    missing = [
        f"{page.name}: {path}"
        for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
        for path in re.findall(rf"`((?:{rooms})/[\w./-]*)`", page.read_text("utf-8"))
        if not (ROOT / path).exists()
    ]
    assert missing == []


def test_each_decision_has_its_five_lines() -> None:
    """Context, decision, reason, cost and the test that holds it, in this order."""
    text = (ROOT / "docs" / "decisions.md").read_text("utf-8")
    for entry in text.split("\n### ")[1:]:
        labels = re.findall(r"^- (\w+):", entry, re.MULTILINE)
        assert labels == ["Context", "Decision", "Why", "Cost", "Test"], entry.splitlines()[0]
