"""What each verb of the command line does, and how its report looks to a person.

Knows the modules beside it. Must not parse arguments or end the process.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deployments.local import ask as asking
from deployments.local import doctor as examination
from deployments.local import instance, ray_head, simulator
from deployments.local import scale as scaling
from deployments.local import status as reporting
from deployments.local.errors import LocalError, UsageError
from deployments.local.layout import Layout
from deployments.local.progress import TerminalProgress
from deployments.local.serve_api import ServeApi
from deployments.local.supervise import running
from deployments.settings import PROJECT_ROOT, Settings

BENCHES = PROJECT_ROOT / "bench"
HEALTHY_MARK = {True: "[green]ok[/]", False: "[red]not ready[/]"}


def up(settings: Settings, *, detach: bool) -> None:
    """Start all of it; in the foreground, stay until interrupted and stop all of it again."""
    progress = TerminalProgress()
    with _signals_interrupt():
        try:
            started = instance.up(settings, progress)
            _show_addresses(settings, already=not started.started)
            if detach or not started.started:
                return
            progress.say("Ctrl-C stops everything")
            _stay(started, progress)
        except KeyboardInterrupt:
            _stop_undisturbed(settings, progress)


def _stay(started: instance.Instance, progress: TerminalProgress) -> None:
    """Keep it running; when that cannot be done, leave nothing behind."""
    try:
        instance.watch(started, progress)
    except LocalError:
        _stop_undisturbed(started.wanted, progress)
        raise


def prepare(settings: Settings) -> None:
    """Get the models ready."""
    layout = Layout(settings.data_dir)
    layout.make()
    instance.prepare_models(settings, layout, TerminalProgress())


def down(settings: Settings) -> None:
    """Stop all of it; nothing running is fine."""
    progress = TerminalProgress()
    if not instance.down(settings, progress):
        progress.say(f"nothing runs in {settings.data_dir}")


def status(settings: Settings) -> dict[str, Any]:
    return reporting.status(settings)


def ask(settings: Settings, text: str, customer: str | None, timeout_s: float) -> dict[str, Any]:
    """Ask the running instance."""
    if not text.strip():
        raise UsageError("TEXT is empty")
    sender = (customer or asking.DEFAULT_CUSTOMER).removeprefix("+")
    if not (sender.isascii() and sender.isdecimal()):
        raise UsageError(f"--from {customer!r}: a wa_id has digits only")
    if not simulator.wanted(settings):
        raise UsageError("SWITCHBACK_GRAPH_BASE_URL points to Meta; `ask` needs the simulator")
    say = TerminalProgress().say
    return asking.ask(instance.connected(settings), text, sender, timeout_s, say)


def scale(settings: Settings, requests: Sequence[str]) -> dict[str, Any]:
    """Scale the running instance and wait."""
    wanted = scaling.parse(requests)
    api = ServeApi(ray_head.dashboard(settings))
    with TerminalProgress().stage(f"scaling {', '.join(wanted)}", "20 s") as stage:
        states = scaling.scale(api, wanted, stage.doing)
    return {"deployments": {s.name: {"replicas": s.replicas, "healthy": s.healthy} for s in states}}


def doctor(settings: Settings) -> dict[str, Any]:
    return examination.as_report(examination.examine(settings))


def bench(name: str | None, arguments: Sequence[str], settings: Callable[[], Settings]) -> None:
    """Run `bench/NAME.py` as a program, on the running instance's cluster where one runs."""
    known = sorted(path.stem for path in BENCHES.glob("*.py") if "__main__" in path.read_text())
    if name not in known:
        listed = ", ".join(known) or "none"
        raise UsageError(f"{f'no benchmark {name!r}' if name else 'name a benchmark'}: {listed}")
    # Ray reads these once, when it is imported; a benchmark may start an instance of its own.
    os.environ.update(ray_head.LOOPBACK_ENV | cluster_env(settings()))
    sys.path.insert(0, str(PROJECT_ROOT))
    sys.argv = [f"switchback bench {name}", *arguments]
    runpy.run_module(f"bench.{name}", run_name="__main__")


def cluster_env(settings: Settings) -> dict[str, str]:
    """What joins a Ray program to the running instance; empty when none runs."""
    service = running(Layout(settings.data_dir), ray_head.NAME)
    if service is None:
        return {}
    return {
        "RAY_ADDRESS": service.details["address"],
        **ray_head.LOOPBACK_ENV,
        **ray_head.SERVE_ENV,
    }


# ── for people ───────────────────────────────────────────────────────────────────────────────


def show_status(report: Mapping[str, Any]) -> None:
    out = Console(highlight=False)
    out.print(f"switchback {HEALTHY_MARK[report['ready']]}   epoch {report['epoch'] or 'none'}")
    table = Table("deployment", "healthy", "replicas", box=None, pad_edge=False)
    for name, counts in report["deployments"].items():
        table.add_row(name, str(counts["healthy"]), str(counts["replicas"]))
    out.print(table)
    inbox = report["inbox"]
    out.print(
        f"inbox: {inbox['pending']} pending, oldest {inbox['oldest_s']:.0f} s, {inbox['dead']} dead"
    )
    for name, address in report["addresses"].items():
        out.print(f"{name:10} {address}")
    for problem in report["problems"]:
        out.print(f"! {problem}", markup=False)


def show_answer(answer: Mapping[str, Any]) -> None:
    out = Console(highlight=False, soft_wrap=True)
    out.print(answer["reply"] or f"(no reply: {answer['outcome']})", markup=False)
    sources = ", ".join(sorted({citation["doc"] for citation in answer["citations"]}))
    out.print(
        f"\n{answer['language']} · {answer['intent']} · {answer['model'] or 'no model'}"
        f" · {answer['total_ms'] / 1e3:.1f} s · sources: {sources or 'none'}",
        style="dim",
        markup=False,
    )
    if answer["degraded"]:
        out.print(f"degraded: {', '.join(answer['degraded'])}", style="dim", markup=False)


def show_scaled(report: Mapping[str, Any]) -> None:
    for name, counts in report["deployments"].items():
        Console(highlight=False).print(f"{name}: {counts['healthy']} healthy", markup=False)


def show_findings(report: Mapping[str, Any]) -> None:
    out = Console(highlight=False, soft_wrap=True)
    marks = {"ok": "✓", "warning": "!", "failed": "✗"}
    for finding in report["checks"]:
        line = f"{marks[finding['verdict']]} {finding['check']}: {finding['detail']}"
        out.print(line + (f" → {finding['fix']}" if finding["fix"] else ""), markup=False)


def _show_addresses(settings: Settings, *, already: bool) -> None:
    out = Console(highlight=False, soft_wrap=True)
    if already:
        out.print("an instance runs here already")
    for name, address in instance.addresses(settings).items():
        out.print(f"{name:10} {address}", markup=False)
    out.print(f"{'logs':10} {Path(settings.data_dir, 'logs')}", markup=False)
    out.print("ready")


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal end the foreground as Ctrl-C does."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_undisturbed(settings: Settings, progress: TerminalProgress) -> None:
    """A second Ctrl-C must not leave half of it running."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    instance.down(settings, progress)
