"""Sends that have to wait, and what follows from those that fail."""

import asyncio
import json
import time

from serving.ports import Settlement
from serving.stores import senders
from serving.stores.outbox import PostgresOutbox
from serving.types import Consent, Reply, SendOrder, Sent, TemplateRef, Turn, TurnResult, Wamid
from serving.webhook import parse
from tests.integration.serving.world import NUMBER, World, order, play, status, text

STOP = Consent(opted_out=True, action="opt_out", scope="all", rule="stop", confirmation="Bye.")


async def answer(world: World, body: str = "Hi", *, age_s: float = 0.0) -> tuple[Turn, str]:
    """A turn whose answer is on its way to Graph, and the name of the call."""
    await world.receive(text(body, age_s=age_s))
    turn = await world.claim_one()
    gate = await world.admit(turn)
    assert gate.outcome == "go"
    return turn, gate.callback_data


async def end(world: World, turn: Turn, ended: str) -> None:
    result = TurnResult(order(turn).record, None, None)
    await world.turns.finish(turn, result, ended)


async def now_due(world: World) -> list[SendOrder]:
    await world.execute("UPDATE outbox SET due_at = now() WHERE state = 'deferred'")
    return await world.outbox.due(10)


async def admit(outbox: PostgresOutbox, item: SendOrder) -> tuple[str, str]:
    (gate,) = await outbox.admit([item])
    return gate.outcome, gate.callback_data


async def fail(world: World, callback_data: str, code: int, due_in_s: float | None = None) -> None:
    outcome = "failed" if due_in_s is None else "deferred"
    await world.outbox.settle(
        callback_data,
        Settlement(outcome, None, f"{code}: no", code, due_in_s or 0.0),  # type: ignore[arg-type]  # as said
    )


def test_a_deferred_answer_is_sent_when_it_is_due_and_only_once(database_url: str) -> None:
    """It waits, passes the gate again under another name, and a second holder gets nothing."""

    async def scenario(world: World) -> None:
        turn, name = await answer(world)
        await fail(world, name, 131016, due_in_s=30)
        await end(world, turn, "deferred")
        assert await world.outbox.due(10) == []
        (again,) = await now_due(world)
        assert again.reply == Reply("Hello!")
        assert await world.outbox.due(10) == []  # leased
        outcome, resumed = await admit(world.outbox, again)
        assert outcome == "go"
        assert resumed != name
        assert (await admit(world.outbox, again))[0] == "parked"  # whoever comes second
        await world.outbox.settle(resumed, Settlement("sent", Wamid("wamid.out")))
        assert await world.rows("SELECT state, attempts FROM outbox") == [("sent", 2)]

    play(database_url, scenario)


def test_what_was_said_before_goes_out_before(database_url: str) -> None:
    """A conversation with a deferred answer has no further turn until that is gone."""

    async def scenario(world: World) -> None:
        turn, name = await answer(world)
        await fail(world, name, 131016, due_in_s=30)
        await end(world, turn, "deferred")
        await world.receive(text("and another thing"))
        assert await world.claim() == []
        (again,) = await now_due(world)
        _, resumed = await admit(world.outbox, again)
        assert await world.claim() == []  # on its way, under no lease
        await world.outbox.settle(resumed, Settlement("sent", Wamid("wamid.out")))
        assert [one.text for one in await world.claim()] == ["and another thing"]

    play(database_url, scenario)


def test_the_gate_is_asked_again_for_a_deferred_answer(database_url: str) -> None:
    """An opt-out, a colleague or an hour that came in between keep it from being sent."""

    async def scenario(world: World) -> None:
        turn, name = await answer(world)
        await fail(world, name, 2, due_in_s=30)
        await world.consent.record(turn.contact_id, STOP, turn.messages[-1].wamid)
        (again,) = await now_due(world)
        assert (await admit(world.outbox, again))[0] == "suppressed"
        assert await world.rows("SELECT state FROM outbox") == [("cancelled",)]
        assert await world.rows("SELECT kind FROM review_queue") == []

    async def too_late(world: World) -> None:
        await world.execute("DELETE FROM contacts")
        _, name = await answer(world, age_s=3700)
        await fail(world, name, 2, due_in_s=30)
        (again,) = await now_due(world)
        assert (await admit(world.outbox, again))[0] == "held"
        assert await world.rows("SELECT kind FROM review_queue") == [("held",)]

    play(database_url, scenario)
    play(database_url, too_late)


def test_a_held_sender_claims_nothing_and_sends_nothing(database_url: str) -> None:
    """What was being written is committed and waits; the operator's release sends it first."""

    async def scenario(world: World) -> None:
        turn, name = await answer(world)
        await world.receive(text("Hi", sender="15550100999"))
        other = await world.claim_one()
        await fail(world, name, 190, due_in_s=15)
        (alert,) = await world.alerts.open()
        assert (alert.kind, alert.subject, alert.phone_number_id) == ("graph", "190", NUMBER)
        assert (await world.admit(other)).outcome == "deferred"
        await world.receive(text("Hello?", sender="15550100777"))
        assert await world.claim() == []
        await end(world, turn, "deferred")
        await end(world, other, "deferred")
        await world.senders.release(NUMBER)
        due = await world.outbox.due(10)
        assert [(await admit(world.outbox, one))[0] for one in due] == ["go", "go"]
        assert [one.text for one in await world.claim()] == ["Hello?"]

    play(database_url, scenario)


def test_each_hold_in_a_row_is_longer_until_something_gets_through(database_url: str) -> None:
    """One minute, two, four; calls that fail while it is held do not count; success ends it."""

    async def scenario(world: World) -> None:
        lengths = "SELECT round(extract(epoch FROM held_until - now()) / 60)::int FROM senders"
        for minutes in (1, 2, 4):
            await world.senders.hold(NUMBER, "graph 190")
            await world.senders.hold(NUMBER, "graph 190")
            (before,) = await world.rows(lengths)
            assert before[0] in {minutes, minutes * 2}
            await world.execute("UPDATE senders SET held_until = now()")
        _, name = await answer(world)
        await world.outbox.settle(name, Settlement("sent", Wamid("wamid.out")))
        assert await world.rows("SELECT holds, held_until FROM senders") == [(0, None)]

    play(database_url, scenario)


def test_outside_the_window_an_approved_template_goes(database_url: str) -> None:
    """In the customer's language; what Meta has stopped is passed over; without one it is held."""

    async def scenario(world: World) -> None:
        await world.receive(text("late", age_s=24 * 3600))
        turn = await world.claim_one()
        (gate,) = await world.late_outbox.admit([order(turn)])
        assert gate.outcome == "go"
        assert gate.reply is not None
        assert gate.reply.template == TemplateRef("resume_conversation", "en_US")
        bodies = await world.rows("SELECT body FROM outbox")
        assert "Tap Continue" in world.database.vault.unseal(bodies[0][0])  # as it was sent

    async def stopped(world: World) -> None:
        await world.execute("DELETE FROM contacts")
        await world.execute(
            "INSERT INTO template_states VALUES ('resume_conversation', 'en_US', 'PAUSED')"
        )
        await world.receive(text("late", age_s=24 * 3600))
        (gate,) = await world.late_outbox.admit([order(await world.claim_one())])
        assert gate.outcome == "held"

    play(database_url, scenario)
    play(database_url, stopped)


def test_when_meta_says_that_the_window_is_shut_a_template_follows(database_url: str) -> None:
    """At once or in a status, once, under a part of its own; free text is not tried again."""

    async def scenario(world: World) -> None:
        for wamid in (None, "wamid.out"):
            await world.execute("DELETE FROM contacts")
            turn, name = await answer(world, age_s=5)
            if wamid is None:
                await fail(world, name, 131047)
            else:
                await world.outbox.settle(name, Settlement("sent", Wamid(wamid)))
                report = status(wamid, "failed", errors=[{"code": 131047}])
                await world.report(report)
                await world.report(report)
            await end(world, turn, "failed")
            (again,) = await world.late_outbox.due(10)
            assert again.part == 1
            (gate,) = await world.late_outbox.admit([again])
            assert gate.outcome == "go"
            assert gate.reply is not None
            assert gate.reply.template is not None
            states = await world.rows("SELECT part, state FROM outbox ORDER BY part")
            assert states == [(0, "failed"), (1, "sending")]
            await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid("wamid.again")))
            # the customer's next message opens the window again
            await world.receive(text("hello again"))
            assert (await world.admit(await world.claim_one())).outcome == "go"

    play(database_url, scenario)


def test_a_refused_template_leaves_it_to_a_person_and_is_not_used_again(database_url: str) -> None:
    """The next customer does not get it; an operator sees why."""

    async def scenario(world: World) -> None:
        await world.receive(text("late", age_s=24 * 3600))
        turn = await world.claim_one()
        (gate,) = await world.late_outbox.admit([order(turn)])
        await fail(world, gate.callback_data, 132001)
        assert await world.rows("SELECT name, language, state FROM template_states") == [
            ("resume_conversation", "en_US", "MISSING")
        ]
        assert await world.rows("SELECT kind FROM review_queue") == [("undelivered",)]
        assert [alert.subject for alert in await world.alerts.open()] == ["132001"]

    play(database_url, scenario)


def test_a_stopped_marketing_preference_is_ours_too(database_url: str) -> None:
    """131050 opts the contact out of marketing; answers go on."""

    async def scenario(world: World) -> None:
        _, name = await answer(world)
        await fail(world, name, 131050)
        assert await world.rows("SELECT opt_out_scope FROM contacts") == [("marketing",)]

    play(database_url, scenario)


def test_alerts_are_counted_and_not_repeated(database_url: str) -> None:
    """The same code twice is one open alert."""

    async def scenario(world: World) -> None:
        for _ in range(2):
            await world.execute("DELETE FROM contacts")
            _, name = await answer(world)
            await fail(world, name, 100)
        (alert,) = await world.alerts.open()
        assert (alert.subject, alert.occurrences) == ("100", 2)
        await world.alerts.resolve("graph", NUMBER, "100")
        assert await world.alerts.open() == []

    play(database_url, scenario)


def test_one_customer_gets_no_more_than_metas_pair_limit_allows(database_url: str) -> None:
    """45 in a burst; then the answer waits until the burst is paid for."""

    async def scenario(world: World) -> None:
        turn, name = await answer(world)
        await world.outbox.settle(name, Settlement("sent", Wamid("wamid.0")))
        await end(world, turn, "sent")
        assert await world.rows("SELECT spell_count FROM conversations") == [(1,)]
        await world.execute("UPDATE conversations SET spell_count = 45")
        await world.receive(text("one more"))
        last = await world.claim_one()
        assert (await world.admit(last)).outcome == "deferred"
        (wait_s,) = (
            await world.rows(
                "SELECT extract(epoch FROM due_at - now())::float FROM outbox WHERE due_at > now()"
            )
        )[0]
        assert 270 < wait_s <= 315
        await world.execute("UPDATE conversations SET spell_started_at = now() - interval '1 hour'")
        (again,) = await now_due(world)
        assert (await admit(world.outbox, again))[0] == "go"
        assert await world.rows("SELECT spell_count FROM conversations") == [(1,)]

    play(database_url, scenario)


def test_the_slots_of_a_number_are_shared_by_everybody(database_url: str) -> None:
    """Two processes together stay below the rate; what comes in is taken off it."""

    async def scenario(world: World) -> None:
        await world.execute("INSERT INTO senders VALUES (%s, NULL, NULL, 0, 100)", NUMBER)
        other = World(world.url, world.keys)
        await other.database.open()
        began = time.monotonic()
        both = [reserved(one, [NUMBER] * 10) for one in (world, other) for _ in range(10)]
        waits = sorted(wait for waits in await asyncio.gather(*both) for wait in waits)
        await other.database.close()
        # 200 slots of a ninetieth of a second; each starts after the one before it
        assert waits[-1] <= 199 / 90 <= waits[-1] + time.monotonic() - began
        await world.receive(*(text("x", sender=f"1555010{n:04}") for n in range(40)))
        alone = await reserved(world, ["1"] * 3)
        assert max(alone) < 0.1

    play(database_url, scenario)


async def reserved(world: World, numbers: list[str]) -> list[float]:
    return await world.database.run(lambda connection: senders.reserve(connection, numbers))


def account_event(field: str, **value: object) -> bytes:
    entry = {"id": "1", "time": 1, "changes": [{"field": field, "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def test_a_disabled_account_claims_nothing_until_it_is_reinstated(database_url: str) -> None:
    """The webhook holds every number, alerts once however often it comes, and lifts the hold."""

    async def scenario(world: World) -> None:
        banned = account_event(
            "account_update", event="DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"}
        )
        for _ in range(2):
            await world.inbox.accept(parse(banned))
        (alert,) = await world.alerts.open()
        assert (alert.subject, alert.occurrences) == ("DISABLED_UPDATE: DISABLE", 1)
        await world.receive(text())
        assert await world.claim() == []
        back = account_event(
            "account_update", event="DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"}
        )
        await world.inbox.accept(parse(back))
        assert len(await world.claim()) == 1

    play(database_url, scenario)


def test_a_template_that_meta_pauses_is_not_sent(database_url: str) -> None:
    """Until it is approved again."""

    async def scenario(world: World) -> None:
        for event, outcome in (("PAUSED", "held"), ("APPROVED", "go")):
            await world.inbox.accept(
                parse(
                    account_event(
                        "message_template_status_update",
                        event=event,
                        message_template_name="resume_conversation",
                        message_template_language="en-US",
                    )
                )
            )
            await world.execute("DELETE FROM contacts")
            await world.receive(text("late", age_s=24 * 3600))
            (gate,) = await world.late_outbox.admit([order(await world.claim_one())])
            assert gate.outcome == outcome

    play(database_url, scenario)


def test_what_the_bot_may_not_answer_becomes_a_persons(database_url: str) -> None:
    """With the reason; what the customer writes next is the person's as well."""

    async def scenario(world: World) -> None:
        await world.receive(text("from yesterday", age_s=7200))
        turn = await world.claim_one()
        assert turn.is_stale(turn.started_at)
        record = order(turn).record
        stale = TurnResult(record, Sent("held", reason="stale"), None)
        await world.turns.finish(turn, stale, "held")
        assert await world.rows("SELECT reason FROM handoffs") == [("stale",)]
        await world.receive(text("anyone there?"))
        assert await world.claim() == []

    play(database_url, scenario)
