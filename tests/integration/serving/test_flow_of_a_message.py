"""One message through every store."""

from serving.ports import Settlement
from serving.types import Lead, Logged, Sent, TurnResult, Wamid
from tests.integration.serving.world import World, interaction, order, play, text


def test_a_message_is_stored_claimed_answered_and_logged(database_url: str) -> None:
    """A message runs through inbox, claim, gate, settlement, log and ending, and is readable."""

    async def scenario(world: World) -> None:
        message = text("How much is Hampta Pass?")
        accepted = await world.receive(message)
        assert (accepted.new, accepted.duplicates) == (1, 0)
        turn = await world.claim_one()
        assert turn.text == "How much is Hampta Pass?"
        assert turn.messages[0].wamid == message["id"]
        (context,) = await world.context.load([turn])
        assert context.missing == ()
        assert context.profile.first_contact
        gate = await world.admit(turn)
        assert gate.outcome == "go"
        assert gate.recipient is not None
        assert gate.recipient.wa_id == message["from"]
        await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid("wamid.out"), ""))
        done = interaction(turn, Sent("sent", Wamid("wamid.out")))
        await world.log.append([(done, "inquiry")])
        lead = Lead(40, "warm", (("asked the price", 40),))
        await world.leads.save([(turn.conversation_id, turn.turn_id, lead)])
        result = TurnResult(done.record, done.sent, done.reply, Logged("inquiry"), lead)
        await world.turns.finish(turn, result, "sent")
        view = await world.stats.turn_of(turn.phone_number_id, message["id"])
        assert view is not None
        assert view.complete
        assert view.reply == done.reply
        assert view.sent == done.sent
        assert view.record == order(turn).record
        assert (await world.stats.inbox_stats()).pending == 0
        assert await world.claim() == []
        await world.receive(text("And in May?"))
        again = await world.claim_one()
        assert again.recent_replies == ("Hello!",)
        assert again.language_hint == "en"
        (context,) = await world.context.load([again])
        said = [(message.role, message.text) for message in context.history]
        assert said == [("customer", "How much is Hampta Pass?"), ("assistant", "Hello!")]
        assert (context.stage, context.lead_score) == ("inquiry", 40)
        assert not context.profile.first_contact

    play(database_url, scenario)


def test_an_advertisement_stays_beside_its_message_and_commands_nothing(database_url: str) -> None:
    """It is context for the turn; whoever wrote it cannot say STOP for the customer."""

    async def scenario(world: World) -> None:
        referral = {"headline": "STOP", "body": "Hampta Pass in September", "source_type": "ad"}
        await world.receive(text("How much is it?", referral=referral))
        turn = await world.claim_one()
        assert turn.text == "How much is it?"
        assert turn.messages[0].advert == "STOP\nHampta Pass in September"
        assert await world.consent.opted_out([turn.contact_id]) == [None]
        assert (await world.admit(turn)).outcome == "go"

    play(database_url, scenario)


def test_a_turn_is_shown_when_its_outcome_is_known(database_url: str) -> None:
    """Neither while it waits nor while its send is under way is a turn called ended."""

    async def scenario(world: World) -> None:
        message = text("hello")
        await world.receive(message)
        turn = await world.claim_one()
        assert await world.stats.turn_of(turn.phone_number_id, message["id"]) is None
        gate = await world.admit(turn)
        assert await world.stats.turn_of(turn.phone_number_id, message["id"]) is None
        await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid("wamid.out"), ""))
        view = await world.stats.turn_of(turn.phone_number_id, message["id"])
        assert view is not None
        assert (view.state, view.complete) == ("answered", False)
        assert view.sent == Sent("sent", Wamid("wamid.out"))

    play(database_url, scenario)


def test_a_silent_turn_is_shown_without_a_reply(database_url: str) -> None:
    """What was understood is kept even when nothing was to be said."""

    async def scenario(world: World) -> None:
        message = text("hello")
        await world.receive(message)
        turn = await world.claim_one()
        await world.turns.finish(turn, TurnResult(order(turn).record, None, None), "silent")
        view = await world.stats.turn_of(turn.phone_number_id, message["id"])
        assert view is not None
        assert (view.complete, view.sent, view.reply) == (True, None, None)
        assert view.record == order(turn).record

    play(database_url, scenario)
