"""The import contracts hold, and a violation of each kind is caught."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = ("deployments", "serving", "pipelines", "models", "simulator", "evals")
LINT = Path(sys.executable).with_name("lint-imports")

# A forbidden line for each rule of the house: the file that gets it, the line, the broken contract.
VIOLATIONS = {
    "models_know_no_serving": ("models/catalog.py", "import serving.flow", "Rooms:"),
    "serving_knows_no_deployments": ("serving/flow.py", "import deployments.settings", "Rooms:"),
    "ingestion_knows_no_request_path": (
        "pipelines/ingest/chunk.py",
        "import serving.types",
        "Ingestion never imports",
    ),
    "deployments_know_no_ingestion": ("deployments/app.py", "import pipelines.ingest", "Rooms:"),
    "the_request_path_runs_without_ray": ("serving/flow.py", "import ray", "without cluster"),
    "the_request_path_sees_types_only": (
        "serving/flow.py",
        "import models.catalog",
        "without cluster",
    ),
    "nothing_knows_how_it_is_measured": ("serving/flow.py", "import evals", "how it is measured"),
    "nothing_knows_the_command_line": ("deployments/app.py", "import cli", "Rooms:"),
    "models_know_no_cluster": ("models/types.py", "import ray", "no cluster and no HTTP"),
    "models_know_no_http": ("models/types.py", "import httpx", "no cluster and no HTTP"),
    "the_simulator_stands_alone": ("simulator/ids.py", "import serving.types", "stands alone"),
    "steps_do_not_know_each_other": (
        "serving/steps/parse_message.py",
        "import serving.steps.check_unsubscribed",
        "Steps know neither",
    ),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms and their contracts."""
    copy = tmp_path_factory.mktemp("house")
    ignore = shutil.ignore_patterns("__pycache__", "static")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=ignore)
    for file in ("pyproject.toml", "cli.py"):
        shutil.copy(ROOT / file, copy / file)
    return copy


def lint(folder: Path) -> tuple[int, str]:
    """Exit code and words of `lint-imports` on the packages in that folder, and no others."""
    env = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(
        [LINT, "--no-cache"], cwd=folder, env=env, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_house_keeps_its_contracts(house: Path) -> None:
    """As it stands no room imports what it must not know."""
    code, words = lint(house)
    assert code == 0, words[-3000:]


@pytest.mark.slow  # a check of all rooms for each
@pytest.mark.parametrize(("file", "line", "contract"), VIOLATIONS.values(), ids=list(VIOLATIONS))
def test_a_violation_is_caught(house: Path, file: str, line: str, contract: str) -> None:
    """A forbidden import makes the check fail and names the contract."""
    path = house / file
    clean = path.read_text("utf-8")
    path.write_text(f"{clean}\n{line}\n", "utf-8")
    try:
        code, words = lint(house)
    finally:
        path.write_text(clean, "utf-8")
    broken = [each for each in words.splitlines() if "BROKEN" in each]
    assert code == 1, words[-3000:]
    assert any(contract in each for each in broken), broken
