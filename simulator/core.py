"""The simulator put together: one object that the routes ask."""

import asyncio
import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter

from simulator.events import EventHub
from simulator.faults import PRESETS, FaultBoard, Faults
from simulator.journal import Journal
from simulator.limits import PairLimiter, ThroughputBucket
from simulator.media import MediaStore
from simulator.payloads import Update
from simulator.phone import Phone
from simulator.sending import Parts, Sending
from simulator.settings import Settings
from simulator.state import World
from simulator.statuses import StatusReporter
from simulator.templates import Template, TemplateBook
from simulator.timers import Timers
from simulator.webhooks import WebhookSender

_log = logging.getLogger(__name__)
_FLUSH_S = 0.3


class NewCustomer(BaseModel):
    """A customer as it is asked for. Without `wa_id` the phone is hidden (a username user)."""

    model_config = ConfigDict(extra="forbid")

    name: str
    wa_id: str | None = None
    bsuid: str | None = None
    username: str | None = None
    language: str | None = None
    phone_hidden: bool = False


DEMO_CUSTOMERS = [
    NewCustomer(
        name="Dana Reyes", wa_id="15550100123", bsuid="US.90000000000000000001", language="en"
    ),
    NewCustomer(
        name="Asha Rao", wa_id="15550100145", bsuid="IN.90000000000000000002", language="hi"
    ),
    NewCustomer(name="Noé B.", username="noe.b", bsuid="FR.90000000000000000077", language="fr"),
]


class StartError(ValueError):
    """A file given at the start cannot be used."""


class Simulator:
    """Everything of one business number."""

    def __init__(
        self,
        settings: Settings,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._customers = _read(settings.customers_file, list[NewCustomer], DEMO_CUSTOMERS)
        self._templates = _read(settings.templates_file, list[Template], [])
        self._faults = _read(settings.faults_file, Faults, PRESETS[settings.preset])
        self.journal = Journal(settings.state_dir)
        self.hub = EventHub()
        self.timers = Timers()
        self.faults = FaultBoard(self._faults, settings.seed)
        self.templates = TemplateBook(self._templates)
        self.world = World(settings.bounds, self.journal, self.hub, clock)
        self.media = MediaStore(settings, self.journal, clock)
        self.webhooks = WebhookSender(settings, self.faults, self.hub, clock, transport)
        self.webhooks.on_received = self._received
        self.statuses = StatusReporter(self.world, self.faults, self.webhooks, self.timers, clock)
        self._pairs, self._throughput = PairLimiter(), ThroughputBucket(settings.throughput_mps)
        self.phone = self._make_phone()
        self.sending = self._make_sending()
        self._flusher: asyncio.Task[None] | None = None

    def _make_phone(self) -> Phone:
        return Phone(
            world=self.world,
            media=self.media,
            webhooks=self.webhooks,
            faults=self.faults,
            throughput=self._throughput,
            clock=self.clock,
            business_phone=self.settings.display_phone_number,
        )

    def _make_sending(self) -> Sending:
        return Sending(
            Parts(
                settings=self.settings,
                world=self.world,
                faults=self.faults,
                media=self.media,
                pairs=self._pairs,
                throughput=self._throughput,
                statuses=self.statuses,
                templates=self.templates,
                clock=self.clock,
            )
        )

    def _received(self, updates: Sequence[Update]) -> None:
        """A customer's message gets its second tick when the business has it."""
        for update in updates:
            message = self.world.message(str(update.item.get("id")))
            if message is not None and message.direction == "in":
                message.status = "delivered"
                self.world.touch(message)

    async def start(self) -> None:
        """Bring back the last state, seed the customers, begin to deliver."""
        self.world.load()
        self.media.load()
        self._seed()
        await self.webhooks.start()
        self._flusher = asyncio.create_task(self._keep_flushing())

    async def stop(self) -> None:
        """Leave nothing running, and everything written."""
        self.hub.close()
        self.timers.clear()
        await self.webhooks.stop()
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.gather(self._flusher, return_exceptions=True)
        self.journal.close()

    async def _keep_flushing(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            try:
                self.journal.flush()
            except sqlite3.Error:
                _log.exception("the state could not be written; it stays in memory")

    def _seed(self) -> None:
        for customer in self._customers:
            with contextlib.suppress(ValueError):  # known from the last run
                self.world.new_customer(**customer.model_dump())

    def reset(self) -> None:
        """As on the first start: no chats, no files, no faults."""
        self.timers.clear()
        self.webhooks.clear()
        self.world.clear()
        self.media.clear()
        self.journal.clear()
        self.statuses.clear()
        self._pairs.clear()
        self._throughput.clear()
        self.faults.replace(self._faults)
        self.templates.replace(self._templates)
        self._seed()
        self.hub.publish("reset", {})


def _read(path: Path | None, kind: Any, default: Any) -> Any:
    """A JSON file given at the start."""
    if path is None:
        return default
    try:
        return TypeAdapter(kind).validate_python(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise StartError(f"cannot use {path}: {error}") from error
