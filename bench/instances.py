"""A whole instance with stub models, in a folder of its own: for what only a cluster can show."""

import contextlib
import tempfile
from collections.abc import Iterator

from deployments.local import instance
from deployments.local.ports import free_ports
from deployments.local.progress import TerminalProgress
from deployments.settings import load_settings


@contextlib.contextmanager
def stub_instance(**more: str) -> Iterator[instance.Instance]:
    """Started, and stopped at the end. `more` are further variables of its settings."""
    with tempfile.TemporaryDirectory(prefix="switchback-bench-") as folder:
        http, simulator, dashboard = free_ports(3)
        settings = load_settings(
            {
                "SWITCHBACK_PROFILE": "test",
                "SWITCHBACK_MODELS": "stub",
                "SWITCHBACK_DATA_DIR": folder,
                "SWITCHBACK_HTTP_PORT": str(http),
                "SWITCHBACK_SIMULATOR_PORT": str(simulator),
                "SWITCHBACK_DASHBOARD_PORT": str(dashboard),
                **more,
            }
        )
        progress = TerminalProgress()
        try:
            yield instance.up(settings, progress)
        finally:
            instance.down(settings, progress)
