"""The seven factors of the ban-risk score."""

from pathlib import Path

import pytest
import yaml

from serving.risk import level_of, score_risk

OWN = ("switchbacktreks.example", "www.switchbacktreks.example", "pay.switchbacktreks.example")
BUSINESS = Path(__file__).parents[3] / "corpus" / "business.yaml"


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("😀😀😀 hello", {"emoji": 15}),
        ("😀 a 😀 b 😀 c 😀 d 😀", {"emoji": 15}),
        ("THIS IS VERY IMPORTANT NEWS", {"caps": 15}),
        ("One offer, two offers, another offer", {"repeated_keywords": 12}),
        ("see bit.ly/abc", {"links": 18}),
        ("see http://192.168.1.2/pay", {"links": 18}),
        ("see switchbacktrek.example", {"links": 18}),
        ("see https://switchbacktreks.example.evil.com/x", {"links": 18}),
        ("see www.switchbacktreks.example and google.com", {"links": 18}),
        ("Last chance to reserve", {"spam": 20}),
        ("Book your trek!!!", {"spam": 20}),
        ("Your summit is guaranteed", {"spam": 20}),
        ("Dernière chance pour ce trek", {"spam": 20}),
        ("आखिरी मौका, अभी बुक करें", {"spam": 20}),
        ("aakhri mauka hai", {"spam": 20}),
        ("El trek es gratis", {"spam": 20}),
        ("You won't believe what we found", {"clickbait": 15}),
        ("No vas a creer este secreto", {"clickbait": 15}),
        ("Please send your card number", {"other": 5}),
        ("Forward this to all your friends", {"other": 5}),
        ("Our tea cures altitude sickness", {"other": 5}),
    ],
)
def test_each_factor_has_its_points(text: str, factors: dict[str, int]) -> None:
    """A text with one fault has that factor alone, with a suggestion for it."""
    risk = score_risk(text, OWN)
    assert dict(risk.factors) == factors
    assert risk.score == sum(factors.values())
    assert len(risk.suggestions) == len(factors)


@pytest.mark.parametrize(
    "text",
    [
        "Hampta Pass costs ₹13,500 per person 🙂 https://switchbacktreks.example/treks/hampta-pass",
        "Hampta Pass is moderate. Hampta Pass takes 5 days.",
        "👨‍👩‍👧‍👦 Families are welcome.",
        "We never ask for your OTP or card number.",
        "Dates are not guaranteed. Feel free to ask.",
        "Pay by UPI; GST and the TIMS permit are included for EBC and ABC.",
        "Write to help@switchbacktreks.example.",
        "El precio es de 13.500 rupias por persona.",
        "Le départ est le 5 juin, il reste 4 places.",
        "कीमत प्रति व्यक्ति ₹13,500 है।",
    ],
)
def test_ordinary_answers_have_no_factor(text: str) -> None:
    """One emoji, one link to our site, a name twice and denials are harmless."""
    assert dict(score_risk(text, OWN).factors) == {}


def test_our_own_sentences_have_no_factor() -> None:
    """Nothing that the demo company says by template looks like spam."""
    business = yaml.safe_load(BUSINESS.read_text(encoding="utf-8"))
    for name, variants in business["templates"].items():
        for variant, text in variants.items():
            assert dict(score_risk(text, OWN).factors) == {}, (name, variant)


def test_everything_at_once_is_the_full_score() -> None:
    """The seven weights add up to 100."""
    text = (
        "LAST CHANCE EVERYONE HURRY!!! 😀😀😀 offer offer offer bit.ly/x You won't believe this "
        "secret nobody tells you. Send your card number"
    )
    risk = score_risk(text, OWN)
    assert (risk.score, risk.level, len(risk.factors)) == (100, "high", 7)


@pytest.mark.parametrize(
    ("score", "level"), [(0, "low"), (24, "low"), (25, "medium"), (50, "medium"), (51, "high")]
)
def test_levels(score: int, level: str) -> None:
    """Low below 25, medium from 25 to 50, high above."""
    assert level_of(score) == level
