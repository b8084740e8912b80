"""The stand-in for Meta, run beside the platform and pointed at its webhook.

Knows its command line and its health route. Must not import it.
"""

import json
import sys
import time
from typing import Final

import httpx

from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.local.ports import require_free
from deployments.local.stores import CUSTOMERS
from deployments.local.supervise import Service, child_env, reason, running, spawn
from deployments.local.supervise import stop as stop_service
from deployments.settings import Settings

NAME: Final = "simulator"
START_TIMEOUT_S: Final = 60.0  # 2 s on an idle machine
PROBE_TIMEOUT_S: Final = 2.0
PHONE_FIELDS: Final = ("name", "wa_id", "bsuid", "username", "language")


def wanted(settings: Settings) -> bool:
    """Whether the platform talks to the simulator, and not to Meta."""
    return settings.graph_base_url == address(settings)


def address(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.simulator_port}"


def start(settings: Settings, layout: Layout) -> Service:
    """Start it, or find it running."""
    found = running(layout, NAME)
    if found is not None:
        return found
    require_free(settings.simulator_port, "SWITCHBACK_SIMULATOR_PORT")
    layout.simulator.mkdir(exist_ok=True)
    argv = [
        *(sys.executable, "-m", "simulator"),
        *("--port", str(settings.simulator_port)),
        *("--webhook-url", f"http://127.0.0.1:{settings.http_port}/webhook"),
        *("--phone-number-id", settings.phone_number_id),
        *("--state-dir", str(layout.simulator)),
        *_company(settings),
        *_customers(settings, layout),
    ]
    details = {"address": address(settings)}
    service = spawn(layout, NAME, argv, child_env(settings, layout), details)
    _await_health(service, settings)
    return service


def stop(layout: Layout) -> bool:
    return stop_service(layout, NAME)


def _company(settings: Settings) -> list[str]:
    """The name and number on the phone page are the company's."""
    from serving.business import load_business  # noqa: PLC0415

    business = load_business(settings.business)
    number = business.whatsapp.phone_number
    return ["--business-name", business.name, "--display-phone-number", number]


def _customers(settings: Settings, layout: Layout) -> list[str]:
    """The seeded customers' phones, so that they can be picked up on the page."""
    source = settings.business.parent / CUSTOMERS
    if not source.is_file():
        return []
    people = json.loads(source.read_text("utf-8"))["customers"]
    phones = [{name: person.get(name) for name in PHONE_FIELDS} for person in people]
    target = layout.simulator / CUSTOMERS
    target.write_text(json.dumps(phones, ensure_ascii=False), "utf-8")
    return ["--customers", str(target)]


def _await_health(service: Service, settings: Settings) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while not _healthy(settings):
        if not service.alive() or time.monotonic() > give_up_at:
            raise LocalError(f"the simulator did not start: {reason(service)}")
        time.sleep(0.1)


def _healthy(settings: Settings) -> bool:
    try:
        answer = httpx.get(f"{address(settings)}/sim/health", timeout=PROBE_TIMEOUT_S)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK
