"""The sending side in one process: real Postgres, our inbox, outbox and step, and the simulator.

Nothing is between them but their own code: the simulator posts signed webhooks to our inbox, our
Graph client calls the simulator, both over HTTP's shapes and without a socket.
"""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet

from deployments.local import postgres
from deployments.local.layout import Layout
from deployments.local.phone import Phone
from serving import webhook
from serving.business import load_business
from serving.graph import GraphApi
from serving.migrations import migrate
from serving.steps.send_message import SendMessage, SendSettings
from serving.stores.alerts import PostgresAlerts
from serving.stores.database import Database
from serving.stores.inbox import Inbox
from serving.stores.outbox import PostgresOutbox
from serving.stores.senders import PostgresSenders
from serving.stores.turns import PostgresTurns
from serving.templates import TemplateBook
from serving.types import Consent, Parsed, Reply, SendOrder, Sent, Turn, TurnRecord
from simulator.app import Settings, create_app

NUMBER, SECRET, TOKEN = "106500000000002", "app-secret", "access-token"
BUSINESS = Path(__file__).parents[1] / "corpus" / "business.yaml"
PARSED = Parsed("en", "latn", "pricing", {"pricing": 1.0}, "neutral")
LEASE_S = 3600.0  # longer than any run: what is measured here is not the lease
PATIENCE_S = 60.0  # only ends a hopeless wait


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True)
class House:
    """Open inside `house()`."""

    database: Database
    inbox: Inbox
    turns: PostgresTurns
    outbox: PostgresOutbox
    senders: PostgresSenders
    alerts: PostgresAlerts
    step: SendMessage
    http: httpx.AsyncClient  # the simulator's REST side

    async def customer(self, wa_id: str) -> None:
        await Phone(self.http, wa_id).arrive()

    async def says(self, wa_id: str, text: str, age_s: float = 0.0) -> None:
        await Phone(self.http, wa_id).write(text, timestamp=int(time.time() - age_s))

    async def faults(self, **knobs: Any) -> None:
        (await self.http.patch("/sim/faults", json=knobs)).raise_for_status()

    async def got(self, wa_id: str) -> list[dict[str, Any]]:
        """What the customer was sent, refused messages left out."""
        replies = await Phone(self.http, wa_id).replies()
        return [one for one in replies if one["status"] != "failed"]

    async def claim(self, count: int) -> list[Turn]:
        """Wait until so many conversations have something pending, and take them."""
        turns: list[Turn] = []
        await self.until(lambda: self._claimed(turns, count))
        return turns

    async def _claimed(self, turns: list[Turn], count: int) -> bool:
        turns += await self.turns.claim("bench", 500, LEASE_S)
        return len(turns) >= count

    async def send(self, turn: Turn, text: str = "It is ₹10,500 per person.") -> Sent:
        record = TurnRecord(turn, PARSED, Consent(opted_out=False))
        return await self.step.one(SendOrder(record, Reply(text)))

    async def resume(self) -> None:
        """Everything deferred is due now."""
        await self.execute("UPDATE outbox SET due_at = now() WHERE state = 'deferred'")
        while due := await self.outbox.due(100):
            await self.step.many(due)

    async def rows(self, sql: str, *values: object) -> list[Any]:
        async def work(connection: Any) -> list[Any]:
            return await (await connection.execute(sql, values)).fetchall()  # type: ignore[no-any-return]  # rows

        return await self.database.run(work)

    async def execute(self, sql: str) -> None:
        await self.database.query(sql.encode())

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def house(url: str, settings: SendSettings | None = None) -> AsyncIterator[House]:
    """Everything over the database at `url`, whose schema is there."""
    database = Database(url, [Fernet.generate_key().decode()], max_connections=8)
    await database.open()
    inbox = Inbox(database)

    async def receive(request: httpx.Request) -> httpx.Response:
        if not webhook.is_signed(
            request.content, request.headers.get("x-hub-signature-256"), (SECRET,)
        ):
            return httpx.Response(401)
        await inbox.accept(webhook.parse(request.content))
        return httpx.Response(200)

    app = create_app(
        Settings(SECRET, "verify", TOKEN, webhook_url="http://house/webhook"),
        webhook_transport=httpx.MockTransport(receive),
    )
    business = load_business(BUSINESS)
    templates = TemplateBook(business.message_templates, business.default_language)
    outbox, senders = PostgresOutbox(database, templates), PostgresSenders(database)
    transport = httpx.ASGITransport(app)
    graph = GraphApi("http://sim", "v26.0", TOKEN, transport)
    step = SendMessage(outbox, graph, SystemClock(), settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://sim") as http,
    ):
        yield House(
            database,
            inbox,
            PostgresTurns(database),
            outbox,
            senders,
            PostgresAlerts(database),
            step,
            http,
        )
    await graph.close()
    await database.close()


@contextlib.contextmanager
def empty_database() -> Iterator[str]:
    """An embedded server of its own with today's schema, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="switchback-bench-") as folder:
        Path(folder).chmod(0o755)  # as root the server runs as another user
        layout = Layout(Path(folder))
        layout.make()
        url = postgres.start(layout).details["url"]
        try:
            migrate(url)
            yield url
        finally:
            postgres.stop(layout)
            shutil.rmtree(layout.sockets, ignore_errors=True)
