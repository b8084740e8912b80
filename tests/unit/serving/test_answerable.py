"""What was found is not always an answer."""

from dataclasses import replace

import pytest

from serving.answerable import answerable, lacks_trek
from serving.extract import Question, rank, read
from serving.trek_names import TrekNames
from serving.types import Documents, Parsed
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


def with_relevance(*values: float) -> Documents:
    """One page of three sentences of which the first is about a trek's price."""
    page = passage("The walk needs good boots.\nGuides know the way.\nTea is served at five.")
    return documents(replace(page, relevance=values))


@pytest.mark.parametrize(("near", "answered"), [((0.9, 0.1, 0.0), True), ((0.2, 0.1, 0.0), False)])
def test_meaning_decides_where_no_word_is_shared(
    near: tuple[float, ...], *, answered: bool
) -> None:
    """A sentence that is near the question answers it; one that is merely found does not."""
    asked = parsed("trek_info", "es", "latn")
    question, sources = read(turn("¿calzado adecuado?"), asked, with_relevance(*near))
    picks = rank(question, sources)
    assert answerable(question, picks, sources) is answered
    if answered:
        assert picks[0].text == "The walk needs good boots."


@pytest.mark.parametrize("text", ["Can I bring my dog?", "हॉल शादी के लिए?", "hay safaris?"])
def test_a_subject_is_answered_only_by_a_sentence_about_it(text: str) -> None:
    """However near the rest of a page is."""
    question, sources = read(turn(text), parsed("trek_info"), with_relevance(0.9, 0.9, 0.9))
    assert not answerable(question, rank(question, sources), sources)


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("price?", True),
        ("How much does it cost per person?", True),
        ("¿Cuánto cuesta?", True),
        ("c'est combien", True),
        ("kitna kharcha hoga", True),
        ("कितना खर्च आएगा", True),
        ("what are the prices in October", True),
        ("how difficult is the trek", True),
        ("does the price include GST?", False),
        ("how much is the deposit", False),
        ("which trek is cheapest?", False),
        ("How much is Kilimanjaro?", False),
        ("do I need insurance?", False),
    ],
)
def test_a_price_of_no_trek_in_particular_wants_asking_back(text: str, *, lacks: bool) -> None:
    """Only where nothing else is asked that is the same for all treks, or of none."""
    question, _ = read(turn(text), parsed("pricing"), FOUND, TrekNames(ALIASES))
    assert lacks_trek(question) is lacks
