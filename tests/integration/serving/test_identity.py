"""Who a customer is: one contact behind number and id, and never two people in one contact."""

import asyncio
from typing import Any

from serving.types import Consent
from serving.webhook import parse
from tests.integration.serving.world import CUSTOMER, World, envelope, play, text

BSUID = "US.90000000000000000001"
OTHER_BSUID = "US.90000000000000000002"
STOP = Consent(opted_out=True, action="opt_out", rule="stop")


def nameless(body: str, bsuid: str) -> dict[str, Any]:
    """A message of a customer who hides the number."""
    message = text(body, from_user_id=bsuid)
    del message["from"]
    return message


async def contacts(world: World) -> int:
    ((count,),) = await world.rows("SELECT count(*) FROM contacts")
    return int(count)


def test_number_and_id_meet_in_one_contact(database_url: str) -> None:
    """Known by number, then by both, then by id alone: one contact, one conversation."""

    async def scenario(world: World) -> None:
        await world.receive(text("old data"))
        await world.receive(text("both", from_user_id=BSUID))
        await world.receive(nameless("id only", BSUID))
        assert await contacts(world) == 1
        turn = await world.claim_one()
        assert turn.text == "old data\nboth\nid only"
        recipient = (await world.admit(turn)).recipient
        assert recipient is not None
        assert (recipient.wa_id, recipient.bsuid) == (CUSTOMER, BSUID)

    play(database_url, scenario)


def test_another_id_with_a_known_number_is_another_person(database_url: str) -> None:
    """A recycled number neither merges two customers nor moves the opt-out of the first."""

    async def scenario(world: World) -> None:
        await world.receive(text("first", from_user_id=BSUID))
        first = await world.claim_one()
        await world.consent.record(first.contact_id, STOP, first.messages[0].wamid)
        await world.receive(text("second", from_user_id=OTHER_BSUID))
        second = await world.claim_one()
        assert second.contact_id != first.contact_id
        assert second.text == "second"
        scopes = await world.consent.opted_out([first.contact_id, second.contact_id])
        assert scopes == ["all", None]
        recipient = (await world.admit(second)).recipient
        assert recipient is not None
        assert (recipient.wa_id, recipient.bsuid) == (None, OTHER_BSUID)

    play(database_url, scenario)


def test_a_change_of_number_keeps_opt_out_and_history(database_url: str) -> None:
    """The contact moves to its new number and id; its conversation goes on."""
    system = {
        "type": "user_changed_number",
        "wa_id": "15550100777",
        "user_id": OTHER_BSUID,
        "previous_user_id": BSUID,
    }

    async def scenario(world: World) -> None:
        await world.receive(text("before", from_user_id=BSUID))
        before = await world.claim_one()
        await world.consent.record(before.contact_id, STOP, before.messages[0].wamid)
        await world.turns.finish(before, None, "silent")
        change = text() | {"type": "system", "system": system}
        await world.receive(change)
        await world.receive(text("after", sender="15550100777", from_user_id=OTHER_BSUID))
        await world.receive(change)
        after = await world.claim_one()
        assert after.contact_id == before.contact_id
        assert after.conversation_id == before.conversation_id
        assert await world.consent.opted_out([after.contact_id]) == ["all"]
        assert await contacts(world) == 1

    play(database_url, scenario)


def test_a_change_to_somebody_elses_identity_is_not_a_merge(database_url: str) -> None:
    """Two contacts stay two when one claims the other's number."""
    system = {"type": "user_changed_number", "wa_id": "15550100777", "previous_user_id": BSUID}

    async def scenario(world: World) -> None:
        await world.receive(text("a", from_user_id=BSUID))
        await world.receive(text("b", sender="15550100777", from_user_id=OTHER_BSUID))
        await world.receive(text() | {"type": "system", "system": system})
        assert await contacts(world) == 2
        turns = await world.claim()
        assert sorted(turn.text for turn in turns) == ["a", "b"]

    play(database_url, scenario)


def test_parallel_first_messages_make_one_contact(database_url: str) -> None:
    """A new customer's first messages, delivered at once by number and by both, are one person."""

    async def scenario(world: World) -> None:
        others = [World(world.url, world.keys) for _ in range(4)]
        await asyncio.gather(*(other.database.open() for other in others))
        await asyncio.gather(
            *(other.receive(text("n")) for other in others[:2]),
            *(other.receive(text("b", from_user_id=BSUID)) for other in others[2:]),
        )
        await asyncio.gather(*(other.database.close() for other in others))
        assert await contacts(world) == 1
        assert len((await world.claim_one()).messages) == 4

    play(database_url, scenario)


def test_a_new_display_name_replaces_the_old(database_url: str) -> None:
    """The profile follows what the customer calls themselves."""

    async def scenario(world: World) -> None:
        for name in ("Dana", "Dana Reyes"):
            contact = {"wa_id": CUSTOMER, "profile": {"name": name}}
            await world.inbox.accept(parse(envelope(contacts=[contact], messages=[text()])))
        (context,) = await world.context.load([await world.claim_one()])
        assert context.profile.name == "Dana Reyes"

    play(database_url, scenario)


def test_a_message_from_nobody_is_kept(database_url: str) -> None:
    """Without any identifier it is stored, and nobody is answered."""

    async def scenario(world: World) -> None:
        message = text("who am I")
        del message["from"]
        assert (await world.receive(message)).new == 1
        assert await world.rows("SELECT state, why FROM inbox") == [("ignored", "nobody")]
        assert await world.claim() == []

    play(database_url, scenario)


def test_the_marketing_switch_does_not_silence_answers(database_url: str) -> None:
    """WhatsApp's own marketing stop is stored with its scope; replies go on."""

    async def scenario(world: World) -> None:
        preference = {
            "wa_id": CUSTOMER,
            "category": "marketing_messages",
            "value": "stop",
            "timestamp": 1795420800,
        }
        body = envelope(user_preferences=[preference]).replace(
            b'"field": "messages"', b'"field": "user_preferences"'
        )
        for _ in range(2):
            await world.inbox.accept(parse(body))
        await world.receive(text("hi"))
        turn = await world.claim_one()
        assert await world.consent.opted_out([turn.contact_id]) == ["marketing"]
        assert (await world.admit(turn)).outcome == "go"
        assert await world.rows("SELECT count(*) FROM opt_out_events") == [(1,)]

    play(database_url, scenario)
