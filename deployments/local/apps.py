"""The Serve applications of an instance: applied, waited for, described.

Knows the profile's config and Serve's states. Must not know processes.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from deployments.local.errors import LocalError
from deployments.local.serve_api import AppState, DeploymentState, Late, ServeApi
from deployments.settings import Settings

DEPLOY_TIMEOUT_S: Final = 900.0  # a language model takes 95 s on an idle machine of two cores
READY_TIMEOUT_S: Final = 300.0  # shards are opened after their replicas report healthy
POLL_S: Final = 1.0


def apply(api: ServeApi, wanted: Mapping[str, Any], tell: Callable[[str], None]) -> None:
    """Apply a config and wait until everything in it is healthy."""
    api.apply(wanted)
    names = [application["name"] for application in wanted["applications"]]
    await_running(api, names, tell)


def await_running(api: ServeApi, names: Sequence[str], tell: Callable[[str], None]) -> None:
    """Wait for the named applications; raise with Serve's own words when one fails."""
    give_up_at = time.monotonic() + DEPLOY_TIMEOUT_S
    while True:
        try:
            apps = [app for app in api.applications() if app.name in names]
        except Late:  # its machine is busy with the very start that is waited for
            apps = []
        for app in apps:
            _raise_if_failed(app)
        if len(apps) == len(names) and all(app.running for app in apps):
            return
        if time.monotonic() > give_up_at:
            raise LocalError(f"gave up after {DEPLOY_TIMEOUT_S:.0f} s: {_waiting_for(apps)}")
        tell(_waiting_for(apps))
        time.sleep(POLL_S)


def await_ready(settings: Settings, tell: Callable[[str], None]) -> None:
    """Wait until /readyz says yes; raise with what it names."""
    give_up_at = time.monotonic() + READY_TIMEOUT_S
    while (missing := not_ready(settings)) is not None:
        if time.monotonic() > give_up_at:
            logs = settings.data_dir / "logs"
            raise LocalError(f"not ready after {READY_TIMEOUT_S:.0f} s: {missing} (logs: {logs})")
        tell(missing)
        time.sleep(POLL_S)


def not_ready(settings: Settings) -> str | None:
    """What /readyz is missing; None: nothing."""
    try:
        answer = httpx.get(f"{address(settings)}/readyz", timeout=5.0)
    except httpx.HTTPError as error:
        return f"{address(settings)} does not answer ({type(error).__name__})"
    return None if answer.status_code == httpx.codes.OK else answer.text[:300]


def address(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.http_port}"


def _raise_if_failed(app: AppState) -> None:
    if app.failed:
        details = [f"{d.name}: {_brief(d.message)}" for d in app.deployments if d.message]
        raise LocalError(
            f"{app.name} failed to start: " + "; ".join(details or [_brief(app.message)])
        )


def _brief(message: str) -> str:
    """A replica's traceback ends with the error; that line says most."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _waiting_for(apps: Sequence[AppState]) -> str:
    deployments = [deployment for app in apps for deployment in app.deployments]
    pending = [deployment for deployment in deployments if deployment.status != "HEALTHY"]
    if not deployments or not pending:
        return "applications are being built"
    healthy = len(deployments) - len(pending)
    names = ", ".join(_named(deployment) for deployment in pending[:4])
    more = f" and {len(pending) - 4} more" if len(pending) > 4 else ""  # noqa: PLR2004 -- as above
    return f"{healthy} of {len(deployments)} deployments healthy; waiting for {names}{more}"


def _named(deployment: DeploymentState) -> str:
    unhealthy = deployment.status not in {"UPDATING", "UPSCALING", "DOWNSCALING"}
    why = f" ({_brief(deployment.message)})" if unhealthy and deployment.message else ""
    return deployment.name + why
