"""Delivering webhooks: batches, signatures, retries, and a log of every attempt.

Deliveries run side by side and nothing promises their order, as with Meta.
"""

import asyncio
import hmac
import itertools
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import httpx

from simulator import wire
from simulator.events import EventHub
from simulator.faults import FaultBoard
from simulator.payloads import Number, Update
from simulator.settings import Settings
from simulator.wire import Json

_log = logging.getLogger(__name__)
_HEADERS = {"Content-Type": "application/json", "User-Agent": "facebookexternalua"}


@dataclass(slots=True)
class Delivery:
    """One POST and what became of it."""

    id: int
    body: bytes
    num_updates: int
    created_at: float
    signature: str | None = None  # None: signed when sent
    signed: bool = True
    retry: bool = True
    state: str = "pending"
    attempts: list[Json] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)  # set after the first attempt
    updates: Sequence[Update] = ()

    def as_json(self, max_body: int = 0) -> Json:
        """As the log shows it."""
        shown: Json = {
            "id": self.id,
            "state": self.state,
            "num_updates": self.num_updates,
            "num_bytes": len(self.body),
            "created_at": self.created_at,
            "attempts": list(self.attempts),
        }
        if max_body:
            shown["body"] = self.body[:max_body].decode("utf-8", "replace")
        return shown


@dataclass(frozen=True, slots=True)
class Handshake:
    """What came of the GET verification."""

    ok: bool
    status_code: int | None
    detail: str


class WebhookSender:
    """Signs and posts to one URL. Only status 200 counts as received."""

    def __init__(
        self,
        settings: Settings,
        faults: FaultBoard,
        hub: EventHub,
        clock: Callable[[], float],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = settings.webhook_url
        self._settings, self._faults, self._hub, self._clock = settings, faults, hub, clock
        self._number = Number(
            settings.waba_id, settings.phone_number_id, settings.display_phone_number
        )
        self._transport = transport
        self.on_received: Callable[[Sequence[Update]], None] = lambda _updates: None
        self._client: httpx.AsyncClient | None = None
        self._queue: deque[Update] = deque(maxlen=settings.bounds.queued_updates)
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(settings.max_concurrent_posts)
        self._tasks: set[asyncio.Task[None]] = set()
        self._collector: asyncio.Task[None] | None = None
        self._log: OrderedDict[int, Delivery] = OrderedDict()
        self._ids = itertools.count(1)

    async def start(self) -> None:
        """Open the client and begin to deliver."""
        self._client = httpx.AsyncClient(
            transport=self._transport,
            timeout=self._settings.retry.timeout_s,
            limits=httpx.Limits(max_connections=self._settings.max_concurrent_posts),
            follow_redirects=False,
            trust_env=False,
        )
        self._collector = asyncio.create_task(self._collect())

    async def stop(self) -> None:
        """Give up what is under way and close."""
        self.clear()
        if self._collector is not None:
            self._collector.cancel()
            await asyncio.gather(self._collector, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def clear(self) -> None:
        """Forget what has not been delivered, and the log."""
        self._queue.clear()
        for task in self._tasks:
            task.cancel()
        self._log.clear()

    # Sending ---------------------------------------------------------------------------------

    def enqueue(self, update: Update) -> None:
        """Deliver this as soon as the batching allows."""
        self._queue.append(update)
        self._wake.set()

    async def _collect(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            window_s = self._faults.now.webhooks.batch_window_s
            if window_s > 0:
                await asyncio.sleep(window_s)
            while self._queue:
                size = self._faults.now.webhooks.batch_max if window_s > 0 else 1
                count = min(size, len(self._queue))
                self._dispatch([self._queue.popleft() for _ in range(count)])

    def _dispatch(self, updates: list[Update]) -> None:
        knobs = self._faults.now.webhooks
        body = wire.encode(self._number.envelope(updates))
        if len(body) < knobs.pad_to_bytes:
            short = knobs.pad_to_bytes - len(body) - len(',"padding":""')
            body = wire.encode(self._number.envelope(updates, padding=max(1, short)))
        self.post(body, updates=updates)

    def post(
        self,
        body: bytes,
        *,
        updates: Sequence[Update] = (),
        signature: str | None = None,
        signed: bool = True,
        retry: bool = True,
    ) -> Delivery:
        """Deliver these bytes, with a given signature, a right one, or none."""
        delivery = Delivery(
            id=next(self._ids),
            body=body,
            num_updates=len(updates) or 1,
            created_at=self._clock(),
            signature=signature,
            signed=signed,
            retry=retry,
            updates=updates,
        )
        self._log[delivery.id] = delivery
        while len(self._log) > self._settings.bounds.deliveries:
            self._log.popitem(last=False)
        if len(self._tasks) >= self._settings.bounds.queued_updates:
            delivery.state = "gave up"  # memory is bounded, unlike Meta's
            return delivery
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def _deliver(self, delivery: Delivery) -> None:
        if self.url is None:
            delivery.state, delivery.attempts = "gave up", [{"error": "no webhook URL is set"}]
            delivery.done.set()
            return
        knobs = self._faults.now.webhooks
        if self._faults.hits(knobs.reorder_p):
            await asyncio.sleep(self._faults.dice.uniform(0, knobs.reorder_s))
        await self._until_received(delivery)
        self._hub.publish("webhook", delivery.as_json())
        if delivery.state == "delivered" and self._faults.hits(knobs.duplicate_p):
            await self._attempt(delivery)

    async def _until_received(self, delivery: Delivery) -> None:
        retry = self._settings.retry
        for number in itertools.count():
            received = await self._attempt(delivery)
            delivery.done.set()
            if received:
                delivery.state = "delivered"
                self.on_received(delivery.updates)
                return
            if not delivery.retry or self._clock() - delivery.created_at > retry.give_up_s:
                delivery.state = "gave up"
                return
            if number > 0:  # the first repetition comes at once
                gap_s = min(retry.base_s * 2.0 ** min(number - 1, 30), retry.max_gap_s)
                await asyncio.sleep(gap_s * self._faults.dice.uniform(0.75, 1.25))

    async def _attempt(self, delivery: Delivery) -> bool:
        assert self._client is not None, "the sender has not been started"
        assert self.url is not None
        async with self._slots:
            started = time.perf_counter()
            entry: Json = {"at": self._clock()}
            try:
                headers = self._headers(delivery, entry)
                answer = await self._client.post(self.url, content=delivery.body, headers=headers)
                entry["status_code"] = answer.status_code
            except httpx.HTTPError as error:
                entry["error"] = type(error).__name__
            entry["ms"] = round((time.perf_counter() - started) * 1000, 1)
        delivery.attempts = [*delivery.attempts[-49:], entry]
        return entry.get("status_code") == 200

    def _headers(self, delivery: Delivery, entry: Json) -> dict[str, str]:
        if not delivery.signed:
            return _HEADERS
        signature = delivery.signature
        if signature is None:
            secret = self._settings.app_secret
            if self._faults.hits(self._faults.now.webhooks.wrong_signature_p):
                entry["wrong_signature"] = True
                signature = wire.wrong_signature(secret, delivery.body)
            else:
                signature = wire.sign(secret, delivery.body)
        return {**_HEADERS, "X-Hub-Signature-256": signature}

    # Looking ---------------------------------------------------------------------------------

    def log(self, after: int, limit: int, *, with_body: bool) -> list[Json]:
        """The latest deliveries, oldest first."""
        max_body = self._settings.bounds.body_bytes if with_body else 0
        chosen = [delivery for delivery in self._log.values() if delivery.id > after]
        return [delivery.as_json(max_body) for delivery in chosen[-limit:]]

    def counts(self) -> dict[str, int]:
        """How many deliveries of the log are in each state, and what waits."""
        counts = {"pending": 0, "delivered": 0, "gave up": 0}
        for delivery in self._log.values():
            counts[delivery.state] += 1
        return counts | {"queued": len(self._queue)}

    async def handshake(self) -> Json:
        """The GET that Meta makes when a callback URL is set."""
        return asdict(await self._handshake())

    async def _handshake(self) -> Handshake:
        assert self._client is not None, "the sender has not been started"
        if self.url is None:
            return Handshake(ok=False, status_code=None, detail="no webhook URL is set")
        challenge = str(secrets.randbelow(10**10))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": self._settings.verify_token,
        }
        try:
            answer = await self._client.get(self.url, params=query)
        except httpx.HTTPError as error:
            return Handshake(ok=False, status_code=None, detail=type(error).__name__)
        if answer.status_code != 200:
            return Handshake(
                ok=False, status_code=answer.status_code, detail="the webhook did not answer 200"
            )
        same = hmac.compare_digest(answer.text.strip().encode(), challenge.encode())
        detail = "verified" if same else "the body of the answer is not the challenge"
        return Handshake(ok=same, status_code=200, detail=detail)
