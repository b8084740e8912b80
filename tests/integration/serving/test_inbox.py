"""The inbox: every update once, whoever delivers it, however often."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from serving.errors import Retryable
from serving.updates import Updates
from serving.webhook import parse
from tests.integration.serving.world import NUMBER, World, envelope, play, text

FIXTURES = Path(__file__).parents[2] / "fixtures" / "whatsapp"
BODIES = sorted(path for path in FIXTURES.iterdir() if path.suffix in {".json", ".txt"})


def test_the_same_body_in_parallel_is_stored_once(database_url: str) -> None:
    """Thirty deliveries of one body over two processes' pools make one row and one queue entry."""
    body = parse(envelope(messages=[text("a"), text("b")]))

    async def scenario(world: World) -> None:
        other = World(world.url, world.keys)
        await other.database.open()
        taken = await asyncio.gather(
            *(inbox.accept(body) for _ in range(15) for inbox in (world.inbox, other.inbox))
        )
        await other.database.close()
        assert sum(accepted.new for accepted in taken) == 2
        assert sum(accepted.duplicates for accepted in taken) == 58
        assert await world.rows("SELECT count(*) FROM inbox") == [(2,)]
        assert await world.rows("SELECT count(*) FROM conversations") == [(1,)]

    play(database_url, scenario)


def test_a_large_body_is_one_commit(database_url: str) -> None:
    """A thousand messages of a thousand customers are all pending after one call."""
    messages = [text(f"m{n}", sender=f"1555{n:07d}") for n in range(1000)]

    async def scenario(world: World) -> None:
        accepted = await world.receive(*messages)
        assert (accepted.new, accepted.duplicates) == (1000, 0)
        assert (await world.stats.inbox_stats()).pending == 1000

    play(database_url, scenario)


def test_concurrent_bodies_with_shared_customers_do_not_lock_each_other_out(
    database_url: str,
) -> None:
    """Deliveries that touch the same customers in opposite orders all commit."""
    people = [f"1555{n:07d}" for n in range(20)]

    async def scenario(world: World) -> None:
        others = [World(world.url, world.keys) for _ in range(4)]
        await asyncio.gather(*(other.database.open() for other in others))
        bodies = []
        for n in range(20):
            order = people if n % 2 else people[::-1]
            bodies.append([text(f"{n}", sender=person) for person in order])
        taken = await asyncio.gather(
            *(others[n % 4].receive(*body) for n, body in enumerate(bodies))
        )
        await asyncio.gather(*(other.database.close() for other in others))
        assert sum(accepted.new for accepted in taken) == 400
        assert await world.rows("SELECT count(*) FROM contacts") == [(20,)]

    play(database_url, scenario)


def test_messages_of_a_turn_are_ordered_by_metas_time_then_arrival(database_url: str) -> None:
    """Late deliveries take their place; equal seconds keep the order of the body."""

    async def scenario(world: World) -> None:
        await world.receive(text("third", age_s=1), text("fourth", age_s=1))
        await world.receive(text("first", age_s=9), text("second", age_s=5))
        turn = await world.claim_one()
        assert turn.text == "first\nsecond\nthird\nfourth"

    play(database_url, scenario)


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.stem)
def test_every_fixture_is_committed_twice_without_a_second_effect(
    database_url: str, path: Path
) -> None:
    """Whatever Meta sends is stored, and its redelivery changes nothing."""
    body = parse(path.read_bytes())

    async def scenario(world: World) -> None:
        first = await world.inbox.accept(body)
        second = await world.inbox.accept(body)
        assert first.new > 0
        assert second.new == 0
        assert second.duplicates == first.new + first.duplicates

    play(database_url, scenario)


def test_only_messages_that_ask_for_a_reply_are_pending(database_url: str) -> None:
    """Reactions, stickers, groups and placeholders are stored as ignored."""
    reaction = text() | {"type": "reaction", "reaction": {"message_id": "wamid.x"}}

    async def scenario(world: World) -> None:
        await world.receive(
            reaction,
            text("for all", group_id="g1"),
            text("test button") | {"id": "ABGGFlA5Fpa"},
        )
        whys = await world.rows("SELECT state, why FROM inbox ORDER BY inbox_id")
        assert whys == [
            ("ignored", "type"),
            ("ignored", "group"),
            ("ignored", "placeholder"),
        ]
        assert await world.claim() == []
        assert await world.rows("SELECT last_inbound_at FROM conversations") == [(None,)]

    play(database_url, scenario)


def test_a_timestamp_from_the_future_counts_as_now(database_url: str) -> None:
    """It is answered like any other, and does not hold the 24-hour window open."""

    async def scenario(world: World) -> None:
        await world.receive(text("tomorrow", age_s=-24 * 3600))
        await world.receive(text("clocks differ", age_s=-290))
        assert (await world.claim_one()).text == "tomorrow\nclocks differ"
        late = "SELECT last_inbound_at > now() + interval '5 minutes' FROM conversations"
        assert await world.rows(late) == [(False,)]

    play(database_url, scenario)


def test_a_colleagues_reply_takes_the_conversation(database_url: str) -> None:
    """After an echo of the business app nothing pending is answered, and what follows is not."""
    echo = text("I will help you") | {"from": "15550100001", "to": "15550100123"}

    async def scenario(world: World) -> None:
        await world.receive(text("help"))
        turn = await world.claim_one()
        value = {
            "metadata": {"phone_number_id": NUMBER},
            "message_echoes": [echo],
        }
        change = {"field": "smb_message_echoes", "value": value}
        body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
        await world.inbox.accept(parse(json.dumps(body).encode()))
        assert (await world.admit(turn)).outcome == "suppressed"
        await world.turns.finish(turn, None, "suppressed")
        await world.receive(text("thanks"))
        assert await world.claim() == []
        states = await world.rows("SELECT type, state FROM inbox ORDER BY inbox_id")
        assert states == [("text", "ignored"), ("echo", "ignored"), ("text", "ignored")]

    play(database_url, scenario)


def test_nothing_is_accepted_without_the_database(database_url: str) -> None:
    """A delivery that cannot be committed is an error the ingress answers with 503."""

    async def scenario(world: World) -> None:
        await world.database.close()
        with pytest.raises(Retryable):
            await world.inbox.accept(Updates())

    play(database_url, scenario)


def test_a_restarted_server_costs_no_delivery(database_url: str) -> None:
    """Broken connections are replaced within the call that meets them."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        await world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        accepted = await world.receive(text())
        assert accepted.new == 1

    play(database_url, scenario)


def test_no_personal_data_is_readable_in_any_table(database_url: str) -> None:
    """Neither number, id, name, words nor message ids appear in the bytes of any row."""
    secrets = ["15550100123", "US.90000000000000000001", "Dana Reyes", "Hampta", "wamid."]
    message = text("Hampta Pass", from_user_id="US.90000000000000000001")
    contact = {
        "wa_id": "15550100123",
        "user_id": "US.90000000000000000001",
        "profile": {"name": "Dana Reyes", "username": "dana.r"},
    }
    body = parse(
        envelope(
            contacts=[contact],
            messages=[message],
            statuses=[{"id": message["id"], "status": "read", "timestamp": str(int(time.time()))}],
            errors=[{"code": 1, "title": "Dana Reyes 15550100123"}],
        )
    )

    async def scenario(world: World) -> None:
        await world.inbox.accept(body)
        turn = await world.claim_one()
        await world.admit(turn)
        tables = await world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            rows = await world.rows(f'SELECT t::text FROM "{table}" t')
            for row in rows:
                assert not [secret for secret in secrets if secret in row[0]], table
                # bytea prints as hex
                assert not [secret for secret in secrets if secret.encode().hex() in row[0]], table

    play(database_url, scenario)
