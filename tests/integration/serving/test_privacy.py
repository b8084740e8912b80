"""Personal data: shown whole, erased everywhere, and proved to be gone."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from deployments.privacy import PersonalData
from serving.errors import Rejected
from serving.ports import Settlement
from serving.stores.cache import ContextCache
from serving.stores.context import PostgresContext
from serving.stores.handover import Handover
from serving.stores.privacy import Privacy
from serving.types import Lead, Sent, Wamid
from serving.webhook import parse
from tests.integration.serving.world import (
    CUSTOMER,
    World,
    envelope,
    interaction,
    play,
    status,
    text,
)

BSUID = "US.ABcd1234efgh5678"
OTHER = "15550100999"


@asynccontextmanager
async def whole(
    world: World, redis_url: str, logs: Path
) -> AsyncIterator[tuple[PersonalData, ContextCache]]:
    async with Redis.from_url(redis_url) as redis:
        cache = ContextCache(redis)
        yield PersonalData(Privacy(world.database, cache), cache, logs), cache


async def live(world: World, sender: str, wamid: str, **more: object) -> None:
    """A customer of whom every kind of row is kept."""
    await world.receive(text(f"I am {sender}", sender=sender, **more))
    turn = await world.claim_one()
    gate = await world.admit(turn)
    await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid(wamid)))
    await world.report(status(wamid, "delivered", recipient_id=sender))
    said = interaction(turn, Sent("sent", Wamid(wamid)))
    await world.log.append([(said, "inquiry")])
    await world.leads.save([(turn.conversation_id, turn.turn_id, Lead(50, "warm"))])
    await world.turns.finish(turn, None, "sent")
    await world.receive(text("and this", sender=sender, **more))
    dead = await world.claim_one()
    await world.turns.bury(dead, f"cannot read {sender}")


async def strays(world: World, sender: str) -> None:
    """What hangs on no contact, or on somebody else's."""
    unread = envelope(messages=[{"from": sender, "id": 7, "type": "text"}])
    await world.inbox.accept(parse(unread))
    await world.inbox.accept(parse(f"not json, from {sender}".encode()))
    await world.report(status("wamid.unknown", "read", recipient_id=sender))
    await world.receive(text(f"My friend has {sender}", sender=OTHER))


async def everything(world: World) -> str:
    """Every column of every table, decrypted where it is sealed; a sender's pace is no person's."""
    names = await world.rows(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = 'public' AND table_name NOT IN ('keyring', 'senders')"
    )
    seen: list[Any] = []
    for (name,) in names:
        for row in await world.rows(f'SELECT * FROM "{name}"'):
            seen += [_open(world, value) for value in row]
    return "\n".join(map(str, seen))


def _open(world: World, value: object) -> object:
    if isinstance(value, bytes) and value.startswith(b"gAAAA"):
        return world.database.vault.unseal(value)
    return value


@pytest.mark.parametrize("named_by", ["wa_id", "bsuid", "contact_id"])
def test_nothing_of_an_erased_person_is_left(
    database_url: str, redis_url: str, tmp_path: Path, named_by: str
) -> None:
    """Named in any of three ways: tables, cache and logs hold neither number, id nor words."""

    async def scenario(world: World) -> None:
        async with whole(world, redis_url, tmp_path) as (personal_data, cache):
            await live(world, CUSTOMER, "wamid.out", from_user_id=BSUID)
            await strays(world, CUSTOMER)
            ((contact_id,),) = await world.rows(
                "SELECT contact_id FROM contacts WHERE bsuid_key IS NOT NULL"
            )
            await cache.put({str(contact_id): b"sealed"})
            log = tmp_path / "ray" / "router.log"
            log.parent.mkdir()
            log.write_text(f"before\nerror at {CUSTOMER}: {BSUID}\nafter\n")
            name = {"wa_id": f"+{CUSTOMER}", "bsuid": BSUID, "contact_id": str(contact_id)}[
                named_by
            ]

            before = await personal_data.verify(name)
            assert not before["absent"]
            assert before["log_lines"] == 1
            report = await personal_data.erase(name)
            assert report["contacts"] == [str(contact_id)]
            assert report["verified"]["absent"], report
            for identifier in (CUSTOMER, BSUID):
                assert (await personal_data.verify(identifier))["absent"]

            left = await everything(world)
            assert CUSTOMER not in left
            assert BSUID not in left
            assert "and this" not in left
            assert "My friend has" in left
            assert await cache.get([str(contact_id)]) == [None]
            assert log.read_text().splitlines() == [
                "before",
                f"error at {'*' * len(CUSTOMER)}: {'*' * len(BSUID)}",
                "after",
            ]

    play(database_url, scenario)


def test_others_keep_everything(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """Erasing one customer touches no row of another, and no longer number."""

    async def scenario(world: World) -> None:
        async with whole(world, redis_url, tmp_path) as (personal_data, _):
            await live(world, OTHER, "wamid.other")
            await live(world, f"{CUSTOMER}4", "wamid.longer")
            before = await everything(world)
            await live(world, CUSTOMER, "wamid.out")
            report = await personal_data.erase(CUSTOMER)
            assert report["verified"]["absent"]
            assert await everything(world) == before

    play(database_url, scenario)


def test_an_export_has_every_kind_of_row(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """Readable, as JSON, without anybody else's."""

    async def scenario(world: World) -> None:
        async with whole(world, redis_url, tmp_path) as (personal_data, _):
            await live(world, OTHER, "wamid.other")
            await live(world, CUSTOMER, "wamid.out", from_user_id=BSUID)
            ((conversation_id,),) = await world.rows(
                "SELECT conversation_id FROM conversations JOIN contacts USING (contact_id)"
                " WHERE bsuid_key IS NOT NULL"
            )
            await Handover(world.database).take_over(conversation_id, "asha")
            exported = await personal_data.export(CUSTOMER)
            tables = exported["tables"]
            kept = {"contacts", "conversations", "inbox", "turns", "outbox", "statuses"}
            made = {"interactions", "lead_scores", "dead_letters", "handoffs"}
            assert tables.keys() >= kept | made
            assert tables["contacts"][0]["wa_id"] == int(CUSTOMER)
            assert [row["payload"]["text"] for row in tables["inbox"]] == [
                f"I am {CUSTOMER}",
                "and this",
            ]
            assert OTHER not in json.dumps(exported, default=str)

    play(database_url, scenario)


def test_whom_an_identifier_cannot_mean_is_refused(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Too short an identifier would be found everywhere; an unknown one is nobody."""

    async def scenario(world: World) -> None:
        async with whole(world, redis_url, tmp_path) as (personal_data, _):
            with pytest.raises(Rejected, match="at least 5 characters"):
                await personal_data.erase("123")
            assert (await personal_data.verify("15550100555"))["absent"]
            assert (await personal_data.export("15550100555"))["contacts"] == []

    play(database_url, scenario)


def test_what_no_key_opens_is_not_called_absent(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Nothing can be said of a value that cannot be read."""

    async def scenario(world: World) -> None:
        async with whole(world, redis_url, tmp_path) as (personal_data, _):
            await world.receive(text("hi", sender=OTHER))
            await world.execute("UPDATE inbox SET payload = 'rubbish'")
            report = await personal_data.verify(CUSTOMER)
            assert (report["absent"], report["unreadable"]) == (False, 1)

    play(database_url, scenario)


def test_a_turn_under_way_cannot_bring_a_person_back(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Its gate finds nobody, and its ending writes nothing."""

    async def scenario(world: World) -> None:
        async with whole(world, redis_url, tmp_path) as (personal_data, cache):
            await world.receive(text("hi"))
            turn = await world.claim_one()
            await personal_data.erase(CUSTOMER)
            assert (await world.admit(turn)).outcome == "suppressed"
            await world.turns.finish(turn, None, "suppressed")
            await world.turns.bury(turn, "defect")
            assert (await personal_data.verify(CUSTOMER))["absent"]
            (context,) = await PostgresContext(world.database, cache).load([turn])
            assert context.profile.name is None

    play(database_url, scenario)


def test_a_status_that_comes_after_the_erasure_brings_nobody_back(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """It is counted, but whom it was to is not kept."""

    async def scenario(world: World) -> None:
        async with whole(world, redis_url, tmp_path) as (personal_data, _):
            await live(world, CUSTOMER, "wamid.out")
            await personal_data.erase(CUSTOMER)
            accepted = await world.report(
                status("wamid.out", "read", recipient_id=CUSTOMER, recipient_user_id=BSUID)
            )
            assert accepted.new == 1
            for identifier in (CUSTOMER, BSUID):
                assert (await personal_data.verify(identifier))["absent"]

    play(database_url, scenario)


def test_an_attachment_is_looked_through(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """Bytes that are no text are readable all the same, and a person in them is found."""

    async def scenario(world: World) -> None:
        async with whole(world, redis_url, tmp_path) as (personal_data, _):
            await world.receive(text("hi", sender=OTHER))
            vault = world.database.vault
            harmless = vault.seal_bytes(b"\xff\xd8\xff photo")
            await world.execute("UPDATE inbox SET payload = %s", harmless)
            assert (await personal_data.verify(CUSTOMER))["absent"]
            telling = vault.seal_bytes(b"\xff\xd8\xff photo of " + CUSTOMER.encode())
            await world.execute("UPDATE inbox SET payload = %s", telling)
            assert (await personal_data.verify(CUSTOMER))["found"] == {"inbox.payload": 1}
            assert (await personal_data.erase(CUSTOMER))["verified"]["absent"]

    play(database_url, scenario)
