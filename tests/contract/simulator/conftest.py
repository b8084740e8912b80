"""Starting simulators for tests, and waiting for what they do."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from simulator.app import create_app
from tests.contract.simulator.rig import QUICK, Clock, Rig, Webhook, make_settings


@pytest.fixture
def make_rig() -> Iterator[Callable[..., Rig]]:
    """Starts simulators with these settings, quick statuses and no pair limit."""
    clients: list[TestClient] = []

    def start(**more: Any) -> Rig:
        webhook, clock = Webhook(), Clock()
        transport = httpx.MockTransport(webhook)
        app = create_app(make_settings(**more), webhook_transport=transport, clock=clock)
        client = TestClient(app).__enter__()
        clients.append(client)
        rig = Rig(client, webhook, clock)
        rig.faults(statuses=QUICK, limits={"pair": "off"})
        return rig

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Waits for something to become true; the limit only ends a hopeless wait."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 15
        while not (found := condition()):
            assert time.monotonic() < deadline, "it never happened"
            threading.Event().wait(0.01)
        return found

    return wait
