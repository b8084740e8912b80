"""What a colleague is told of a conversation that becomes theirs."""

from dataclasses import replace

import pytest

from serving.handoff import MAX_SUMMARY_CHARS, REASONS, Handoff, handoff
from serving.types import Citation, HistoryMessage, TurnRecord, Validated
from tests.fakes.stores import NOON
from tests.fakes.values import EPOCH, booking, parsed, record

CITED = Citation("prices/hampta.md", "3", (0, 20), EPOCH)


def said(role: str, text: str) -> HistoryMessage:
    return HistoryMessage(role, text, NOON)  # type: ignore[arg-type]  # one of the three


def answered(text: str) -> TurnRecord:
    read = parsed("pricing", "hi", "deva", "negative", ("trek", "Hampta Pass"))
    return replace(record(read=read), validated=Validated(text, 80, (CITED,)))


def told(*history: HistoryMessage, records: tuple[TurnRecord, ...] = ()) -> Handoff:
    return handoff("customer", NOON, records, history, [booking()])


def test_it_names_reason_topic_words_and_sources() -> None:
    """Everything a colleague needs before the first sentence."""
    report = told(
        said("customer", "What is the price?"),
        said("assistant", "It costs ₹11,500."),
        said("customer", "That is too much!"),
        said("customer", "Let me talk to someone"),
        records=(answered("It costs ₹11,500."),),
    )
    assert report.unanswered == ("That is too much!", "Let me talk to someone")
    assert (report.language, report.intent, report.treks) == ("hi", "pricing", ("Hampta Pass",))
    assert report.citations == (CITED,)
    for part in ("asked for a person", "pricing, Hampta Pass", "(in hi)", "mood is bad"):
        assert part in report.summary
    for part in ("“That is too much!”", "“It costs ₹11,500.”", "Booking SBT-26-0544"):
        assert part in report.summary


def test_the_topic_is_what_came_before_the_wish_for_a_person() -> None:
    """The acknowledgement tells a colleague nothing."""
    asking = replace(
        record(read=parsed("human_handoff")), validated=Validated("A colleague comes.", 100)
    )
    report = told(said("customer", "human"), records=(asking, answered("It costs ₹11,500.")))
    assert report.intent == "pricing"
    assert report.citations == (CITED,)
    assert "A colleague comes" not in report.summary


def test_it_stays_short() -> None:
    """Whatever the customer writes, and however often."""
    shouting = [said("customer", f"{n} " + "very long " * 200) for n in range(50)]
    report = told(*shouting, records=(answered("words " * 500),))
    assert len(report.summary) <= MAX_SUMMARY_CHARS
    assert len(report.unanswered) == 50


def test_a_colleagues_own_words_end_what_is_open() -> None:
    """What was written before a colleague's reply is answered."""
    report = told(said("customer", "one"), said("agent", "on it"), said("customer", "two"))
    assert report.unanswered == ("two",)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_its_sentence_and_needs_no_turn(reason: str) -> None:
    """A conversation may be taken over before the bot has said anything."""
    report = handoff(reason, NOON, [], [], [])
    assert report.summary == REASONS[reason]
    assert (report.language, report.citations) == (None, ())
