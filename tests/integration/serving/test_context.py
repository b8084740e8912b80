"""What is known of customers, with and without cache, with and without database."""

import asyncio
import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from serving.errors import Rejected, Retryable
from serving.stores.cache import ContextCache
from serving.stores.context import PostgresContext
from serving.stores.inbox import Inbox
from serving.stores.seed import seed_customers
from serving.types import Reply
from serving.webhook import parse
from tests.integration.serving.world import World, envelope, play, text

CUSTOMERS = Path(__file__).parents[3] / "corpus" / "customers.json"


def first_customer() -> dict[str, object]:
    customer: dict[str, object] = json.loads(CUSTOMERS.read_bytes())["customers"][0]
    return customer


def test_seeded_customers_are_known_when_they_write(database_url: str) -> None:
    """Profile, bookings and preferences of the demo file are read back; seeding twice is once."""

    async def scenario(world: World) -> None:
        count = await seed_customers(world.database, CUSTOMERS)
        before = await world.rows("SELECT * FROM bookings ORDER BY reference")
        assert await seed_customers(world.database, CUSTOMERS) == count > 5
        assert await world.rows("SELECT * FROM bookings ORDER BY reference") == before
        assert await world.rows("SELECT count(*) FROM contacts") == [(count,)]
        customer = first_customer()
        await world.receive(
            text(sender=str(customer["wa_id"]), from_user_id=str(customer["bsuid"]))
        )
        (context,) = await world.context.load([await world.claim_one()])
        assert context.profile.name == customer["name"]
        assert context.profile.email == customer["email"]
        assert [booking.reference for booking in context.bookings] == [
            booking["reference"]
            for booking in customer["bookings"]  # type: ignore[attr-defined]  # a list
        ]
        assert context.preferences.budget_inr == customer["preferences"]["budget_inr"]  # type: ignore[index]  # a dict
        assert context.missing == ()

    play(database_url, scenario)


def test_a_customer_who_wrote_before_the_seed_keeps_the_conversation(database_url: str) -> None:
    """Seeding completes a contact instead of making a second one."""

    async def scenario(world: World) -> None:
        customer = first_customer()
        await world.receive(text(sender=str(customer["wa_id"])))
        turn = await world.claim_one()
        await seed_customers(world.database, CUSTOMERS)
        (context,) = await world.context.load([turn])
        assert context.profile.tier == customer["tier"]
        assert len(context.bookings) == len(customer["bookings"])  # type: ignore[arg-type]  # a list

    play(database_url, scenario)


def test_a_customer_whose_number_is_anothers_is_left_out(database_url: str) -> None:
    """Seeding neither fails nor merges; the others are loaded."""

    async def scenario(world: World) -> None:
        customer = first_customer()
        await world.receive(
            text(sender=str(customer["wa_id"]), from_user_id="US.90000000000000009999")
        )
        count = await seed_customers(world.database, CUSTOMERS)
        assert count == len(json.loads(CUSTOMERS.read_bytes())["customers"]) - 1
        (context,) = await world.context.load([await world.claim_one()])
        assert context.bookings == ()

    play(database_url, scenario)


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, "No such file"), ("[]", "customers"), ('{"customers": [{}]}', "customers.0.name")],
)
def test_a_bad_seed_file_is_named(
    database_url: str, tmp_path: Path, content: str | None, fault: str
) -> None:
    """The message says which file and which place in it."""
    path = tmp_path / "customers.json"
    if content is not None:
        path.write_text(content)

    async def scenario(world: World) -> None:
        with pytest.raises(Rejected, match="customers") as refusal:
            await seed_customers(world.database, path)
        assert fault.split(".", maxsplit=1)[0] in str(refusal.value)

    play(database_url, scenario)


def test_history_is_the_last_ten_of_both_sides(database_url: str) -> None:
    """Oldest first, without this turn's own messages, and only of this conversation."""

    async def scenario(world: World) -> None:
        await world.receive(text("somebody else", sender="15550109999"))
        await world.turns.finish(await world.claim_one(), None, "silent")
        for n in range(7):
            await world.receive(text(f"q{n}", age_s=60 - n))
            turn = await world.claim_one()
            await world.send(turn, Reply(f"a{n}"))
            await world.execute(
                "UPDATE outbox SET created_at = ("
                " SELECT max(sent_at) + interval '0.1 s' FROM inbox WHERE state = 'answered'"
                ") WHERE turn_id = %s",
                turn.turn_id,
            )
            await world.turns.finish(turn, None, "sent")
        await world.receive(text("now"))
        (context,) = await world.context.load([await world.claim_one()])
        said = [message.text for message in context.history]
        assert said == ["q2", "a2", "q3", "a3", "q4", "a4", "q5", "a5", "q6", "a6"]

    play(database_url, scenario)


def test_without_the_database_the_cache_still_knows_the_person(
    database_url: str, redis_url: str
) -> None:
    """Cached values are encrypted; what is not cached is named as missing."""

    async def scenario(world: World) -> None:
        redis = Redis.from_url(redis_url)
        cache = ContextCache(redis)
        contexts = PostgresContext(world.database, cache)
        contact = {"wa_id": "15550100123", "profile": {"name": "Dana Reyes"}}
        await world.inbox.accept(parse(envelope(contacts=[contact], messages=[text("hi")])))
        turn = await world.claim_one()
        (full,) = await contexts.load([turn])
        assert full.profile.name == "Dana Reyes"
        stored = [str(await redis.get(key)) for key in await redis.keys("*")]
        assert stored
        assert not [value for value in stored if "Dana" in value]
        vault = world.database.vault
        await world.database.close()
        world.database._vault = vault  # the process still has its keys, only Postgres is gone
        (partial,) = await contexts.load([turn])
        assert partial.profile.name == "Dana Reyes"
        assert partial.missing == ("lead", "history")
        await redis.flushall()
        with pytest.raises(Retryable):
            await contexts.load([turn])
        await redis.aclose()

    play(database_url, scenario)


def test_a_write_drops_what_the_cache_knew(database_url: str, redis_url: str) -> None:
    """After a new display name the old one is not served."""

    async def scenario(world: World) -> None:
        redis = Redis.from_url(redis_url)
        cache = ContextCache(redis)
        inbox, contexts = Inbox(world.database, cache), PostgresContext(world.database, cache)
        for name in ("Dana", "Dana Reyes"):
            contact = {"wa_id": "15550100123", "profile": {"name": name}}
            await inbox.accept(parse(envelope(contacts=[contact], messages=[text()])))
            turn = await world.claim_one()
            (context,) = await contexts.load([turn])
            assert context.profile.name == name
            await world.turns.finish(turn, None, "silent")
        await redis.aclose()

    play(database_url, scenario)


def test_a_lost_redis_costs_nothing_but_the_cache(database_url: str) -> None:
    """With nobody listening there, contexts come from the database."""

    async def scenario(world: World) -> None:
        redis = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
        contexts = PostgresContext(world.database, ContextCache(redis))
        await world.receive(text())
        (context,) = await asyncio.wait_for(contexts.load([await world.claim_one()]), 5)
        assert context.missing == ()
        await redis.aclose()

    play(database_url, scenario)
