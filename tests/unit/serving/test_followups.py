"""Questions that lean on the ones before them."""

from dataclasses import replace

import pytest

from serving.followups import in_context, looks_back
from serving.trek_names import TrekNames
from serving.types import Entity, HistoryMessage, Parsed
from tests.fakes.stores import NOON
from tests.fakes.values import ALIASES, parsed

NAMES = TrekNames(ALIASES)
PRICE_TALK = (
    HistoryMessage("customer", "How much is Hampta Pass in September?", NOON),
    HistoryMessage("assistant", "In September the Hampta Pass trek costs ₹10,500.", NOON),
)
UNSURE = parsed("trek_info", unsure=True)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("and in May?", UNSURE),
        ("¿y en mayo?", UNSURE),
        ("et en mai ?", UNSURE),
        ("aur may mein?", UNSURE),
        ("और मई में?", UNSURE),
        ("What about June", parsed("smalltalk", unsure=True)),
    ],
)
def test_a_fragment_asks_what_was_asked_before(text: str, read: Parsed) -> None:
    """Of the same trek, without the earlier month."""
    meant = in_context(text, read, PRICE_TALK, NAMES)
    assert meant.parsed.values("trek") == ("Hampta Pass",)
    assert meant.text == f"How much is Hampta Pass in ?\n{text}"


def test_a_pronoun_takes_the_trek_and_keeps_its_own_question() -> None:
    """Difficulty has nothing to do with the price asked before."""
    meant = in_context("is it hard for beginners?", parsed("trek_info"), PRICE_TALK, NAMES)
    assert meant.parsed.values("trek") == ("Hampta Pass",)
    assert meant.text == "is it hard for beginners?"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("how high is Kedarkantha?", parsed("trek_info", "en", "latn", "neutral", ("trek", "K"))),
        ("thank you", parsed("smalltalk")),
        ("can I talk to a person", parsed("human_handoff")),
        ("I would like to know whether children of six years can join your winter treks", UNSURE),
    ],
)
def test_a_question_that_stands_alone_is_left_alone(text: str, read: Parsed) -> None:
    """A named trek, a thank you, a wish for a person, a full sentence."""
    assert in_context(text, read, PRICE_TALK, NAMES).parsed == read


def test_two_treks_in_one_message_are_no_subject() -> None:
    """It could be either; the newest message that names one alone decides."""
    both = HistoryMessage("customer", "Hampta Pass or Kedarkantha?", NOON)
    assert in_context("and in May?", UNSURE, (both,), NAMES).parsed == UNSURE
    assert looks_back("and in May?", UNSURE)


@pytest.mark.parametrize("text", ["Kedarkantha", "ok, Kedarkantha", "Kedarkantha please"])
def test_a_bare_trek_answers_which_one(text: str) -> None:
    """What was asked of no trek is asked of this one; of another trek it was answered."""
    start = text.index("Kedarkantha")
    trek = Entity("trek", "Kedarkantha", start, start + len("Kedarkantha"), "Kedarkantha")
    read = replace(parsed("trek_info"), entities=(trek,))
    open_question = (
        HistoryMessage("customer", "How much does it cost?", NOON),
        HistoryMessage("assistant", "Which trek do you mean?", NOON),
    )
    assert in_context(text, read, open_question, NAMES).text == f"How much does it cost?\n{text}"
    assert in_context(text, read, PRICE_TALK, NAMES).text == text
