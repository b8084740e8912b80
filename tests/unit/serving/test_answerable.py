"""What was found is not always an answer."""

import pytest

from serving.answerable import answerable
from serving.extract import Question, rank, read
from serving.trek_names import TrekNames
from serving.types import Parsed
from tests.fakes.values import ALIASES, GLANCE, INCLUDES, PRICE, documents, parsed, passage, turn

FOUND = documents(passage(PRICE), passage(GLANCE, doc="treks/h.md"), passage(INCLUDES))
TREK = ("trek", "Hampta Pass")


def fits(text: str, asked: Parsed) -> bool:
    question, sources = read(turn(text), asked, FOUND, TrekNames(ALIASES))
    assert isinstance(question, Question)
    return answerable(question, rank(question, sources), sources)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("How much is Hampta Pass?", parsed("pricing", "en", "latn", "neutral", TREK)),
        ("combien coûte Hampta Pass", parsed("pricing", "fr", "latn", "neutral", TREK)),
        ("how high is it", parsed("trek_info")),
        ("which trek is cheapest, how much?", parsed("pricing")),
        ("Is transport from Manaly included?", parsed("pricing")),
    ],
)
def test_a_question_about_what_we_know_is_answered(text: str, asked: Parsed) -> None:
    """With or without a trek's name, and with a misspelt town."""
    assert fits(text, asked)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("How much is Kilimanjaro?", parsed("pricing")),
        ("kilimanjaro ka price kitna hai", parsed("pricing", "hi", "latn")),
        ("¿qué tiempo hace hoy en Madrid?", parsed("trek_info", "es", "latn")),
        ("is the trek price of Machu Picchu lower?", parsed("pricing")),
        ("who won the elections yesterday", parsed("trek_info")),
    ],
)
def test_a_question_about_a_stranger_is_declined(text: str, asked: Parsed) -> None:
    """However much of its wording the pages share."""
    assert not fits(text, asked)
