"""What runs, how it is, and where: one report for people and programs.

Asks Serve, the database and the index; each may be missing, and is then said to be.
"""

import asyncio
from typing import Any

from deployments.local import apps, index, instance, ray_head
from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.local.serve_api import AppState, ServeApi
from deployments.local.supervise import find
from deployments.parts import Parts
from deployments.settings import Settings
from serving.errors import SwitchbackError

SERVICES = ("postgres", "redis", "ray", "simulator")


def status(settings: Settings) -> dict[str, Any]:
    """The report of the public interface. What cannot be read is named under `problems`."""
    problems: list[str] = []
    applications = _applications(settings, problems)
    report = {
        "epoch": _epoch(settings, problems),
        "applications": {app.name: app.status for app in applications},
        "deployments": {
            d.name: {"replicas": d.replicas, "healthy": d.healthy}
            for app in applications
            for d in app.deployments
        },
        "inbox": _inbox(settings, problems),
        "addresses": instance.addresses(settings),
        "services": _services(settings, problems),
    }
    ready = not problems and bool(applications) and all(app.running for app in applications)
    if ready and (missing := apps.not_ready(settings)) is not None:
        problems.append(missing)
    return {"ready": ready and not problems, **report, "problems": problems}


def _applications(settings: Settings, problems: list[str]) -> list[AppState]:
    try:
        found = ServeApi(ray_head.dashboard(settings)).applications()
    except LocalError as error:
        problems.append(str(error))
        return []
    problems += [
        f"{deployment.name}: {deployment.message.strip().splitlines()[-1]}"
        for app in found
        for deployment in app.deployments
        if deployment.status == "UNHEALTHY" and deployment.message.strip()
    ]
    return found


def _epoch(settings: Settings, problems: list[str]) -> str:
    try:
        return index.live_epoch(settings) or ""
    except LocalError as error:
        problems.append(str(error))
        return ""


def _inbox(settings: Settings, problems: list[str]) -> dict[str, Any]:
    try:
        return asyncio.run(_inbox_stats(instance.connected(settings)))
    except (LocalError, SwitchbackError) as error:
        problems.append(str(error))
        return {"pending": 0, "oldest_s": 0.0, "dead": 0}


async def _inbox_stats(settings: Settings) -> dict[str, Any]:
    parts = Parts(settings)
    database, stats = parts.database, parts.stats
    try:
        await parts.open()
        found = await stats.inbox_stats()
    finally:
        await database.close()
    return {"pending": found.pending, "oldest_s": round(found.oldest_s, 3), "dead": found.dead}


def _services(settings: Settings, problems: list[str]) -> dict[str, str]:
    """Processes of this machine; those that were started and have ended are a problem."""
    layout = Layout(settings.data_dir)
    states = {}
    for name in SERVICES:
        service = find(layout, name)
        if service is None:
            continue
        states[name] = "running" if service.alive() else "ended"
        if not service.alive():
            problems.append(f"{name} has ended; its log is {service.log}")
    return states
