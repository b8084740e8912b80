"""Hand-over between bot and people: who may speak, what is told, what is asked of whom."""

import asyncio
import itertools
import uuid

from serving.stores import handover
from serving.stores.handover import Handover, Quota, Taking
from serving.types import Reply, Turn
from serving.webhook import parse
from tests.integration.serving.world import CUSTOMER, World, envelope, play, text

ACKNOWLEDGEMENT = Reply("A colleague goes on here.", purpose="handoff")


def conversation_of(turn: Turn) -> uuid.UUID:
    return uuid.UUID(turn.conversation_id)


async def owner(world: World) -> str:
    ((found,),) = await world.rows("SELECT owner FROM conversations")
    return str(found)


async def ask_for_a_person(world: World, turn: Turn, wamid: str) -> None:
    """What the ingress does with a control word, in one transaction."""
    key = world.database.vault.index("wamid", wamid)
    taking = Taking(conversation_of(turn), "customer", wamid_key=key)
    await world.database.run(lambda connection: handover.take_over(connection, [taking]))


def test_a_taken_conversation_is_silent_until_it_is_handed_back(database_url: str) -> None:
    """Nothing that was pending is answered, then or later; what comes after the return is."""

    async def scenario(world: World) -> None:
        desk = Handover(world.database)
        await world.receive(text("one"))
        turn = await world.claim_one()
        assert await desk.take_over(conversation_of(turn), "asha") == "changed"
        assert await desk.take_over(conversation_of(turn), "ravi") == "unchanged"
        assert (await world.admit(turn)).outcome == "suppressed"
        await world.turns.finish(turn, None, "suppressed")
        await world.receive(text("two"))
        assert await world.claim() == []
        assert await desk.hand_back(conversation_of(turn), "asha") == "changed"
        assert await desk.hand_back(conversation_of(turn), "asha") == "unchanged"
        assert await world.claim() == []
        await world.receive(text("three"))
        later = await world.claim_one()
        assert later.text == "three"
        (context,) = await world.context.load([later])
        assert [message.text for message in context.history] == ["one", "two"]
        handoffs = "SELECT reason, opened_by, closed_by, closed_at IS NULL FROM handoffs"
        assert await world.rows(handoffs) == [("agent", "asha", "asha", False)]

    play(database_url, scenario)


def test_an_unknown_conversation_is_said_to_be_unknown(database_url: str) -> None:
    """Nobody's id neither takes over nor hands back anything."""

    async def scenario(world: World) -> None:
        desk, nobody = Handover(world.database), uuid.uuid4()
        assert await desk.take_over(nobody, "asha") == "unknown"
        assert await desk.hand_back(nobody, "asha") == "unknown"
        assert await world.rows("SELECT count(*) FROM handoffs") == [(0,)]

    play(database_url, scenario)


def test_whoever_asks_for_a_person_is_told_once_that_one_comes(database_url: str) -> None:
    """The running turn is silenced; the message that asked is acknowledged, nothing else is."""

    async def scenario(world: World) -> None:
        await world.receive(text("how much is it", age_s=3))
        running = await world.claim_one()
        asking = text("human")
        await world.receive(asking)
        await ask_for_a_person(world, running, asking["id"])
        assert (await world.admit(running)).outcome == "suppressed"
        await world.turns.finish(running, None, "suppressed")
        turn = await world.claim_one()
        assert turn.text == "human"
        assert (await world.admit(turn)).outcome == "suppressed"
        assert (await world.admit(turn, ACKNOWLEDGEMENT)).outcome == "go"
        await world.turns.finish(turn, None, "sent")
        await world.receive(text("hello?"))
        assert await world.claim() == []
        assert await world.rows("SELECT purpose FROM outbox") == [("handoff",)]

    play(database_url, scenario)


def test_only_the_message_that_asked_is_acknowledged(database_url: str) -> None:
    """A hand-off that a colleague began lets no acknowledgement of another turn through."""

    async def scenario(world: World) -> None:
        await world.receive(text("a person please"))
        turn = await world.claim_one()
        await Handover(world.database).take_over(conversation_of(turn), "asha")
        assert (await world.admit(turn, ACKNOWLEDGEMENT)).outcome == "suppressed"

    play(database_url, scenario)


def test_a_reply_that_promises_a_person_hands_over(database_url: str) -> None:
    """Promise and change of hands are one commit; what came meanwhile is the person's."""

    async def scenario(world: World) -> None:
        await world.receive(text("I want to talk to someone", age_s=2))
        turn = await world.claim_one()
        await world.receive(text("please"))
        assert (await world.admit(turn, ACKNOWLEDGEMENT)).outcome == "go"
        assert await owner(world) == "human"
        await world.turns.finish(turn, None, "sent")
        assert await world.claim() == []
        assert await world.rows("SELECT state, why FROM inbox ORDER BY inbox_id") == [
            ("answered", ""),
            ("ignored", "human"),
        ]

    play(database_url, scenario)


def test_take_over_wins_every_race_with_the_gate(database_url: str) -> None:
    """In 60 races no gate that is asked after the take-over committed lets anything through."""

    async def scenario(world: World) -> None:
        desk = Handover(world.database)
        await world.receive(*(text("hi", sender=f"1555{n:07d}") for n in range(60)))
        turns = await world.claim(limit=60)
        taken: set[str] = set()

        async def taking(turn: Turn) -> None:
            await asyncio.sleep(0.02)
            assert await desk.take_over(conversation_of(turn), "asha") == "changed"
            taken.add(turn.turn_id)

        async def answering(turn: Turn, pause_s: float) -> bool:
            await asyncio.sleep(pause_s)
            too_late = turn.turn_id in taken
            gate = await world.admit(turn)
            return too_late and gate.outcome != "suppressed"

        pauses = itertools.cycle([0.0, 0.02, 0.05])
        races = [asyncio.gather(answering(turn, next(pauses)), taking(turn)) for turn in turns]
        assert not any(lost for lost, _ in await asyncio.gather(*races))
        assert await world.rows("SELECT count(*) FROM handoffs") == [(60,)]

    play(database_url, scenario)


def test_an_echo_of_the_business_app_is_a_hand_off(database_url: str) -> None:
    """It is listed as one, and a second echo opens no second one."""

    async def scenario(world: World) -> None:
        await world.receive(text("hi"))
        for number in range(2):
            echo = {**text("I am on it"), "to": CUSTOMER, "id": f"wamid.echo{number}"}
            body = envelope(message_echoes=[echo]).replace(
                b'"messages"', b'"smb_message_echoes"', 1
            )
            await world.inbox.accept(parse(body))
        assert await owner(world) == "human"
        assert await world.rows("SELECT reason FROM handoffs") == [("echo",)]
        assert await world.claim() == []

    play(database_url, scenario)


def test_a_closed_conversation_opens_again_for_the_bot(database_url: str) -> None:
    """Closing ends what is pending; the next message is the bot's to answer."""

    async def scenario(world: World) -> None:
        await world.receive(text("hi"))
        ((conversation_id,),) = await world.rows("SELECT conversation_id FROM conversations")
        assert await Handover(world.database).close(conversation_id, "asha") == "changed"
        assert await world.claim() == []
        await world.receive(text("one more thing"))
        assert (await world.claim_one()).text == "one more thing"
        assert await owner(world) == "bot"

    play(database_url, scenario)


def test_customers_cannot_flood_the_queue_of_people(database_url: str) -> None:
    """Asking is limited by customer and by length of the queue; who has a person may ask on."""

    async def scenario(world: World) -> None:
        desk = Handover(world.database)
        await world.receive(*(text("hi", sender=f"1555{n:07d}") for n in range(3)))
        rows = await world.rows("SELECT conversation_id FROM conversations ORDER BY 1")
        first, second, third = (row[0] for row in rows)

        async def ask(conversation_id: uuid.UUID) -> None:
            taking = Taking(conversation_id, "customer")
            await world.database.run(lambda c: handover.take_over(c, [taking]))

        async def askable(quota: Quota) -> set[uuid.UUID]:
            ids = [first, second, third]
            return await world.database.run(lambda c: handover.askable(c, ids, quota))

        generous = Quota(per_customer=2, open_at_once=10)
        for _ in range(2):
            await ask(first)
            await desk.hand_back(first, "asha")
        assert await askable(generous) == {second, third}
        await world.execute("UPDATE handoffs SET opened_at = opened_at - interval '25 hours'")
        assert await askable(generous) == {first, second, third}
        await ask(second)
        full = Quota(per_customer=2, open_at_once=1)
        assert await askable(full) == {second}

    play(database_url, scenario)
