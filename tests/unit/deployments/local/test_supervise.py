"""Processes: found again only when they are ours, and stopped with all they started."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from deployments.local import supervise
from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.settings import load_settings

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
SAY_READY = "print('ready', flush=True); import time; time.sleep(600)"
STUBBORN = [
    sys.executable,
    "-c",
    f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SAY_READY}",
]
FAMILY = [
    sys.executable,
    "-c",
    f"import subprocess; subprocess.Popen({SLEEP!r}); {SAY_READY}",
]


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    made = Layout(tmp_path)
    for folder in (made.run, made.logs):
        folder.mkdir()
    yield made
    supervise.sweep(made)


def spawn(layout: Layout, argv: list[str], name: str = "thing") -> supervise.Service:
    settings = load_settings({"SWITCHBACK_DATA_DIR": str(layout.data_dir)})
    return supervise.spawn(layout, name, argv, supervise.child_env(settings, layout))


def wait_for_log(service: supervise.Service, text: str) -> None:
    give_up_at = time.monotonic() + 30
    while text not in Path(service.log).read_text():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_a_service_is_found_again_and_stopped(layout: Layout) -> None:
    """Its record leads back to it; after a stop there is neither process nor record."""
    service = spawn(layout, SLEEP)
    assert supervise.running(layout, "thing") == service
    assert supervise.stop(layout, "thing")
    assert not service.alive()
    assert supervise.find(layout, "thing") is None
    assert not supervise.stop(layout, "thing")


def test_a_service_lives_in_a_session_of_its_own(layout: Layout) -> None:
    """Ctrl-C in our terminal does not reach it."""
    service = spawn(layout, SLEEP)
    assert os.getsid(service.pid) == service.pid != os.getsid(0)


def test_a_reused_id_is_not_taken_for_ours(layout: Layout) -> None:
    """A record whose start time does not fit names a stranger, which is left alone."""
    service = spawn(layout, SLEEP)
    stale = replace(service, started_at=service.started_at - 60)
    layout.save("thing", asdict(stale))
    assert supervise.running(layout, "thing") is None
    assert not supervise.stop(layout, "thing")
    assert service.alive()


def test_a_service_that_ends_is_noticed(layout: Layout) -> None:
    """A process that was killed does not count as running, zombie or not."""
    service = spawn(layout, SLEEP)
    os.kill(service.pid, signal.SIGKILL)
    give_up_at = time.monotonic() + 30
    while service.alive():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    assert supervise.find(layout, "thing") is not None


def test_what_ignores_the_request_is_killed(layout: Layout) -> None:
    """SIGTERM first, SIGKILL after the grace."""
    service = spawn(layout, STUBBORN)
    wait_for_log(service, "ready")
    assert supervise.stop(layout, "thing", grace_s=0.2)
    assert not service.alive()


@pytest.mark.parametrize("together", [False, True])
def test_children_end_with_their_parent(layout: Layout, *, together: bool) -> None:
    """Nothing that a service started outlives its stop."""
    service = spawn(layout, FAMILY)
    wait_for_log(service, "ready")
    children = psutil.Process(service.pid).children()
    assert len(children) == 1
    supervise.stop(layout, "thing", together=together)
    assert not psutil.pid_exists(children[0].pid) or (children[0].status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("how", ["stop", "sweep"])
def test_orphans_of_a_killed_service_end_too(layout: Layout, how: str) -> None:
    """After kill -9 of the parent its children are still found, by their session."""
    service = spawn(layout, FAMILY)
    wait_for_log(service, "ready")
    (child,) = psutil.Process(service.pid).children()
    os.kill(service.pid, signal.SIGKILL)
    while service.alive():
        time.sleep(0.02)
    assert supervise.stop(layout, "thing") if how == "stop" else supervise.sweep(layout) == 1
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_session_from_before_a_reboot_is_not_ours(layout: Layout) -> None:
    """Numbers start over; a record older than the machine's start ends nothing."""
    service = spawn(layout, FAMILY)
    wait_for_log(service, "ready")
    layout.save("thing", asdict(replace(service, started_at=psutil.boot_time() - 3600)))
    assert not supervise.stop(layout, "thing")
    assert service.alive()


def test_a_sweep_ends_strays_of_this_instance_only(layout: Layout, tmp_path: Path) -> None:
    """An orphan with our mark ends; our running services and those of another instance stay."""
    other = Layout(tmp_path / "other")
    for folder in (other.run, other.logs):
        folder.mkdir(parents=True)
    ours, theirs = spawn(layout, SLEEP, "ours"), spawn(other, SLEEP, "theirs")
    known = spawn(layout, FAMILY, "known")
    wait_for_log(known, "ready")
    layout.forget("ours")
    assert supervise.sweep(layout) == 1
    assert not ours.alive()
    assert known.alive()
    supervise.stop(layout, "known")
    assert theirs.alive()
    supervise.stop(other, "theirs")


def test_a_program_that_ends_at_once_still_leaves_its_log(layout: Layout) -> None:
    """The last line says why, and where to read the rest."""
    service = spawn(layout, [sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"])
    wait_for_log(service, "no such thing")
    assert supervise.reason(service) == f"no such thing (log: {service.log})"


def test_the_environment_of_a_child_is_exactly_the_settings(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of ours that the settings do not carry is not inherited."""
    monkeypatch.setenv("SWITCHBACK_DATABASE_URL", "postgresql://elsewhere/x")
    settings = load_settings({"SWITCHBACK_DATA_DIR": str(layout.data_dir)})
    env = supervise.child_env(settings, layout)
    assert "SWITCHBACK_DATABASE_URL" not in env
    assert load_settings(env) == settings


def test_ending_nothing_is_fine() -> None:
    """An empty list of processes needs no waiting."""
    supervise.end([], 60.0)


def test_recording_a_process_that_is_gone_names_its_log(layout: Layout) -> None:
    """A start that failed at once is an error with the place to look."""
    with pytest.raises(LocalError, match=r"some\.log"):
        supervise.record(layout, "gone", 2**22 + 1, "some.log", {})
