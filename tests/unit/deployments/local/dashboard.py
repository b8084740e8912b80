"""A Ray dashboard that is only its Serve routes, held in memory."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def deployment(healthy: int = 1, status: str = "HEALTHY", **more: Any) -> dict[str, Any]:
    """One deployment as the dashboard lists it."""
    return {
        "status": status,
        "message": "",
        "replicas": [{"state": "RUNNING"}] * healthy,
        "target_num_replicas": healthy,
        "deployment_config": {"autoscaling_config": {"min_replicas": 1, "max_replicas": 2}},
    } | more


def application(name: str, deployments: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One application as the dashboard lists it."""
    config = {
        "name": name,
        "import_path": f"deployments.app:{name}",
        "deployments": [
            {"name": key, "autoscaling_config": {"min_replicas": 1, "max_replicas": 2}}
            for key in deployments
        ],
    }
    return {
        "status": "RUNNING",
        "message": "",
        "deployments": deployments,
        "deployed_app_config": config,
    } | more


class Dashboard:
    """Serves `applications`; a PUT is kept in `applied` and, by default, comes true at once."""

    def __init__(self, **applications: dict[str, Any]) -> None:
        self.applications = applications
        self.applied: list[dict[str, Any]] = []
        self.refusal: str | None = None
        self.late_s: list[float] = []  # waits before the next answers

    def details(self) -> dict[str, Any]:
        return {
            "proxy_location": "EveryNode",
            "http_options": {"host": "127.0.0.1", "port": 8000},
            "grpc_options": None,
            "applications": self.applications,
        }

    def apply(self, config: dict[str, Any]) -> None:
        self.applied.append(config)
        for wanted in config["applications"]:
            known = self.applications[wanted["name"]]["deployments"]
            for entry in wanted["deployments"]:
                number = entry.get("autoscaling_config", {}).get("min_replicas", 1)
                known[entry["name"]] |= {"replicas": [{"state": "RUNNING"}] * number}

    @contextmanager
    def served(self) -> Iterator[str]:
        """Its address while it runs."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(dashboard: Dashboard) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if dashboard.late_s:
                time.sleep(dashboard.late_s.pop())
            with contextlib.suppress(BrokenPipeError):  # nobody waited
                self._answer(200, json.dumps(dashboard.details()))

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if dashboard.refusal is not None:
                self._answer(500, dashboard.refusal)
                return
            dashboard.apply(json.loads(body))
            self._answer(200, "")

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    return Handler
