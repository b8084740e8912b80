"""Claims, leases and endings under races: one conversation, one turn at a time."""

import asyncio
import uuid
from collections import Counter
from dataclasses import replace

from serving.stores.drafts import PostgresDrafts
from serving.stores.handover import Handover
from serving.types import Lead, Logged, Sent, Turn, TurnResult
from tests.fakes import values
from tests.integration.serving.world import World, interaction, order, play, text

LEAD = Lead(10, "cold")


def result(turn: Turn, sent: Sent | None) -> TurnResult:
    done = interaction(turn, sent)
    return TurnResult(done.record, sent, done.reply, Logged("inquiry"), LEAD)


def test_two_workers_never_hold_the_same_conversation(database_url: str) -> None:
    """Of 200 conversations claimed by two workers in parallel, each has exactly one turn."""

    async def scenario(world: World) -> None:
        other = World(world.url, world.keys)
        await other.database.open()
        await world.receive(*(text(f"{n}", sender=f"1555{n:07d}") for n in range(200)))
        claims = await asyncio.gather(
            *(w.claim(holder, 7) for _ in range(20) for holder, w in (("a", world), ("b", other)))
        )
        await other.database.close()
        turns = [turn for claim in claims for turn in claim]
        assert len(turns) == 200
        assert max(Counter(turn.conversation_id for turn in turns).values()) == 1
        rows = await world.rows("SELECT count(*), max(fence) FROM conversations")
        assert rows == [(200, 1)]

    play(database_url, scenario)


def test_a_stale_holder_can_neither_admit_nor_finish(database_url: str) -> None:
    """After its lease ran out and another claimed, the first holder changes nothing."""

    async def scenario(world: World) -> None:
        await world.receive(text("hello"))
        stale = await world.claim_one("a", lease_s=0.0)
        fresh = await world.claim_one("b")
        assert fresh.fence > stale.fence
        assert fresh.attempt == 2
        assert await world.turns.renew([stale], 30.0) == set()
        assert await world.turns.renew([fresh], 30.0) == {fresh.turn_id}
        assert (await world.admit(stale)).outcome == "fenced"
        await world.turns.finish(stale, result(stale, Sent("sent")), "sent")
        await world.turns.give_back(stale, "late", 60.0)
        await world.turns.bury(stale, "late")
        assert await world.rows("SELECT state FROM inbox") == [("pending",)]
        assert (await world.admit(fresh)).outcome == "go"
        assert await world.rows("SELECT count(*) FROM outbox") == [(1,)]
        states = await world.rows("SELECT state FROM turns ORDER BY fence")
        assert states == [("lost",), ("answered",)]

    play(database_url, scenario)


def test_an_expired_lease_is_not_ours_even_when_nobody_took_it(database_url: str) -> None:
    """The gate refuses a holder that stopped renewing."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        turn = await world.claim_one(lease_s=0.0)
        assert (await world.admit(turn)).outcome == "fenced"

    play(database_url, scenario)


def test_only_one_of_many_holders_commits(database_url: str) -> None:
    """Ten successive holders race through the gate; one outbox row is the result."""

    async def scenario(world: World) -> None:
        await world.receive(text())
        holders = [await world.claim_one(f"h{n}", lease_s=0.0) for n in range(9)]
        holders.append(await world.claim_one("last"))
        gates = await asyncio.gather(*map(world.admit, holders))
        assert Counter(gate.outcome for gate in gates) == {"fenced": 9, "go": 1}
        assert await world.rows("SELECT count(*) FROM outbox") == [(1,)]

    play(database_url, scenario)


def test_a_returned_turn_waits_for_its_back_off(database_url: str) -> None:
    """Given back, its messages are pending, but not claimed before the time."""

    async def scenario(world: World) -> None:
        await world.receive(text("one"))
        turn = await world.claim_one()
        await world.turns.give_back(turn, "the model is gone", 600.0)
        assert await world.claim() == []
        await world.execute("UPDATE conversations SET not_before = now()")
        again = await world.claim_one()
        assert again.attempt == 2
        assert again.text == "one"
        await world.turns.finish(again, None, "silent")
        await world.receive(text("two"))
        assert (await world.claim_one()).attempt == 1

    play(database_url, scenario)


def test_a_buried_turn_is_a_dead_letter_and_frees_the_conversation(database_url: str) -> None:
    """Its messages are not claimed again, the next one is."""

    async def scenario(world: World) -> None:
        await world.receive(text("poison"))
        await world.turns.bury(await world.claim_one(), "it fails every time")
        stats = await world.stats.inbox_stats()
        assert (stats.pending, stats.dead) == (0, 1)
        assert await world.claim() == []
        await world.receive(text("fine"))
        assert (await world.claim_one()).text == "fine"

    play(database_url, scenario)


def test_messages_that_came_during_a_turn_are_claimed_after_it(database_url: str) -> None:
    """A silent ending ends only the messages the turn had read."""

    async def scenario(world: World) -> None:
        await world.receive(text("one"))
        turn = await world.claim_one()
        await world.receive(text("two"))
        assert await world.claim() == []
        await world.turns.finish(turn, result(turn, None), "silent")
        assert (await world.claim_one()).text == "two"

    play(database_url, scenario)


def test_many_endings_share_a_commit(database_url: str) -> None:
    """Fifty turns finished at once all end, each with its own outcome."""

    async def scenario(world: World) -> None:
        await world.receive(*(text(f"{n}", sender=f"1555{n:07d}") for n in range(50)))
        turns = await world.claim(limit=50)
        gates = await world.outbox.admit([order(turn) for turn in turns[:25]])
        assert {gate.outcome for gate in gates} == {"go"}
        await asyncio.gather(
            *(world.turns.finish(t, result(t, Sent("sent")), "sent") for t in turns[:25]),
            *(world.turns.finish(t, result(t, None), "silent") for t in turns[25:]),
        )
        rows = await world.rows("SELECT state, outcome, count(*) FROM turns GROUP BY 1, 2")
        assert sorted(rows) == [("ended", "silent", 25), ("logged", "sent", 25)]
        assert await world.claim() == []

    play(database_url, scenario)


def test_an_answer_nobody_logged_is_found_once(database_url: str) -> None:
    """A holder that dies after the gate leaves a parked send and a turn for one other to log."""

    async def scenario(world: World) -> None:
        await world.receive(text("hello"))
        turn = await world.claim_one("dead")
        gate = await world.admit(turn)
        assert await world.turns.unlogged("b", 10, 30.0) == []
        await world.execute("UPDATE conversations SET lease_expires_at = now()")
        await world.execute("UPDATE outbox SET tried_at = now() - interval '21 seconds'")
        sweeps = await asyncio.gather(*(world.turns.unlogged(h, 10, 30.0) for h in "bcd"))
        (left,) = [found for sweep in sweeps for found in sweep]
        assert left.record == order(turn).record
        assert left.sent.outcome == "parked"
        assert await world.claim() == []
        await world.log.append([(left, "inquiry")])
        await world.turns.finish(turn, result(turn, left.sent), "parked")
        assert await world.rows("SELECT state FROM turns") == [("logged",)]
        await world.execute("UPDATE turns SET log_lease_expires_at = now()")
        assert await world.turns.unlogged("b", 10, 30.0) == []
        assert gate.callback_data

    play(database_url, scenario)


def test_logging_twice_is_logging_once(database_url: str) -> None:
    """Interaction and lead rows are keyed by turn; a repetition moves nothing."""

    async def scenario(world: World) -> None:
        await world.receive(text("hello"))
        turn = await world.claim_one()
        await world.admit(turn)
        for stage, score in (("inquiry", 20), ("decision", 90)):
            await world.log.append([(interaction(turn), stage)])  # type: ignore[list-item]  # both are stages
            await world.leads.save([(turn.conversation_id, turn.turn_id, Lead(score, "cold"))])
        rows = await world.rows("SELECT stage, lead_score FROM conversations")
        assert rows == [("inquiry", 20)]

    play(database_url, scenario)


def test_a_turn_hears_what_came_meanwhile_once_it_is_weighed(database_url: str) -> None:
    """New messages are told until they are admitted; then the gate lets the turn pass with them."""

    async def scenario(world: World) -> None:
        await world.receive(text("How much?", age_s=9))
        turn = await world.claim_one()
        assert await world.turns.arrivals([turn]) == []
        await world.receive(text("thanks", age_s=2))
        await world.receive(text("and in May?", age_s=1))
        for _ in range(2):
            (news,) = await world.turns.arrivals([turn])
            assert [message.text for message in news.messages] == ["thanks", "and in May?"]
            assert not news.commanded
            assert not news.taken_over
        assert (await world.admit(turn)).outcome == "superseded"
        await world.turns.admit_arrivals(turn, news.messages[:1], news.messages[1:])
        assert await world.turns.arrivals([turn]) == []
        assert (await world.send(turn)).outcome == "go"
        states = await world.rows("SELECT state FROM inbox ORDER BY inbox_id")
        assert states == [("answered",), ("answered",), ("pending",)]
        await world.turns.finish(turn, None, "sent")
        assert (await world.claim_one()).text == "and in May?"

    play(database_url, scenario)


def test_a_turn_hears_that_it_was_taken_over(database_url: str) -> None:
    """No message is needed for a colleague to stop what the model writes."""

    async def scenario(world: World) -> None:
        await world.receive(text("hello"))
        turn = await world.claim_one()
        await Handover(world.database).take_over(uuid.UUID(turn.conversation_id), "asha")
        (news,) = await world.turns.arrivals([turn])
        assert news.taken_over

    play(database_url, scenario)


def test_a_draft_outlives_its_turn_and_serves_the_same_messages_only(database_url: str) -> None:
    """The next holder finds it; with another message in the turn it is nobody's."""
    paid = replace(values.draft("It costs 10,500."), completion_tokens=7)

    async def scenario(world: World) -> None:
        drafts = PostgresDrafts(world.database)
        await world.receive(text("How much?", age_s=9))
        first = await world.claim_one("dead", lease_s=0.0)
        await drafts.keep(first, paid)
        second = await world.claim_one("b", lease_s=0.0)
        assert await drafts.kept(second) == paid
        await world.receive(text("And in May?"))
        assert await drafts.kept(await world.claim_one("c")) is None
        ((sealed,),) = await world.rows("SELECT draft FROM turns WHERE draft IS NOT NULL")
        assert b"10,500" not in sealed

    play(database_url, scenario)
