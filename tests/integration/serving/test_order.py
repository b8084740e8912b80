"""What goes out before what, and for how long a burst is waited for."""

import pytest

from serving.ports import Settlement
from serving.types import Wamid
from tests.integration.serving.world import World, play, text

# Whether a wait counts from the oldest message that nobody has answered.
WAITING = """
    SELECT pending_since = (SELECT min(received_at) FROM inbox WHERE state = 'pending')
    FROM conversations
"""


@pytest.mark.parametrize(
    ("waited_s", "expected_s", "begun_s", "anew"),
    [
        (8.0, 2.0, 0.0, True),
        (8.0, 7.0, 0.0, False),  # such turns take longer than is left
        (8.0, 2.0, 7.0, False),  # this one took longer than is left
        (12.9, 0.0, 0.0, True),
        (14.1, 0.0, 0.0, False),  # what is left is needed for claiming, and for Graph
    ],
)
def test_a_turn_begins_anew_only_if_one_more_fits(
    database_url: str, waited_s: float, expected_s: float, begun_s: float, *, anew: bool
) -> None:
    """Fifteen seconds from the oldest message to its answer; newer ones wait for the next turn."""

    async def scenario(world: World) -> None:
        await world.receive(text("one", age_s=9))
        (turn,) = await world.turns.claim("a", 1, 30.0, expected_s)
        since = "UPDATE conversations SET pending_since = now() - make_interval(secs => %s)"
        await world.execute(since, waited_s)
        begun = "UPDATE turns SET started_at = now() - make_interval(secs => %s)"
        await world.execute(begun, begun_s)
        await world.receive(text("two"))
        assert len(await world.turns.arrivals([turn])) == anew
        assert (await world.admit(turn)).outcome == ("superseded" if anew else "go")

    play(database_url, scenario)


def test_the_wait_counts_from_the_arrival_of_the_oldest_message(database_url: str) -> None:
    """Not from its claim: a customer waits just as long while nobody has claimed them."""

    async def scenario(world: World) -> None:
        await world.receive(text("one", age_s=5))
        await world.receive(text("two"))
        turn = await world.claim_one()
        assert await world.rows(WAITING) == [(True,)]
        await world.receive(text("three"))
        (news,) = await world.turns.arrivals([turn])
        await world.turns.admit_arrivals(turn, [], news.messages)
        assert (await world.admit(turn)).outcome == "go"
        assert await world.rows(WAITING) == [(True,)]

    play(database_url, scenario)


def test_what_is_on_its_way_goes_out_before_anything_newer(database_url: str) -> None:
    """A holder that lost its lease may still be sending: the next turn waits until it has."""

    async def scenario(world: World) -> None:
        await world.receive(text("one", age_s=9))
        slow = await world.claim_one("slow")
        gate = await world.admit(slow)
        await world.receive(text("two"))
        await world.execute("UPDATE conversations SET lease_expires_at = now()")
        assert await world.claim("next") == []
        assert await world.turns.unlogged("next", 10, 30.0) == []
        await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid("wamid.one")))
        assert (await world.claim_one("next")).text == "two"

    play(database_url, scenario)


def test_a_send_nobody_makes_any_more_holds_up_nobody(database_url: str) -> None:
    """After the time of its step its sender is dead: the send is parked, the next turn begins."""

    async def scenario(world: World) -> None:
        await world.receive(text("one", age_s=9))
        await world.admit(await world.claim_one("dead"))
        await world.receive(text("two"))
        await world.execute("UPDATE conversations SET lease_expires_at = now()")
        await world.execute("UPDATE outbox SET tried_at = now() - interval '21 seconds'")
        (left,) = await world.turns.unlogged("next", 10, 30.0)
        assert left.sent.outcome == "parked"
        assert (await world.claim_one("next")).text == "two"

    play(database_url, scenario)
