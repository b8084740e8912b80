"""Messages that are edited or taken back before they are answered."""

from itertools import permutations

import pytest

from tests.integration.serving.world import World, play, text

STATES = "SELECT type, state, why FROM inbox ORDER BY inbox_id"


def edit(of: str, words: str, **more: object) -> dict[str, object]:
    message = {"type": "text", "text": {"body": words}}
    return text(type="edit", edit={"original_message_id": of, "message": message}, **more)


def revoke(of: str, **more: object) -> dict[str, object]:
    return text(type="revoke", revoke={"original_message_id": of}, **more)


def test_an_edited_message_is_answered_as_it_reads_now(database_url: str) -> None:
    """The turn under way is superseded; the next one has the new words, and only those."""

    async def scenario(world: World) -> None:
        asked = text("How much is Hampta Pas?", age_s=5)
        await world.receive(asked)
        turn = await world.claim_one()
        await world.receive(edit(asked["id"], "How much is Hampta Pass?"))
        (news,) = await world.turns.arrivals([turn])
        assert [message.text for message in news.messages] == ["How much is Hampta Pass?"]
        assert (await world.admit(turn)).outcome == "superseded"
        await world.turns.finish(turn, None, "superseded")
        assert (await world.claim_one()).text == "How much is Hampta Pass?"

    play(database_url, scenario)


def test_a_message_taken_back_is_not_answered(database_url: str) -> None:
    """Neither by the turn under way nor by another; what else was asked still is."""

    async def scenario(world: World) -> None:
        wrong, right = text("To the wrong person", age_s=5), text("How much?", age_s=4)
        await world.receive(wrong, right)
        turn = await world.claim_one()
        await world.receive(revoke(wrong["id"]))
        assert (await world.admit(turn)).outcome == "superseded"
        await world.turns.finish(turn, None, "superseded")
        again = await world.claim_one()
        assert again.text == "How much?"
        await world.receive(revoke(right["id"]))
        (news,) = await world.turns.arrivals([again])
        assert news.taken_over
        await world.turns.finish(again, None, "suppressed")
        assert await world.claim() == []

    play(database_url, scenario)


@pytest.mark.parametrize("again", [edit, revoke])
def test_what_was_answered_is_not_answered_again(database_url: str, again: object) -> None:
    """An edit that comes too late is history; the same delivery twice changes nothing."""

    async def scenario(world: World) -> None:
        asked = text("How much?", age_s=5)
        await world.receive(asked)
        turn = await world.claim_one()
        gate = await world.send(turn)
        assert gate.outcome == "go"
        await world.turns.finish(turn, None, "sent")
        late = edit(asked["id"], "How many?") if again is edit else revoke(asked["id"])
        await world.receive(late)
        await world.receive(late)
        assert await world.claim() == []
        (first, second) = await world.rows(STATES)
        assert first[1] == "answered"
        assert second[1] == "ignored"

    play(database_url, scenario)


def test_nobody_edits_the_messages_of_others(database_url: str) -> None:
    """An amendment counts within its own conversation only."""

    async def scenario(world: World) -> None:
        asked = text("How much?")
        await world.receive(asked)
        await world.receive(revoke(asked["id"], sender="15550100999"))
        assert (await world.claim_one()).text == "How much?"

    play(database_url, scenario)


def test_message_and_edit_in_one_body_are_one_question(database_url: str) -> None:
    """In whatever order a body names them, and however often it comes."""

    async def scenario(world: World) -> None:
        asked = text("How much is Hampta Pas?", age_s=5)
        new = edit(asked["id"], "How much is Hampta Pass?")
        await world.receive(new, asked)
        await world.receive(asked, new)
        assert (await world.claim_one()).text == "How much is Hampta Pass?"

    play(database_url, scenario)


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("taken_back", [False, True])
def test_the_latest_of_several_versions_counts_in_whatever_order_they_come(
    database_url: str, *, chained: bool, taken_back: bool
) -> None:
    """Edits name the message or the edit before it, and may come first; a revocation wins."""

    async def scenario(world: World) -> None:
        for number, order in enumerate(permutations(range(4))):
            sender = f"1555{number:07d}"
            versions = [text("How much?", sender=sender, age_s=9)]
            for words in ("How much is Hampta?", "How much is Hampta Pas?"):
                of = versions[-1 if chained else 0]["id"]
                versions.append(edit(of, words, sender=sender, age_s=9 - len(versions)))
            of = versions[-1 if chained else 0]["id"]
            last = edit(of, "How much is Hampta Pass?", sender=sender, age_s=2)
            versions.append(revoke(of, sender=sender, age_s=2) if taken_back else last)
            for place in order:
                await world.receive(versions[place])
                await world.receive(versions[place])
        turns = await world.claim(limit=100)
        said = [turn.text for turn in turns]
        assert said == [] if taken_back else ["How much is Hampta Pass?"] * 24

    play(database_url, scenario)


def test_an_edit_of_an_edit_that_is_being_answered_begins_the_turn_anew(database_url: str) -> None:
    """As the first edit did."""

    async def scenario(world: World) -> None:
        asked = text("How much?", age_s=9)
        await world.receive(asked, edit(asked["id"], "How many?", age_s=8))
        turn = await world.claim_one()
        assert turn.text == "How many?"
        await world.receive(edit(asked["id"], "How long?", age_s=7))
        assert (await world.admit(turn)).outcome == "superseded"
        await world.turns.finish(turn, None, "superseded")
        again = await world.claim_one()
        assert again.text == "How long?"
        assert (await world.send(again)).outcome == "go"
        await world.turns.finish(again, None, "sent")
        await world.receive(edit(asked["id"], "How steep?", age_s=6))
        assert await world.claim() == []

    play(database_url, scenario)


def test_messages_that_amend_each_other_end_nothing(database_url: str) -> None:
    """Nobody sends such; if somebody does, the latest is answered and no query runs for ever."""

    async def scenario(world: World) -> None:
        one, two = edit("?", "one", age_s=9), edit("?", "two", age_s=8)
        one["edit"]["original_message_id"], two["edit"]["original_message_id"] = (
            two["id"],
            one["id"],
        )
        asked = text("asked", age_s=9)
        await world.receive(one, two, asked)
        assert (await world.claim_one()).text == "asked"

    play(database_url, scenario)
