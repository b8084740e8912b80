"""Every store of the request path over one database, and short ways to say what a test needs."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from cryptography.fernet import Fernet

from serving.business import load_business
from serving.ports import Gate, Settlement
from serving.stores.alerts import PostgresAlerts
from serving.stores.consent import PostgresConsent
from serving.stores.context import PostgresContext
from serving.stores.database import Database
from serving.stores.inbox import Accepted, Inbox
from serving.stores.interactions import PostgresInteractions
from serving.stores.leads import PostgresLeads
from serving.stores.outbox import PostgresOutbox
from serving.stores.senders import PostgresSenders
from serving.stores.stats import PostgresStats
from serving.stores.turns import PostgresTurns
from serving.templates import TemplateBook
from serving.types import (
    Consent,
    Interaction,
    Parsed,
    Reply,
    SendOrder,
    Sent,
    Turn,
    TurnRecord,
    Wamid,
)
from serving.webhook import parse

T = TypeVar("T")

NUMBER = "106500000000002"
CUSTOMER = "15550100123"
BUSINESS = load_business(Path(__file__).parents[3] / "corpus" / "business.yaml")
TEMPLATES = TemplateBook(BUSINESS.message_templates, BUSINESS.default_language)
PARSED = Parsed("en", "latn", "pricing", {"pricing": 1.0}, "neutral")


class World:
    """Open inside one event loop."""

    def __init__(self, url: str, keys: Sequence[str], max_connections: int = 8) -> None:
        self.url = url
        self.keys = keys
        self.database = Database(url, keys, max_connections=max_connections)
        self.inbox = Inbox(self.database)
        self.turns = PostgresTurns(self.database)
        self.outbox = PostgresOutbox(self.database)
        self.late_outbox = PostgresOutbox(self.database, TEMPLATES)  # with approved templates
        self.senders = PostgresSenders(self.database)
        self.alerts = PostgresAlerts(self.database)
        self.consent = PostgresConsent(self.database)
        self.context = PostgresContext(self.database)
        self.log = PostgresInteractions(self.database)
        self.leads = PostgresLeads(self.database)
        self.stats = PostgresStats(self.database)

    async def receive(self, *messages: dict[str, Any]) -> Accepted:
        return await self.inbox.accept(parse(envelope(messages=list(messages))))

    async def report(self, *statuses: dict[str, Any]) -> Accepted:
        return await self.inbox.accept(parse(envelope(statuses=list(statuses))))

    async def claim(self, holder: str = "a", limit: int = 10, lease_s: float = 30.0) -> list[Turn]:
        return await self.turns.claim(holder, limit, lease_s)

    async def claim_one(self, holder: str = "a", lease_s: float = 30.0) -> Turn:
        (turn,) = await self.claim(holder, 1, lease_s)
        return turn

    async def admit(self, turn: Turn, reply: Reply | None = None) -> Gate:
        (gate,) = await self.outbox.admit([order(turn, reply)])
        return gate

    async def send(self, turn: Turn, reply: Reply | None = None) -> Gate:
        """Through the gate and out."""
        gate = await self.admit(turn, reply)
        sent = Settlement("sent", Wamid(f"wamid.{uuid.uuid4().hex}"))
        await self.outbox.settle(gate.callback_data, sent)
        return gate

    async def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Look at the tables from outside."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            return await (await connection.execute(sql, values)).fetchall()

    async def execute(self, sql: str, *values: object) -> None:
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            await connection.execute(sql, values)


Scenario = Callable[[World], Awaitable[T]]


KEYS = [Fernet.generate_key().decode()]


def play(url: str, scenario: Scenario[T]) -> T:
    """Run a scenario against a fresh set of stores."""

    async def run() -> T:
        world = World(url, KEYS)
        await world.database.open()
        try:
            return await scenario(world)
        finally:
            await world.database.close()

    return asyncio.run(run())


def text(
    body: str = "Hi", *, sender: str = CUSTOMER, age_s: float = 0.0, **more: object
) -> dict[str, Any]:
    """A text message as Meta sends it."""
    return {
        "from": sender,
        "id": f"wamid.{uuid.uuid4().hex}",
        "timestamp": str(int(time.time() - age_s)),
        "type": "text",
        "text": {"body": body},
        **more,
    }


def status(wamid: str, word: str, **more: object) -> dict[str, Any]:
    return {"id": wamid, "status": word, "timestamp": str(int(time.time())), **more}


def envelope(number: str = NUMBER, **value: object) -> bytes:
    """A body with one change of field `messages`."""
    content = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": number}, **value}
    entry = {"id": "104200000000001", "changes": [{"field": "messages", "value": content}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def order(turn: Turn, reply: Reply | None = None) -> SendOrder:
    return SendOrder(TurnRecord(turn, PARSED, Consent(opted_out=False)), reply or Reply("Hello!"))


def interaction(turn: Turn, sent: Sent | None = None) -> Interaction:
    it = order(turn)
    return Interaction(it.record, it.reply, sent or Sent("sent"))
