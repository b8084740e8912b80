"""Which tier answers, and why."""

import json
from dataclasses import asdict, replace

import pytest

from models.types import ModelId, Tier
from serving.routing import Features, decide, features_of
from serving.types import Candidate, GenerationQuery, Parsed, Risk
from tests.fakes.values import booking, context, documents, parsed, turn


def features(text: str, read: Parsed, *, booked: bool = False) -> Features:
    known = context(bookings=(booking(),) if booked else ())
    return features_of(GenerationQuery(turn(text), read, known, documents(), Risk(0, "low", {})))


@pytest.mark.parametrize(
    ("text", "read", "tier"),
    [
        ("how much is hampta", parsed("pricing"), "fast"),
        ("what should I pack", parsed(), "fast"),
        ("I want my money back", parsed("cancellation_refund"), "quality"),
        ("no confirmation came", parsed("support"), "quality"),
        ("is the road open right now?", parsed(), "realtime"),
        ("आज मौसम कैसा है", parsed(language="hi", script="deva"), "realtime"),
        ("seats in may?", parsed("availability"), "realtime"),
        ("which trek is better for me", parsed(), "reasoning"),
        ("price? and how high? and food?", parsed("pricing"), "reasoning"),
        (
            "a or b",
            parsed("trek_info", "en", "latn", "neutral", ("trek", "A"), ("trek", "B")),
            "reasoning",
        ),
        ("word " * 50, parsed(), "reasoning"),
    ],
)
def test_each_kind_of_question_has_its_tier(text: str, read: Parsed, tier: Tier) -> None:
    """Simple, complex, live and risky questions go to four different tiers."""
    route = decide(features(text, read))
    assert route.tier == tier
    assert route.reason.startswith(f"{tier}: ")


def test_an_unhappy_customer_with_a_booking_gets_the_best_model() -> None:
    """Mood alone does not, a booking alone does not."""
    angry = parsed("trek_info", sentiment="negative")
    assert decide(features("this is bad", angry, booked=True)).tier == "quality"
    assert decide(features("this is bad", angry)).tier == "fast"


def test_money_outranks_everything() -> None:
    """A refund question with live and comparing words is still high stakes."""
    both = replace(
        features("refund", parsed("cancellation_refund")), asks_live=True, asks_comparison=True
    )
    assert decide(both).tier == "quality"


def test_the_record_of_a_decision_gives_it_again_after_json() -> None:
    """Features are kept with it, without a word of the customer."""
    seen = features("which trek is better, my secret?", parsed())
    route = decide(seen)
    candidate = Candidate("fast", ModelId("m"), 0.01, "failing")
    record = route.record(20.0, (candidate,))
    stored = json.loads(json.dumps(asdict(record)))
    assert decide(Features(**stored["features"])) == route
    assert stored["candidates"][0]["passed_over"] == "failing"
    assert stored["deadline_s"] == 20.0
    assert "secret" not in json.dumps(stored)
