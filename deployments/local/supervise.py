"""Processes that outlive their starter: spawned detached, recorded, found again, stopped by id.

Knows processes and their records. Must not know what they serve. A process is ours only when its
id and its start time both match the record: ids are used again.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.settings import PREFIX, PROJECT_ROOT, Settings

INSTANCE_VARIABLE: Final = "SWITCHBACK_INSTANCE"
START_TIME_TOLERANCE_S: Final = 2.0  # the clock that start times are derived from may be adjusted
KILL_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """One running program of an instance."""

    name: str
    pid: int
    started_at: float  # process start, seconds since the epoch
    log: str = ""
    details: dict[str, Any] = field(default_factory=dict)  # ports, addresses, paths

    def alive(self) -> bool:
        return _process(self.pid, self.started_at) is not None


def child_env(settings: Settings, layout: Layout, extra: Mapping[str, str] = {}) -> dict[str, str]:
    """The environment of this process with ours replaced by exactly what `settings` says."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    paths = [str(PROJECT_ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
    own = {INSTANCE_VARIABLE: layout.key, "PYTHONPATH": os.pathsep.join(paths)}
    # Programs that Ray starts by name (ray, haproxy) are found beside this interpreter.
    binaries = os.pathsep.join(
        [str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]
    )
    return inherited | settings.to_env() | own | {"PATH": binaries} | dict(extra)


def spawn(
    layout: Layout,
    name: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    details: Mapping[str, Any] = {},
) -> Service:
    """Start a program in its own session, its output in a log file, and record it."""
    log = layout.logs / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 -- the programs are ours or of our wheels
            list(argv),
            env=dict(env),
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.returncode = 0  # it outlives this object, which would otherwise complain about that
    return record(layout, name, process.pid, str(log), details)


def record(layout: Layout, name: str, pid: int, log: str, details: Mapping[str, Any]) -> Service:
    """Write down a running process as service `name`."""
    try:
        started_at = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        raise LocalError(f"{name} ended at once; its log is {log}") from None
    service = Service(name, pid, started_at, log, dict(details))
    layout.save(name, asdict(service))
    return service


def find(layout: Layout, name: str) -> Service | None:
    """The recorded service, running or not; None when none is recorded."""
    stored = layout.load(name)
    if stored is None:
        return None
    try:
        return Service(**stored)
    except TypeError:
        return None


def running(layout: Layout, name: str) -> Service | None:
    """The recorded service if it runs."""
    service = find(layout, name)
    return service if service is not None and service.alive() else None


def stop(layout: Layout, name: str, grace_s: float = 10.0, *, together: bool = False) -> bool:
    """Ask a service to end, then what it left behind; kill what remains. True: it was running.

    `together`: ask its descendants at the same time, for a parent that would wait for them long.
    """
    service = find(layout, name)
    family = _family(service) if service is not None else []
    end(family if together else family[:1], grace_s)
    end(family[1:], KILL_WAIT_S)
    layout.forget(name)
    return bool(family)


def end(processes: Sequence[psutil.Process], grace_s: float) -> None:
    """SIGTERM, wait, SIGKILL."""
    _signal(processes, signal.SIGTERM)
    left = _wait(processes, grace_s)
    _signal(left, signal.SIGKILL)
    left = _wait(left, KILL_WAIT_S)
    if left:
        raise LocalError(f"process {left[0].pid} does not end; end it by hand")


def sweep(layout: Layout) -> int:
    """End what belongs to this instance but to no running service of it; how many."""
    names = [path.stem for path in layout.run.glob("*.json")]
    services = [service for name in names if (service := find(layout, name)) is not None]
    spared, stray = {os.getpid()}, [p for p in psutil.process_iter() if _marked(p, layout.key)]
    for service in services:
        if service.alive():
            spared |= {process.pid for process in _family(service)}
        else:
            stray += _family(service)
    stray = [process for process in set(stray) if process.pid not in spared]
    end(stray, KILL_WAIT_S)
    return len(stray)


def reason(service: Service) -> str:
    """The last line of a service's log, and where the others are."""
    try:
        lines = Path(service.log).read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    said = [line.strip() for line in lines if line.strip()]
    return f"{said[-1] if said else 'it said nothing'} (log: {service.log})"


def _process(pid: int, started_at: float) -> psutil.Process | None:
    _reap(pid)
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started_at) < START_TIME_TOLERANCE_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _reap(pid: int) -> None:
    """If it is a child of this very process and has ended, it is a zombie until asked for."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _family(service: Service) -> list[psutil.Process]:
    """The service first, if it lives, then everything of its session and all descendants."""
    leader = _process(service.pid, service.started_at)
    if leader is None and not _session_can_be_ours(service):
        return []
    members = [process for process in psutil.process_iter() if _session(process) == service.pid]
    if leader is not None:
        with contextlib.suppress(psutil.Error):
            members += leader.children(recursive=True)
    others = {process.pid: process for process in members if process.pid != service.pid}
    return [*([leader] if leader is not None else []), *others.values()]


def _session_can_be_ours(service: Service) -> bool:
    """A session's number is not given to another while a member lives, short of a reboot."""
    if service.started_at < psutil.boot_time() - START_TIME_TOLERANCE_S:
        return False
    try:
        began_at = psutil.Process(service.pid).create_time()
    except psutil.Error:
        return True
    return bool(abs(began_at - service.started_at) < START_TIME_TOLERANCE_S)  # its zombie


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)  # psutil refuses an id that was used again


def _wait(processes: Sequence[psutil.Process], wait_s: float) -> list[psutil.Process]:
    give_up_at = time.monotonic() + wait_s
    left = [p for p in processes if _lives(p)]
    while left and time.monotonic() < give_up_at:
        time.sleep(0.05)
        left = [p for p in left if _lives(p)]
    return left


def _lives(process: psutil.Process) -> bool:
    _reap(process.pid)
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _marked(process: psutil.Process, key: str) -> bool:
    try:
        return bool(process.environ().get(INSTANCE_VARIABLE) == key)
    except (psutil.Error, OSError):
        return False
