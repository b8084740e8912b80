"""The Ray head of this machine: one detached daemon with ports, folders and a proxy of its own.

Knows Ray's command line and environment. Must not know which applications run on it.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.local.ports import Ports, require_free
from deployments.local.serve_api import ServeApi
from deployments.local.supervise import Service, child_env, reason, running, spawn, sweep
from deployments.local.supervise import stop as stop_service
from deployments.settings import Settings

NAME: Final = "ray"
START_TIMEOUT_S: Final = 180.0  # 15 s on an idle machine of two cores
START_ATTEMPTS: Final = 3  # Ray gives its own daemons 30 s, too little on a machine that is busy
STOP_GRACE_S: Final = 5.0  # replicas keep nothing that must be written down
OBJECT_STORE_BYTES: Final = 300_000_000  # what crosses a handle is small
# Ray's CPUs are tickets, not cores. The replicas are idle most of the time, and a re-index job
# must find tickets beside the language model's two, also on a machine of two cores.
MIN_CPU_TICKETS: Final = 8
# Ray's own way to stay on this machine: nothing of it listens on the network, so a laptop needs no
# token to keep strangers out, and a change of the laptop's address does not break the cluster.
# Whoever joins by RAY_ADDRESS needs it too.
LOOPBACK_ENV: Final = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "disabled"}
# How Serve's processes talk; a program that calls deployments needs the same.
SERVE_ENV: Final = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",  # 7 times the requests/s of the default proxy
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # A replica in the middle of a batch answers a probe late. Serve's 0.1 s would take it for lost,
    # and its caller would then wait in a back-off of up to half a second.
    "RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "2",
    "RAY_SERVE_MAX_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "5",
    # What Serve does ten times a second in its controller and in every process that calls or is
    # called, busy or not. The controller alone takes a tenth of a core for it.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "2000",
    # How long a caller believes what a replica last said of its queue; every answer says it anew.
    # After Serve's 10 s each hop of a lone message would ask first: 30 to 70 ms a turn.
    "RAY_SERVE_QUEUE_LENGTH_CACHE_TIMEOUT_S": "600",
}


def start(settings: Settings, layout: Layout, ports: Ports, wait: Callable[[str], None]) -> Service:
    """Start the head, or find it running, and wait until it takes Serve configs."""
    service = running(layout, NAME)
    if service is None:
        require_free(settings.dashboard_port, "SWITCHBACK_DASHBOARD_PORT")
        _clear_old_sessions(layout)
        service = _spawn(settings, layout, ports)
    for _ in range(START_ATTEMPTS - 1):
        if _dashboard_came(service, wait):
            break
        wait("Ray gave up waiting for itself; once more")
        sweep(layout)
        service = _spawn(settings, layout, ports)
    if not _dashboard_came(service, wait):
        raise LocalError(f"Ray did not start: {reason(service)}")
    _link_logs(layout)
    return service


def stop(layout: Layout) -> bool:
    """Stop the head and everything that it started."""
    return stop_service(layout, NAME, STOP_GRACE_S, together=True)


def address(ports: Ports) -> str:
    """What RAY_ADDRESS must be to join this head."""
    return f"127.0.0.1:{ports.gcs}"


def dashboard(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.dashboard_port}"


def _command(settings: Settings, layout: Layout, ports: Ports) -> list[str]:
    options = {
        "node-ip-address": "127.0.0.1",
        "port": ports.gcs,
        "dashboard-host": "127.0.0.1",
        "dashboard-port": settings.dashboard_port,
        "dashboard-agent-listen-port": ports.agent_listen,
        "dashboard-agent-grpc-port": ports.agent_grpc,
        "metrics-export-port": ports.metrics_export,
        "runtime-env-agent-port": ports.runtime_env_agent,
        "ray-client-server-port": ports.ray_client,
        "node-manager-port": ports.node_manager,
        "object-manager-port": ports.object_manager,
        "min-worker-port": 0,  # both 0: the system picks, above our block
        "max-worker-port": 0,
        "object-store-memory": OBJECT_STORE_BYTES,
        "num-cpus": max(os.cpu_count() or 1, MIN_CPU_TICKETS),
        "temp-dir": _folder(layout),
        "include-dashboard": "true",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *flags]


def _ray_env(layout: Layout, ports: Ports) -> dict[str, str]:
    """Everything that Ray's own processes and the replicas inherit."""
    proxy = layout.sockets  # Serve adds a folder named by the node: 56 of the 97 bytes of a path
    return {
        **LOOPBACK_ENV,
        **SERVE_ENV,
        "RAY_USAGE_STATS_ENABLED": "0",
        # With one node, calling it dead because it answers late ends everything and gains nothing.
        "RAY_health_check_failure_threshold": "10",  # of 3 s each, in place of 5
        # That mode keeps a thousand log lines back; without access logs there is nothing to save.
        "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(proxy / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(proxy / "a.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(proxy),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(proxy / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.haproxy_metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.haproxy_stats),
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, os.cpu_count() or 1)),
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "15",  # an old proxy must not outlive a `down`
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.fallback_http),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(ports.fallback_grpc),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(ports.replica_http.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(ports.replica_http.stop),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(ports.replica_grpc.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(ports.replica_grpc.stop),
        "RAY_ADDRESS": address(ports),
    }


def _spawn(settings: Settings, layout: Layout, ports: Ports) -> Service:
    argv = _command(settings, layout, ports)
    env = child_env(settings, layout, _ray_env(layout, ports))
    details = {"address": address(ports), "dashboard": dashboard(settings)}
    return spawn(layout, NAME, argv, env, details)


def _dashboard_came(service: Service, wait: Callable[[str], None]) -> bool:
    """Wait for it; False when the head ended instead, or took too long."""
    api = ServeApi(service.details["dashboard"])
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while not api.answers():
        if not service.alive() or time.monotonic() > give_up_at:
            return False
        wait("waiting for Ray's dashboard")
        time.sleep(0.5)
    return True


def _folder(layout: Layout) -> Path:
    return layout.sockets / "ray"


def _clear_old_sessions(layout: Layout) -> None:
    """Ray keeps the logs of every session for ever; the last one is enough."""
    sessions = sorted(path for path in _folder(layout).glob("session_2*") if path.is_dir())
    for old in sessions[:-1]:
        shutil.rmtree(old, ignore_errors=True)


def _link_logs(layout: Layout) -> None:
    link = layout.logs / "ray"
    link.unlink(missing_ok=True)
    link.symlink_to(_folder(layout) / "session_latest" / "logs")
