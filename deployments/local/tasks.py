"""Programs that run to their end during a start: preparing models, indexing the corpus.

Knows how to run one visibly. Must not know their insides: each is a command of its own room.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.local.ray_head import LOOPBACK_ENV
from deployments.local.supervise import child_env
from deployments.settings import PROJECT_ROOT, Settings

MODELS_TIMEOUT_S: Final = 4 * 3600.0  # a download from a hub over a slow line
INGEST_TIMEOUT_S: Final = 1800.0  # the demo corpus takes a minute
STOP_GRACE_S: Final = 10.0


def prepare_models(settings: Settings, layout: Layout, tell: Callable[[str], None]) -> None:
    """Convert or download the profile's models into the data folder, once."""
    argv = [
        *(sys.executable, "-m", "models", "prepare"),
        *("--cache", str(layout.models)),
        *("--profile", settings.profile),
        *("--catalog", str(settings.catalog)),
    ]
    run(layout, "models", argv, child_env(settings, layout), timeout_s=MODELS_TIMEOUT_S, tell=tell)


def index_corpus(
    settings: Settings, layout: Layout, ray_address: str, tell: Callable[[str], None]
) -> None:
    """Publish a first epoch of the company's documents, on the cluster that runs already."""
    argv = [
        *(sys.executable, "-m", "pipelines.ingest", "run"),
        *("--corpus", str(settings.business.parent)),
        *("--index", settings.index_uri),
        *("--profile", settings.profile),
    ]
    env = child_env(settings, layout, LOOPBACK_ENV | {"RAY_ADDRESS": ray_address})
    run(layout, "ingest", argv, env, timeout_s=INGEST_TIMEOUT_S, tell=tell)


def run(
    layout: Layout,
    name: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    timeout_s: float,
    tell: Callable[[str], None],
) -> None:
    """Run a command, show its lines and keep them in a log; raise when it fails."""
    log = layout.logs / f"{name}.log"
    process = subprocess.Popen(  # noqa: S603 -- commands of this project
        list(argv),
        env=dict(env),
        cwd=PROJECT_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is for us; we end it below
    )
    last = _follow(process, log, time.monotonic() + timeout_s, tell)
    if process.returncode != 0:
        raise LocalError(f"{name} failed: {last or 'no reason given'} (log: {log})")


def _follow(
    process: subprocess.Popen[str], log: Path, give_up_at: float, tell: Callable[[str], None]
) -> str:
    """Pass on every line until the program ends; the last one is the reason if it failed."""
    last = ""
    assert process.stdout is not None
    try:
        with log.open("a") as sink:
            for line in process.stdout:
                sink.write(line)
                last = line.strip() or last
                tell(last)
                if time.monotonic() > give_up_at:
                    raise LocalError(f"gave up waiting for: {last}")
        process.wait(STOP_GRACE_S)
    finally:
        _finish(process)
    return last


def _finish(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
