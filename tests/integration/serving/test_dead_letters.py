"""Dead letters: a few are kept, many are held back, and a replay happens once."""

import asyncio
import uuid

from serving.stores.dead_letters import Breaker, DeadLetters
from serving.stores.handover import Handover
from serving.stores.turns import PostgresTurns
from tests.integration.serving.world import World, play, text


async def bury_all(world: World, count: int, turns: PostgresTurns | None = None) -> None:
    """Messages of as many customers, each given up for good."""
    store = turns or world.turns
    await world.receive(*(text(f"no {n}", sender=f"1555{n:07d}") for n in range(count)))
    claimed = await store.claim("a", count, 30.0)
    await asyncio.gather(*(store.bury(turn, f"defect {turn.text}") for turn in claimed))


def test_a_letter_shows_reason_attempts_and_payload(database_url: str) -> None:
    """Everything a person needs to decide is in it, readable."""

    async def scenario(world: World) -> None:
        await bury_all(world, 1)
        letters = DeadLetters(world.database)
        (listed,) = await letters.page()
        letter = await letters.show(listed.turn_id)
        assert letter is not None
        assert (letter.reason, letter.attempts) == ("defect no 0", 1)
        (message,) = letter.messages
        assert (message.text, message.state) == ("no 0", "buried")
        assert message.raw["text"] == {"body": "no 0"}
        assert await letters.show(uuid.uuid4()) is None

    play(database_url, scenario)


def test_the_list_has_pages(database_url: str) -> None:
    """Every letter is on exactly one page, the newest on the first."""

    async def scenario(world: World) -> None:
        await bury_all(world, 5)
        letters = DeadLetters(world.database)
        first = await letters.page(limit=3)
        second = await letters.page(limit=3, before=first[-1].turn_id)
        found = [letter.turn_id for letter in first + second]
        assert len(found) == len(set(found)) == 5
        times = [letter.created_at for letter in first + second]
        assert times == sorted(times, reverse=True)

    play(database_url, scenario)


def test_a_second_replay_has_no_effect(database_url: str) -> None:
    """Replayed by several at once and again later, each message is answered by one turn."""

    async def scenario(world: World) -> None:
        await bury_all(world, 10)
        letters = DeadLetters(world.database)
        ids = [letter.turn_id for letter in await letters.page()]
        rounds = await asyncio.gather(*(letters.replay(ids, f"agent{n}") for n in range(4)))
        outcomes = [outcome for each in rounds for outcome in each.values()]
        assert (outcomes.count("replayed"), outcomes.count("already")) == (10, 30)
        turns = await world.claim(limit=50)
        assert len(turns) == 10
        for turn in turns:
            assert (await world.admit(turn)).outcome == "go"
            await world.turns.finish(turn, None, "sent")
        assert set((await letters.replay(ids, "late")).values()) == {"already"}
        assert await world.claim() == []
        sent = "SELECT count(*), count(DISTINCT conversation_id) FROM outbox"
        assert await world.rows(sent) == [(10, 10)]
        assert await letters.page() == []
        assert len(await letters.page(replayed=True)) == 10

    play(database_url, scenario)


def test_what_a_person_has_in_hand_is_left_to_them(database_url: str) -> None:
    """A letter of a conversation that was taken over is replayed only after the return."""

    async def scenario(world: World) -> None:
        await bury_all(world, 1)
        letters, desk = DeadLetters(world.database), Handover(world.database)
        (letter,) = await letters.page()
        await desk.take_over(letter.conversation_id, "asha")
        assert await letters.replay([letter.turn_id], "asha") == {letter.turn_id: "human"}
        await desk.hand_back(letter.conversation_id, "asha")
        assert await letters.replay([letter.turn_id], "asha") == {letter.turn_id: "replayed"}
        unknown = uuid.uuid4()
        assert await letters.replay([unknown], "asha") == {unknown: "unknown"}
        assert (await world.claim_one()).text == "no 0"

    play(database_url, scenario)


def test_a_wave_of_failures_is_held_back_and_not_buried(database_url: str) -> None:
    """However many give up at once, only the first few are buried; the rest pends and recovers."""

    async def scenario(world: World) -> None:
        turns = PostgresTurns(world.database, Breaker(limit=5, held_for_s=0.0))
        await bury_all(world, 30, turns)
        letters = DeadLetters(world.database)
        buried = await letters.page()
        assert len(buried) == 5
        assert (await world.stats.inbox_stats()).pending == 25
        recovered = await turns.claim("a", 50, 30.0)
        assert len(recovered) == 25
        assert {(await world.admit(turn)).outcome for turn in recovered} == {"go"}

    play(database_url, scenario)


def test_the_breaker_closes_again(database_url: str) -> None:
    """Replayed letters and old ones do not count."""

    async def scenario(world: World) -> None:
        turns = PostgresTurns(world.database, Breaker(limit=2, held_for_s=0.0))
        await bury_all(world, 3, turns)
        letters = DeadLetters(world.database)
        assert len(await letters.page()) == 2
        await world.execute("UPDATE dead_letters SET created_at = now() - interval '1 hour'")
        (turn,) = await turns.claim("a", 10, 30.0)
        await turns.bury(turn, "defect")
        assert len(await letters.page()) == 3

    play(database_url, scenario)
