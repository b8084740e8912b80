"""Stop, start and human act when their message is committed, before any turn has read them."""

from typing import Any

from serving.types import ContactId, Reply
from tests.integration.serving.world import CUSTOMER, World, play, text

PROMOTIONS = {"payload": "STOP_PROMOTIONS", "text": "Stop promotions"}


async def scope(world: World) -> str | None:
    rows = await world.rows("SELECT contact_id, opt_out_scope FROM contacts")
    assert len(rows) == 1
    assert await world.consent.opted_out([ContactId(str(rows[0][0]))]) == [rows[0][1]]
    found: str | None = rows[0][1]
    return found


def button(payload: str) -> dict[str, Any]:
    """A template's quick reply, titled in words that command nothing."""
    message = text("", type="button", button={"payload": payload, "text": "Non merci"})
    del message["text"]
    return message


def test_stop_is_recorded_with_its_message(database_url: str) -> None:
    """When the delivery is acknowledged the customer is opted out, and the gate knows."""

    async def scenario(world: World) -> None:
        await world.receive(text("How much is it?", age_s=2))
        turn = await world.claim_one()
        stop = text("STOP")
        await world.receive(stop)
        await world.receive(stop)
        assert await scope(world) == "all"
        assert (await world.admit(turn)).outcome == "suppressed"
        await world.turns.finish(turn, None, "suppressed")
        confirming = await world.claim_one()
        gate = await world.admit(confirming, Reply("Bye.", purpose="opt_out"))
        assert gate.outcome == "go"
        assert await world.rows("SELECT rule FROM opt_out_events") == [("word:stop",)]

    play(database_url, scenario)


def test_a_buttons_payload_stops_promotions_only(database_url: str) -> None:
    """What the business wrote behind the button counts, not its title."""

    async def scenario(world: World) -> None:
        await world.receive(button("STOP_PROMOTIONS"))
        assert await scope(world) == "marketing"
        await world.receive(button("STOP"))
        assert await scope(world) == "all"

    play(database_url, scenario)


def test_the_later_word_counts_whichever_arrives_last(database_url: str) -> None:
    """A start that was said before the stop and arrives after it lifts nothing, and vice versa."""

    async def scenario(world: World) -> None:
        await world.receive(text("stop", age_s=10))
        await world.receive(text("start", age_s=20))
        assert await scope(world) == "all"
        await world.receive(text("start", age_s=5))
        await world.receive(text("stop", age_s=8))
        assert await scope(world) is None

    play(database_url, scenario)


def test_both_words_in_one_body_are_taken_in_the_order_of_saying(database_url: str) -> None:
    """The order inside a batch means nothing."""

    async def scenario(world: World) -> None:
        await world.receive(text("stop", age_s=3), text("start", age_s=6))
        assert await scope(world) == "all"

    play(database_url, scenario)


def test_stop_counts_while_a_colleague_has_the_conversation(database_url: str) -> None:
    """It is no work for the bot, and yet no broadcast goes out any more."""

    async def scenario(world: World) -> None:
        await world.receive(text("hello"))
        await world.execute("UPDATE conversations SET owner = 'human'")
        await world.receive(text("stop"))
        assert await scope(world) == "all"

    play(database_url, scenario)


def test_a_group_cannot_opt_a_customer_out(database_url: str) -> None:
    """What is said in a group is not said to us."""

    async def scenario(world: World) -> None:
        await world.receive(text("hello"))
        await world.receive(text("stop", group_id="120363000000000000"))
        assert await scope(world) is None

    play(database_url, scenario)


def test_a_command_interrupts_past_the_cap(database_url: str) -> None:
    """After fifteen seconds of a burst a question waits its turn; a stop does not."""

    async def scenario(world: World) -> None:
        await world.receive(text("one", age_s=30))
        turn = await world.claim_one()
        await world.execute(
            "UPDATE conversations SET pending_since = now() - interval '16 seconds'"
        )
        await world.receive(text("two", sender=CUSTOMER))
        assert await world.turns.arrivals([turn]) == []
        await world.receive(text("Stop promotions", type="button", button=PROMOTIONS))
        (news,) = await world.turns.arrivals([turn])
        assert news.commanded
        assert [message.text for message in news.messages] == ["Stop promotions"]
        assert (await world.admit(turn)).outcome == "superseded"

    play(database_url, scenario)


def test_a_wish_for_a_person_takes_the_conversation_over_at_once(database_url: str) -> None:
    """The turn under way has nothing left to say; the turn of the wish acknowledges it."""

    async def scenario(world: World) -> None:
        await world.receive(text("How much is it?", age_s=2))
        turn = await world.claim_one()
        await world.receive(text("Talk to a human"))
        assert await world.rows("SELECT owner FROM conversations") == [("human",)]
        (news,) = await world.turns.arrivals([turn])
        assert news.taken_over
        assert (await world.admit(turn)).outcome == "suppressed"
        await world.turns.finish(turn, None, "suppressed")
        asking = await world.claim_one()
        assert asking.text == "Talk to a human"
        assert await world.turns.arrivals([asking]) == []
        assert (await world.admit(asking, Reply("One moment.", purpose="handoff"))).outcome == "go"

    play(database_url, scenario)
