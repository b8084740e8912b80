"""Laws of a reading that hold for any text."""

import math
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.types import INTENTS, Language
from serving.understanding import reading
from serving.understanding.reading import Trained
from serving.understanding.treks import TrekFinder
from tests.fakes.heads import DIMENSIONS, constant_heads

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
FINDER = TrekFinder({"Hampta Pass": (), "Everest Base Camp": ("EBC",), "Valley of Flowers": ()})
WORDS = [
    "hampta", "pass", "ebc", "फूलों", "की", "घाटी", "15", "oct", "20", "kal", "rs", "₹", "15,000",
    "9k", "people", "log", "me", "and", "my", "wife", "tomorrow", "may", "2026", "-", "/", "€", "4",
    "price", "kitna", "cuánto", "où", "😀", "next", "month", "mañana", "अक्टूबर", "१५", "हजार", "\n",
]  # fmt: skip
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))


@given(texts)
def test_entities_are_exact_substrings_in_order(text: str) -> None:
    """Every entity is the text between its offsets, and none overlaps the next."""
    entities = reading.parse_text(text, NOW, FINDER).entities
    for entity in entities:
        assert entity.text == text[entity.start : entity.end] != ""
    for before, after in pairwise(entities):
        assert before.end <= after.start


@given(texts)
def test_scores_are_a_distribution(text: str) -> None:
    """The eight intents' scores are positive, sum to 1 and the intent has the highest."""
    parsed = reading.parse_text(text, NOW, FINDER)
    assert set(parsed.intent_scores) == set(INTENTS)
    assert math.isclose(sum(parsed.intent_scores.values()), 1.0)
    assert parsed.intent_scores[parsed.intent] == max(parsed.intent_scores.values()) > 0


@pytest.mark.parametrize(
    ("text", "hint", "language"),
    [
        ("ok", None, "en"),
        ("👍", "hi", "hi"),
        ("Hampta Pass", "fr", "fr"),
        ("Hampta Pass", None, "en"),
        ("ok", "es", "es"),
        ("How much does it cost per person?", "fr", "en"),
        ("मौसम कैसा है", "en", "hi"),
        ("combien ça coûte ?", "en", "fr"),
    ],
)
def test_language_hint(text: str, hint: Language | None, language: str) -> None:
    """A wordless message takes the conversation's language; clear words win over it."""
    assert reading.parse_text(text, NOW, FINDER, hint).language == language


def test_a_bare_trek_asks_about_it() -> None:
    """Whatever the heads make of a word that they do not know."""
    trained = Trained(constant_heads("smalltalk", "none"), np.zeros(DIMENSIONS, np.float32))
    parsed = reading.parse_text("Hampta Pass!", NOW, FINDER, trained=trained)
    assert (parsed.intent, parsed.unsure) == ("trek_info", False)
    assert (
        reading.parse_text("hello Hampta Pass", NOW, FINDER, trained=trained).intent != "trek_info"
    )


def test_trained_heads_replace_the_phrases() -> None:
    """The reading follows the heads, and carries what they take the message to ask for."""
    vector = np.zeros(DIMENSIONS, np.float32)
    trained = Trained(constant_heads("support", "stop"), vector)
    parsed = reading.parse_text("hello", NOW, FINDER, trained=trained)
    assert (parsed.intent, parsed.unsure) == ("support", False)
    assert parsed.request == "stop"
    assert parsed.request_share > 0.9
