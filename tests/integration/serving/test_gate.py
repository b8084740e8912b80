"""The gate: what it lets through, and what it refuses when something else was first."""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.ports import Settlement
from serving.stores.database import Connection, fetch
from serving.types import Consent, ContactId, Reply, Sent, Turn, Wamid
from tests.integration.serving.world import World, interaction, play, status, text

STOP = Consent(opted_out=True, action="opt_out", scope="all", rule="stop", confirmation="Bye.")
START = Consent(opted_out=False, action="resubscribe", rule="start", confirmation="Welcome back.")


async def stop(world: World, turn: Turn) -> None:
    await world.consent.record(turn.contact_id, STOP, turn.messages[-1].wamid)


def test_newer_messages_supersede_and_are_answered_together(database_url: str) -> None:
    """The superseded turn sends nothing; the next one has all messages and is a first attempt."""

    async def scenario(world: World) -> None:
        await world.receive(text("one", age_s=2))
        turn = await world.claim_one()
        await world.receive(text("two"))
        assert (await world.admit(turn)).outcome == "superseded"
        await world.turns.finish(turn, None, "superseded")
        again = await world.claim_one()
        assert again.text == "one\ntwo"
        assert again.attempt == 1
        assert (await world.admit(again)).outcome == "go"
        assert await world.rows("SELECT count(*) FROM outbox") == [(1,)]

    play(database_url, scenario)


def test_after_the_cap_newer_messages_wait_for_the_next_turn(database_url: str) -> None:
    """A customer who does not stop writing is answered once the burst is older than the cap."""

    async def scenario(world: World) -> None:
        await world.receive(text("one", age_s=30))
        turn = await world.claim_one()
        await world.execute(
            "UPDATE conversations SET pending_since = now() - interval '16 seconds'"
        )
        await world.receive(text("two"))
        assert (await world.send(turn)).outcome == "go"
        await world.turns.finish(turn, None, "sent")
        assert (await world.claim_one()).text == "two"

    play(database_url, scenario)


def test_superseding_does_not_move_the_cap(database_url: str) -> None:
    """It counts from the oldest message without an answer, however often it is superseded."""

    async def scenario(world: World) -> None:
        await world.receive(text("one"))
        first = await world.claim_one()
        (before,) = await world.rows("SELECT pending_since FROM conversations")
        await world.receive(text("two"))
        await world.turns.finish(first, None, "superseded")
        second = await world.claim_one()
        assert await world.rows("SELECT pending_since FROM conversations") == [before]
        await world.admit(second)
        assert await world.rows("SELECT pending_since FROM conversations") == [(None,)]

    play(database_url, scenario)


def test_outside_the_window_the_reply_is_held_for_a_human(database_url: str) -> None:
    """24 hours after the customer's last message, by Meta's timestamp, nothing is sent."""

    async def scenario(world: World) -> None:
        message = text("late", age_s=24 * 3600)
        await world.receive(message)
        turn = await world.claim_one()
        assert (await world.admit(turn)).outcome == "held"
        await world.turns.finish(turn, None, "held")
        assert await world.rows("SELECT kind FROM review_queue") == [("held",)]
        assert await world.claim() == []
        assert await world.rows("SELECT count(*) FROM outbox") == [(0,)]

    play(database_url, scenario)


def test_an_opted_out_customer_gets_one_confirmation_and_nothing_else(database_url: str) -> None:
    """Only the turn of the message that opted out may confirm it."""

    async def scenario(world: World) -> None:
        await world.receive(text("stop"))
        turn = await world.claim_one()
        await stop(world, turn)
        assert (await world.admit(turn)).outcome == "suppressed"
        gate = await world.send(turn, Reply("Bye.", purpose="opt_out"))
        assert gate.outcome == "go"
        await world.turns.finish(turn, None, "sent")
        await world.receive(text("stop!"))
        again = await world.claim_one()
        await stop(world, again)
        refused = await world.admit(again, Reply("Bye.", purpose="opt_out"))
        assert refused.outcome == "suppressed"
        assert await world.consent.opted_out([turn.contact_id]) == ["all"]
        await world.turns.finish(again, None, "suppressed")
        await world.receive(text("start"))
        back = await world.claim_one()
        await world.consent.record(back.contact_id, START, back.messages[0].wamid)
        assert (await world.admit(back, Reply("Hi", purpose="resubscribe"))).outcome == "go"

    play(database_url, scenario)


def test_a_repeated_stop_does_not_undo_a_later_start(database_url: str) -> None:
    """Consent is recorded once per message, so a replay of the first changes nothing."""

    async def scenario(world: World) -> None:
        await world.receive(text("stop"))
        turn = await world.claim_one()
        await stop(world, turn)
        await world.consent.record(turn.contact_id, START, Wamid("wamid.later"))
        await stop(world, turn)
        unknown = ContactId("00000000-0000-0000-0000-000000000000")
        assert await world.consent.opted_out([turn.contact_id, unknown]) == [None, None]

    play(database_url, scenario)


def test_stop_wins_every_race_with_the_gate(database_url: str) -> None:
    """In 60 races no gate that is asked after the opt-out committed lets anything through."""

    async def scenario(world: World) -> None:
        await world.receive(*(text("hi", sender=f"1555{n:07d}") for n in range(60)))
        turns = await world.claim(limit=60)
        stopped: set[str] = set()

        async def stopping(turn: Turn, pause_s: float) -> None:
            await asyncio.sleep(pause_s)
            await stop(world, turn)
            stopped.add(turn.turn_id)

        async def answering(turn: Turn, pause_s: float) -> bool:
            """Whether this race was lost."""
            await asyncio.sleep(pause_s)
            too_late = turn.turn_id in stopped
            gate = await world.admit(turn)
            assert gate.outcome in {"go", "suppressed"}
            return too_late and gate.outcome == "go"

        pauses = itertools.cycle([0.0, 0.02, 0.05])
        races = [
            asyncio.gather(answering(turn, next(pauses)), stopping(turn, 0.02)) for turn in turns
        ]
        lost = [lost for lost, _ in await asyncio.gather(*races)]
        assert not any(lost)
        committed = await world.rows("SELECT turn_id::text FROM outbox")
        for turn in turns:
            again = "parked" if (turn.turn_id,) in committed else "suppressed"
            assert (await world.admit(turn)).outcome == again

    play(database_url, scenario)


def test_an_opt_out_waits_for_a_gate_that_holds_the_contact(database_url: str) -> None:
    """While a gate is being decided the opt-out is not committed behind its back."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        turn = await world.claim_one()

        async def half_a_gate(connection: Connection) -> bool:
            await fetch(connection, b"SELECT 1 FROM contacts FOR SHARE")
            racing = asyncio.create_task(stop(world, turn))
            await asyncio.sleep(0.2)
            blocked = not racing.done()
            racing.cancel()
            return blocked

        assert await world.database.run(half_a_gate)

    play(database_url, scenario)


def test_a_human_who_takes_over_first_is_not_talked_over(database_url: str) -> None:
    """Owner is checked inside the gate's transaction."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        turn = await world.claim_one()
        await world.execute("UPDATE conversations SET owner = 'human'")
        assert (await world.admit(turn)).outcome == "suppressed"

    play(database_url, scenario)


def test_the_same_turn_is_never_admitted_twice(database_url: str) -> None:
    """A second call learns what became of the first: parked until somebody knows."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        turn = await world.claim_one()
        gate = await world.admit(turn)
        assert gate.outcome == "go"
        assert (await world.admit(turn)).outcome == "parked"
        await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid("wamid.out"), ""))
        repeated = await world.admit(turn)
        assert (repeated.outcome, repeated.wamid) == ("sent", "wamid.out")

    play(database_url, scenario)


@pytest.mark.parametrize("named_by", ["callback", "wamid"])
def test_a_parked_send_is_settled_by_its_status(database_url: str, named_by: str) -> None:
    """A crash after the gate is settled when Meta echoes the callback data or names the wamid."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        turn = await world.claim_one()
        gate = await world.admit(turn)
        wamid = Wamid("wamid.out") if named_by == "wamid" else None
        await world.outbox.settle(
            gate.callback_data, Settlement("parked", wamid, "no answer in 10 s")
        )
        assert (await world.stats.inbox_stats()).parked == 1
        more = {"biz_opaque_callback_data": gate.callback_data} if wamid is None else {}
        await world.report(status("wamid.out", "delivered", **more))
        again = await world.admit(turn)
        assert (again.outcome, again.wamid) == ("sent", "wamid.out")
        assert (await world.stats.inbox_stats()).parked == 0

    play(database_url, scenario)


def test_a_status_may_come_before_the_answer_of_graph(database_url: str) -> None:
    """Statuses without callback data are kept and applied when the wamid becomes known."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        gate = await world.admit(await world.claim_one())
        await world.report(status("wamid.out", "read"), status("wamid.out", "sent"))
        assert await world.rows("SELECT state, delivery FROM outbox") == [("sending", "queued")]
        await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid("wamid.out"), ""))
        assert await world.rows("SELECT state, delivery FROM outbox") == [("sent", "read")]

    play(database_url, scenario)


EVENTS = ["sent", "delivered", "read", "played", "failed", "graph:sent", "graph:parked"]
ORDER = ["queued", "sent", "failed", "delivered", "read", "played"]


def expected(events: list[str]) -> tuple[str, str]:
    """The state that any order of these events must end in."""
    words = [event for event in events if not event.startswith("graph:")]
    delivery = max(words, key=ORDER.index, default="queued")
    if words:
        return ("failed" if delivery == "failed" else "sent", delivery)
    return ("sent" if "graph:sent" in events else "parked" if events else "sending", delivery)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=6), seed=st.randoms())
def test_statuses_converge_whatever_their_order(
    database_url: str, events: list[str], seed: object
) -> None:
    """Statuses and Graph's own answer, shuffled and repeated, end in the top of the lattice."""

    async def scenario(world: World) -> tuple[str, str]:
        sender = f"1555{abs(hash(world)) % 10**10}"
        await world.receive(text(sender=sender))
        turn = await world.claim_one()
        gate = await world.admit(turn)
        wamid = Wamid(f"wamid.{turn.turn_id}")
        for event in events:
            if event.startswith("graph:"):
                outcome = "sent" if event == "graph:sent" else "parked"
                await world.outbox.settle(gate.callback_data, Settlement(outcome, wamid))  # type: ignore[arg-type]  # as said
            else:
                more = {"biz_opaque_callback_data": gate.callback_data}
                await world.report(status(wamid, event, **more))
        await world.turns.finish(turn, None, "sent")
        ((state, delivery),) = await world.rows(
            "SELECT state, delivery::text FROM outbox WHERE turn_id = %s", turn.turn_id
        )
        return state, delivery

    shuffled = list(events)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    events = shuffled
    assert play(database_url, scenario) == expected(events)


def test_a_refused_send_is_logged_as_failed(database_url: str) -> None:
    """What Graph refused for good does not come back as work."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        turn = await world.claim_one()
        gate = await world.admit(turn)
        await world.outbox.settle(
            gate.callback_data, Settlement("failed", None, "131026 undeliverable")
        )
        assert (await world.admit(turn)).outcome == "failed"
        await world.execute("UPDATE conversations SET lease_expires_at = now()")
        (left,) = await world.turns.unlogged("b", 5, 30.0)
        assert left.sent == Sent("failed", reason="131026 undeliverable")
        assert left.record == interaction(turn).record

    play(database_url, scenario)
