"""Tracing what a reply says to what the sources say."""

import pytest

from serving.grounding import Asked, Grounding, check
from serving.sources import segments_of, sources_of
from serving.trek_names import TrekNames
from tests.fakes.values import ALIASES, GLANCE, PRICE, passage

NAMES = TrekNames(ALIASES)
HAMPTA = Asked(frozenset({"Hampta Pass"}), frozenset(), NAMES)


def traced(reply: str, *texts: str, asked: Asked = HAMPTA) -> Grounding:
    sources = sources_of([passage(text) for text in texts], NAMES)
    return check(segments_of(reply, NAMES), sources, asked)


@pytest.mark.parametrize(
    "reply",
    [
        "Hampta Pass costs ₹10,500 per person in September.",
        "It is 10500 INR in October, the deposit is ₹3k.",
        "सितंबर में हम्पटा पास ₹१०,५०० का है।",
        "In September it costs USD 125.",
        "In September it costs ₹10,500, and in July it costs ₹11,500.",
        "It costs ₹11,500 in June and July and ₹10,500 in August, September and October.",
    ],
)
def test_what_the_source_says_is_supported_in_any_spelling(reply: str) -> None:
    """Grouping, digits and scale do not matter."""
    assert traced(reply, PRICE).holds


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("Hampta Pass costs ₹9,999 per person.", "a price that no source has"),
        ("Hampta Pass costs ₹11,500 in September.", "the price of another season"),
        (
            "In September it costs ₹10,500, and in July it costs ₹10,500.",
            "one price for two seasons",
        ),
        (
            "In September it costs ₹10,500, and in August and October it costs ₹11,500.",
            "the other season's price in a sentence that also names the right one",
        ),
        ("It is ₹11,500 in September and ₹10,500 in July.", "two prices exchanged"),
        ("Hampta Pass costs ₹3,000.", "the deposit told as the price"),
        ("Hampta Pass is 4,270 ft high.", "the number with another unit"),
        ("It departs on 18 September 2027.", "a day that no source has"),
        ("Kedarkantha costs ₹10,500.", "another trek's price"),
        ("It takes 6 days.", "a number beside the right one"),
        ("Pay at https://evil.example/pay", "a link from nowhere"),
    ],
)
def test_what_no_source_says_is_found(reply: str, why: str) -> None:
    """Each of these would be a wrong answer."""
    assert not traced(reply, PRICE, GLANCE).holds, why


def test_the_customers_month_counts_when_the_reply_names_none() -> None:
    """Asked about July, the August price is unsupported."""
    july = Asked(frozenset({"Hampta Pass"}), frozenset({7}), NAMES)
    assert traced("It costs ₹11,500.", PRICE, asked=july).holds
    assert not traced("It costs ₹10,500.", PRICE, asked=july).holds


def test_supporting_passages_are_named() -> None:
    """Citations are reduced to the passages that carry a fact."""
    assert traced("It is 4,270 m high.", PRICE, GLANCE).passages == (1,)


def test_a_trek_that_nobody_mentioned_is_unknown() -> None:
    """A name from outside the question and the sources is found."""
    assert traced("Try Kedarkantha instead.", PRICE).unknown_treks == ("Kedarkantha",)


def test_table_rows_are_read_as_sentences() -> None:
    """A row of the price list supports its price in its season only."""
    row = "trek: Hampta Pass; season: June and July; price_inr: 11,500; price_usd: 135; days: 5"
    assert traced("It costs ₹11,500 in June.", row).holds
    assert not traced("It costs ₹11,500 in May.", row).holds
