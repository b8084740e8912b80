"""Step 7: a draft that is right stays; one that is not is replaced by what the page says."""

from pathlib import Path

import pytest

from models.types import ModelId
from serving.business import load_business
from serving.errors import Retryable
from serving.fallbacks import EXTRACTIVE, TEMPLATE
from serving.quotes import citations_of
from serving.steps.validate_response import ValidateResponse, completed
from serving.types import Draft, Parsed, Validated, ValidationQuery
from tests.fakes.models import FakeKnowledge
from tests.fakes.values import (
    ALIASES,
    GLANCE,
    INCLUDES,
    PRICE,
    booking,
    context,
    documents,
    parsed,
    passage,
    turn,
)

pytestmark = pytest.mark.anyio
BUSINESS = load_business(Path(__file__).parents[4] / "corpus" / "business.yaml")
FOUND = documents(
    passage(PRICE), passage(INCLUDES, doc="prices/includes.md"), passage(GLANCE, doc="treks/h.md")
)
ASKED = parsed("pricing", "en", "latn", "neutral", ("trek", "Hampta Pass"), ("date", "2027-09"))
GOOD = "In September the Hampta Pass trek costs ₹10,500 (USD 125) per person."


async def validate(
    text: str,
    *,
    question: str = "How much is Hampta Pass in September?",
    read: Parsed = ASKED,
    model: str = "smollm2-135m-instruct",
    knowledge: FakeKnowledge | None = None,
    confidence: int = 90,
) -> Validated:
    step = ValidateResponse(BUSINESS, knowledge or FakeKnowledge(FOUND.passages, ALIASES))
    await step.warm_up()
    cited = citations_of(FOUND, (0, 1, 2))
    draft = Draft(text, "fast", ModelId(model), cited, confidence=confidence)
    known = context(bookings=(booking(),))
    return await step.one(ValidationQuery(turn(question), read, known, FOUND, draft))


async def test_a_right_draft_stays_and_cites_what_supports_it() -> None:
    """As sure as its page answers, and only the passage with the price is cited."""
    checked = await validate(GOOD)
    assert checked.text == GOOD
    assert checked.confidence == 90
    assert [cited.doc for cited in checked.citations] == ["prices/hampta.md"]
    assert checked.degraded == ()


@pytest.mark.parametrize(
    ("text", "issue"),
    [
        ("The Hampta Pass trek costs ₹9,900 per person.", "unsupported_price"),
        ("In September the Hampta Pass trek costs ₹11,500.", "unsupported_price"),
        ("The Hampta Pass trek costs ₹10,500 and reaches 5,200 m.", "unsupported_altitude"),
        ("The trek costs ₹10,500 and departs on 3 September 2027.", "unsupported_date"),
        ("The Hampta Pass trek costs ₹10,500 and ends in Leh.", "unsupported_name"),
        ("Kedarkantha costs ₹10,500 per person.", "unsupported_price"),
        ("Hampta Pass costs ₹10,500 in September; Kedarkantha is a winter trek.", "stray_trek"),
        ("As an AI language model I think Hampta Pass costs ₹10,500.", "meta_talk"),
        (
            "La Hampta Pass cuesta ₹10,500 por persona para los que van con el grupo.",
            "wrong_language",
        ),
        ("How much is Hampta Pass in September?", "adds_nothing"),
        ("Yes, Hampta Pass costs ₹10,500 but oxygen is not in the price.", "unsupported_denial"),
        ("", "empty"),
    ],
)
async def test_a_wrong_draft_is_replaced_by_the_page(text: str, issue: str) -> None:
    """The quote has the right price, cited, and the marks say what was wrong."""
    checked = await validate(text)
    assert issue in checked.issues
    assert f"validate:{issue}" in checked.degraded
    assert checked.degraded[-1] == "extractive"
    assert "₹10,500" in checked.text
    assert checked.citations


async def test_an_answer_without_the_price_asked_for_is_completed() -> None:
    """Required facts depend on the intent; the page's own sentence is put before the question."""
    text = "The Hampta Pass price includes tents, permits and oxygen."
    checked = await validate(f"{text}\n\nHow many seats do you need?")
    assert checked.issues == ("missing_money",)
    assert checked.text == (
        f"{text} In August, September and October the Hampta Pass trek costs ₹10,500 (USD 125) "
        "per person.\n\nHow many seats do you need?"
    )
    assert checked.degraded == ("validate:missing_money:repaired",)
    assert "prices/hampta.md" in [cited.doc for cited in checked.citations]


async def test_what_is_included_must_be_told_when_it_was_asked() -> None:
    """A price alone is half an answer."""
    checked = await validate(
        GOOD, question="How much is Hampta Pass in September, what is included?"
    )
    assert checked.issues == ("missing_included",)
    assert checked.text == f"{GOOD} {INCLUDES}"


def test_a_completed_answer_does_not_say_the_same_twice() -> None:
    """A sentence of the draft that the page's own sentence repeats makes room for it."""
    page = (
        "In September the Hampta Pass trek costs ₹10,500, with tents, meals and permits included."
    )
    draft = "In September the Hampta Pass trek costs ₹10,500, with tents and meals.\n\nWhich day?"
    assert completed(draft, [page]) == f"{page}\n\nWhich day?"


async def test_a_bare_yes_is_not_trusted() -> None:
    """The page's own sentence answers instead."""
    checked = await validate(
        "Yes, you can bring your daughter to Hampta Pass.",
        question="Can I bring my 8 year old daughter to Hampta Pass?",
        read=parsed("trek_info", "en", "latn", "neutral", ("trek", "Hampta Pass")),
    )
    assert "Minimum age: 10 years" in checked.text


async def test_their_own_booking_may_be_told() -> None:
    """Amounts of the customer's booking are sources too."""
    read = parsed("support", "en", "latn", "neutral", ("trek", "Chadar"))
    text = "Your booking SBT-26-0544 is confirmed for 23 January 2027 and ₹18,500 is left to pay."
    checked = await validate(text, question="what is left to pay for my Chadar booking?", read=read)
    assert not any(issue.startswith("unsupported_price") for issue in checked.issues)
    assert "unsupported_date" not in checked.issues


async def test_a_wrong_quote_gives_way_to_an_offer_of_a_person() -> None:
    """What failed as a quote is not quoted again."""
    checked = await validate("From our page: it costs ₹1.", model=EXTRACTIVE)
    assert checked.degraded[-1] == "template"
    assert "colleague" in checked.text


async def test_our_own_words_pass() -> None:
    """A template is not compared with passages."""
    checked = await validate("I am passing you to a colleague.", model=TEMPLATE)
    assert checked.text == "I am passing you to a colleague."
    assert checked.confidence == 90


async def test_a_page_that_hardly_answers_is_not_told() -> None:
    """A sound draft of a page that more likely does not answer gives way to a person."""
    checked = await validate(GOOD, confidence=49)
    assert checked.issues == ("doubtful_page",)
    assert "₹10,500" in checked.text  # the quote of another page, which answers
    quoted = await validate(f"From our page: {GOOD}", model=EXTRACTIVE, confidence=49)
    assert quoted.degraded == ("validate:doubtful_page", "template")
    assert "colleague" in quoted.text


async def test_it_works_while_the_index_is_away() -> None:
    """Trek names of the passages at hand serve."""
    checked = await validate(GOOD, knowledge=FakeKnowledge(error=Retryable("away")))
    assert checked.text == GOOD


async def test_one_failing_item_does_not_fail_its_neighbour() -> None:
    """The batch form keeps order and length."""
    step = ValidateResponse(BUSINESS, FakeKnowledge(FOUND.passages, ALIASES))
    query = ValidationQuery(
        turn("price?"), ASKED, context(), FOUND, Draft(GOOD, "fast", ModelId("m"))
    )
    results = await step.many([query, query])
    assert [type(result) for result in results] == [Validated, Validated]


@pytest.mark.parametrize(
    ("text", "issue"),
    [
        (
            "The deposit of the Hampta Pass trek is due 15 days before departure.",
            "unsupported_wording",
        ),
        ("I pay ₹11,500 per person in June.", "speaks_as_customer"),
    ],
)
async def test_true_words_put_together_anew_are_replaced(text: str, issue: str) -> None:
    """Every word is the page's, and what they say is not."""
    checked = await validate(text)
    assert issue in checked.issues
    assert checked.degraded[-1] == "extractive"
