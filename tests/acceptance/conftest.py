"""One real instance for all acceptance tests: real models, real databases, real cluster."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bench.storm.cluster import kill_head
from deployments.local.layout import Layout
from deployments.local.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
UP_DEADLINE_S = 900.0


@dataclass(frozen=True)
class Instance:
    """A running Switchback and the means to talk to it."""

    env: Mapping[str, str]

    def cli(self, *args: str, deadline_s: float = 180.0) -> subprocess.CompletedProcess[str]:
        """Run `switchback` with this instance's environment."""
        command = [sys.executable, "-m", "cli", *args]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
        )

    def json(self, *args: str, deadline_s: float = 180.0) -> Any:
        """The one JSON object that a command prints."""
        done = self.cli(*args, "--json", deadline_s=deadline_s)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    def ask(self, text: str, sender: str, deadline_s: float = 180.0) -> Any:
        return self.json("ask", text, "--from", sender, deadline_s=deadline_s)

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self.env['SWITCHBACK_SIMULATOR_PORT']}"

    @property
    def dashboard(self) -> str:
        return f"http://127.0.0.1:{self.env['SWITCHBACK_DASHBOARD_PORT']}"

    def metrics(self) -> str:
        """The inbox gauges as Prometheus reads them."""
        port = self.env["SWITCHBACK_HTTP_PORT"]
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text

    def replicas(self, app: str, deployment: str) -> list[dict[str, Any]]:
        """Running replicas as the dashboard's API lists them."""
        details = httpx.get(f"{self.dashboard}/api/serve/applications/", timeout=10).json()
        found = details["applications"][app]["deployments"][deployment]["replicas"]
        return [replica for replica in found if replica["state"] == "RUNNING"]

    def kill(self, app: str, deployment: str) -> None:
        """End every replica of a deployment by its own process id, without warning."""
        for replica in self.replicas(app, deployment):
            for process in [*psutil.Process(replica["pid"]).children(recursive=True)]:
                os.kill(process.pid, signal.SIGKILL)
            os.kill(replica["pid"], signal.SIGKILL)

    def kill_head(self) -> None:
        kill_head(Layout(Path(self.env["SWITCHBACK_DATA_DIR"])))


@pytest.fixture(scope="module")  # not longer: it takes a quarter of the machine when idle
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    data = tmp_path_factory.mktemp("data")
    models = ROOT / ".switchback" / "models"
    if models.is_dir():  # prepared by `make setup`: no need to convert them again
        (data / "models").symlink_to(models)
    http, simulator, dashboard = free_ports(3)
    env = {
        **{name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
        "SWITCHBACK_DATA_DIR": str(data),
        "SWITCHBACK_HTTP_PORT": str(http),
        "SWITCHBACK_SIMULATOR_PORT": str(simulator),
        "SWITCHBACK_DASHBOARD_PORT": str(dashboard),
    }
    made = Instance(env)
    up = made.cli("up", "--detach", deadline_s=UP_DEADLINE_S)
    try:
        assert up.returncode == 0, up.stderr[-4000:]
        yield made
    finally:
        made.cli("down", deadline_s=120)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool], float], None]:
    """Wait until a condition holds; fail when it does not within the time."""

    def wait(condition: Callable[[], bool], deadline_s: float) -> None:
        give_up_at = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < give_up_at, f"not so within {deadline_s:.0f} s"
            time.sleep(0.1)

    return wait
