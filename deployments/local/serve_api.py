"""Ray Serve as seen through the dashboard's REST API: apply a config, read what became of it.

Knows that API's JSON. Must not know how the cluster was started; any cluster's dashboard will do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from deployments.local.errors import LocalError

PATH: Final = "/api/serve/applications/"
TIMEOUT_S: Final = 30.0  # the dashboard shares its cores with the replicas' imports
PROBE_TIMEOUT_S: Final = 5.0


class Late(LocalError):
    """The dashboard is there, and did not answer in time."""


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """One deployment as Serve reports it."""

    app: str
    name: str
    status: str
    message: str
    replicas: int  # that exist, in any state
    healthy: int  # that take requests
    target: int
    settings: Mapping[str, Any]  # its effective Serve configuration


@dataclass(frozen=True, slots=True)
class AppState:
    name: str
    status: str
    message: str
    deployments: tuple[DeploymentState, ...]

    @property
    def running(self) -> bool:
        return self.status == "RUNNING" and all(d.status == "HEALTHY" for d in self.deployments)

    @property
    def failed(self) -> bool:
        return self.status == "DEPLOY_FAILED"


class ServeApi:
    """A client of one dashboard."""

    def __init__(self, address: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url = address.rstrip("/") + PATH
        self._timeout_s = timeout_s

    def answers(self) -> bool:
        try:
            return httpx.get(self._url, timeout=PROBE_TIMEOUT_S).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def applications(self) -> list[AppState]:
        """Every application; empty when nothing was applied yet."""
        return [_app(name, found) for name, found in self._read()["applications"].items()]

    def apply(self, config: Mapping[str, Any]) -> None:
        """Make the cluster run exactly these applications."""
        try:
            answer = httpx.put(self._url, json=dict(config), timeout=self._timeout_s)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.is_error:
            raise LocalError(f"Serve refused the config: {_first_line(answer.text)}")

    def current_config(self) -> dict[str, Any]:
        """The config that makes the cluster what it is now."""
        found = self._read()
        apps = [app["deployed_app_config"] for app in found["applications"].values()]
        config: dict[str, Any] = {"applications": [app for app in apps if app is not None]}
        for option in ("proxy_location", "http_options", "grpc_options"):
            if found.get(option) is not None:
                config[option] = found[option]
        return config

    def _read(self) -> dict[str, Any]:
        try:
            answer = httpx.get(self._url, timeout=self._timeout_s).raise_for_status()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        found: dict[str, Any] = answer.json()
        return found

    def _unreachable(self, error: Exception) -> LocalError:
        kind = Late if isinstance(error, httpx.TimeoutException) else LocalError
        return kind(
            f"Ray's dashboard does not answer at {self._url} ({type(error).__name__});"
            " start with `switchback up`"
        )


def _app(name: str, found: Mapping[str, Any]) -> AppState:
    deployments = found.get("deployments", {}).items()
    states = tuple(_deployment(name, key, value) for key, value in deployments)
    return AppState(name, found["status"], found.get("message", ""), states)


def _deployment(app: str, name: str, found: Mapping[str, Any]) -> DeploymentState:
    replicas = found.get("replicas", [])
    return DeploymentState(
        app=app,
        name=name,
        status=found["status"],
        message=found.get("message", ""),
        replicas=len(replicas),
        healthy=sum(replica["state"] == "RUNNING" for replica in replicas),
        target=found.get("target_num_replicas") or 0,
        settings=found.get("deployment_config") or {},
    )


def _first_line(text: str) -> str:
    """The last line of a traceback says what was wrong."""
    lines = [line.strip() for line in text.replace("\\n", "\n").splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
