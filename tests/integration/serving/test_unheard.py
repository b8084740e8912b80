"""Sends of which nothing is heard: closed after a time, repeated once and visibly."""

from serving.ports import Settlement
from serving.types import SendOrder, Turn, Wamid
from tests.integration.serving.world import World, play, status, text

AFTER_S = 600.0


async def unclear(world: World) -> Turn:
    """A turn whose call to Graph had no answer."""
    await world.receive(text())
    turn = await world.claim_one()
    gate = await world.admit(turn)
    await world.outbox.settle(gate.callback_data, Settlement("parked", detail="no answer"))
    await world.turns.finish(turn, None, "parked")
    return turn


async def time_passes(world: World) -> None:
    await world.execute("UPDATE outbox SET tried_at = tried_at - interval '11 minutes'")


async def due(world: World) -> SendOrder:
    (order,) = await world.outbox.due(10)
    return order


def test_a_send_is_repeated_under_a_mark(database_url: str) -> None:
    """Each ten minutes the words go out again, marked once, and at last a person is told."""

    async def scenario(world: World) -> None:
        await unclear(world)
        assert await world.outbox.close_unheard(AFTER_S, 10) == 0
        for part in (1, 2, 3):
            await time_passes(world)
            assert await world.outbox.close_unheard(AFTER_S, 10) == 1
            order = await due(world)
            assert order.part == part
            assert order.reply.text.count("(Sent again") == 1
            assert order.reply.text.endswith("Hello!")
            (gate,) = await world.outbox.admit([order])
            assert gate.outcome == "go"
            await world.outbox.settle(gate.callback_data, Settlement("parked", detail="unclear"))
        await time_passes(world)
        assert await world.outbox.close_unheard(AFTER_S, 10) == 1
        assert await world.outbox.due(10) == []
        assert await world.rows("SELECT kind FROM review_queue") == [("undelivered",)]

    play(database_url, scenario)


def test_a_status_settles_it_before_and_after(database_url: str) -> None:
    """Heard of in time it is not repeated; heard of later it is known to have been sent."""

    async def scenario(world: World) -> None:
        turn = await unclear(world)
        await world.report(
            status("wamid.out", "sent", biz_opaque_callback_data=f"{turn.turn_id}:0")
        )
        await time_passes(world)
        assert await world.outbox.close_unheard(AFTER_S, 10) == 0

        late = await unclear(world)
        await time_passes(world)
        assert await world.outbox.close_unheard(AFTER_S, 10) == 1
        await world.report(
            status("wamid.late", "delivered", biz_opaque_callback_data=f"{late.turn_id}:0")
        )
        states = await world.rows(
            "SELECT state FROM outbox WHERE turn_id = %s ORDER BY part", late.turn_id
        )
        assert states == [("sent",), ("deferred",)]
        (gate,) = await world.outbox.admit([await due(world)])
        assert gate.outcome == "suppressed"

    play(database_url, scenario)


def test_an_answer_is_repeated_also_when_others_were_given_since(database_url: str) -> None:
    """It may come late, but nobody's question stays without one."""

    async def scenario(world: World) -> None:
        unanswered = await unclear(world)
        await world.receive(text("And in May?"))
        newer = await world.claim_one()
        gate = await world.admit(newer)
        await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid("wamid.new")))
        await time_passes(world)
        assert await world.outbox.close_unheard(AFTER_S, 10) == 1
        order = await due(world)
        assert order.record.turn.turn_id == unanswered.turn_id
        assert (await world.outbox.admit([order]))[0].outcome == "go"

    play(database_url, scenario)


def test_the_gate_decides_again(database_url: str) -> None:
    """Who has opted out meanwhile gets no repetition."""

    async def scenario(world: World) -> None:
        await unclear(world)
        await time_passes(world)
        await world.outbox.close_unheard(AFTER_S, 10)
        order = await due(world)
        await world.receive(text("STOP"))
        (gate,) = await world.outbox.admit([order])
        assert gate.outcome == "suppressed"

    play(database_url, scenario)
