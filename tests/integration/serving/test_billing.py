"""Messages are charged once, and the month's budget saves before it stops."""

from datetime import UTC, datetime

from serving.ports import Settlement
from serving.stores.admin import Desk
from serving.stores.inbox import Inbox
from serving.stores.outbox import PostgresOutbox
from serving.types import Consent, Parsed, Reply, SendOrder, TurnRecord, Wamid
from serving.webhook import parse
from tests.integration.serving.world import (
    BUSINESS,
    TEMPLATES,
    World,
    envelope,
    play,
    status,
    text,
)

CARD = BUSINESS.rate_card
PRICED = {"pricing": {"type": "regular", "category": "service", "pricing_model": "PMP"}}
INDIAN = "919812345678"


async def sent(world: World, wamid: str, sender: str = INDIAN) -> None:
    await world.receive(text(sender=sender))
    turn = await world.claim_one()
    gate = await world.admit(turn)
    await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid(wamid)))
    await world.turns.finish(turn, None, "sent")


def test_a_delivered_message_is_charged_once(database_url: str) -> None:
    """Not when it is sent, not again when it is read, and whatever is repeated."""

    async def scenario(world: World) -> None:
        inbox, desk = Inbox(world.database, rate_card=CARD), Desk(world.database)
        ever = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        await sent(world, "wamid.one")
        for word, spent in (("sent", []), ("delivered", [1]), ("delivered", [1]), ("read", [1])):
            await inbox.accept(parse(envelope(statuses=[status("wamid.one", word, **PRICED)])))
            assert [row.messages for row in (await desk.costs(*ever)).countries] == spent
        await sent(world, "wamid.two", sender="15550100777")
        await inbox.accept(parse(envelope(statuses=[status("wamid.two", "read", **PRICED)])))
        billed = (await desk.costs(*ever)).countries
        assert [(row.country, row.cost_usd) for row in billed] == [("IN", 0.0014), ("US", 0.0034)]
        assert await world.rows("SELECT messages, nano_usd FROM message_spend") == [(2, 4_800_000)]

    play(database_url, scenario)


def test_the_budget_saves_and_then_stops_and_says_so(database_url: str) -> None:
    """At four fifths small talk and templates end; then people answer, and STOP is confirmed."""

    async def scenario(world: World) -> None:
        outbox = PostgresOutbox(world.database, TEMPLATES, CARD)
        inbox = Inbox(world.database, rate_card=CARD)
        await sent(world, "wamid.one")
        almost = int(CARD.monthly_budget_usd * 0.8 * 1e9) - 1
        await world.execute(
            "INSERT INTO message_spend VALUES (date_trunc('month', now())::date, 1, %s)", almost
        )
        await inbox.accept(parse(envelope(statuses=[status("wamid.one", "read", **PRICED)])))
        assert [(a.kind, a.subject) for a in await world.alerts.open()] == [("budget", "saving")]

        async def gate(reply: Reply, intent: str = "pricing", age_s: float = 0.0) -> str:
            await world.execute("DELETE FROM contacts")
            await world.receive(text(age_s=age_s))
            turn = await world.claim_one()
            parsed = Parsed("en", "latn", intent, {intent: 1.0}, "neutral")  # type: ignore[arg-type,dict-item]  # as said
            record = TurnRecord(turn, parsed, Consent(opted_out=False))
            return (await outbox.admit([SendOrder(record, reply)]))[0].outcome

        assert await gate(Reply("₹10,500")) == "go"
        assert await gate(Reply("You are welcome."), "smalltalk") == "suppressed"
        assert await gate(Reply("₹10,500"), age_s=24 * 3600) == "held"
        await world.execute("UPDATE message_spend SET nano_usd = nano_usd * 2")
        assert await gate(Reply("₹10,500")) == "held"
        assert await gate(Reply("Bye.", purpose="opt_out")) == "go"

    play(database_url, scenario)
