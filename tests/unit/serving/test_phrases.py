"""Facts of an English page, told in another language."""

import pytest

from serving.business import VARIANTS, Variant
from serving.phrases import phrase_book
from serving.sources import segments_of
from serving.trek_names import TrekNames

BOOK = phrase_book()
SEASON = "In August, September and October the Hampta Pass trek costs ₹10,500 (USD 125) per person."
DEPARTURE = (
    "Chadar departs on 9 January 2027 and ends on 17 January 2027, 4 of 12 seats left (open)."
)


@pytest.mark.parametrize(
    ("sentence", "variant", "told"),
    [
        (
            SEASON,
            "es",
            "Hampta Pass cuesta ₹10,500 (USD 125) por persona en agosto, septiembre y octubre.",
        ),
        ("The Hampta Pass trek costs ₹11,500 per person in June and July.", "hi_latn",
         "Hampta Pass ki price June aur July mein prati vyakti ₹11,500 hai."),
        ("Duration: 5 days", "fr", "Le trek Hampta Pass dure 5 jours."),
        ("Highest point: 4,270 m", "hi", "Hampta Pass की सबसे ऊँची जगह 4,270 m पर है।"),
        ("Difficulty: easy to moderate", "es", "La dificultad de Hampta Pass es fácil a moderada."),
        ("A deposit of ₹3,000 per person confirms the seat; the balance is due later.", "fr",
         "La place pour Hampta Pass se confirme avec un acompte de ₹3,000 par personne."),
        (DEPARTURE, "es", "Chadar: salida el 9 enero 2027, quedan 4 de 12 plazas."),
    ],
)  # fmt: skip
def test_a_fact_is_told_with_the_pages_own_figures(
    sentence: str, variant: Variant, told: str
) -> None:
    """Months and levels are translated, figures and names copied."""
    assert BOOK.tell(sentence, "Hampta Pass", variant) == told


@pytest.mark.parametrize(
    ("sentence", "variant"),
    [
        ("Bring warm gloves and a head lamp.", "es"),
        ("Difficulty: depends on the snow", "es"),
        (SEASON, "en"),
    ],
)
def test_what_the_book_does_not_know_stays_unsaid(sentence: str, variant: Variant) -> None:
    """Half a sentence in another language would be worse than none."""
    assert BOOK.tell(sentence, "Hampta Pass", variant) is None


def test_a_fact_without_its_trek_is_not_told() -> None:
    """Five days of what?"""
    assert BOOK.tell("Duration: 5 days", None, "es") is None


def test_every_phrase_has_every_variant_but_english() -> None:
    """And every word that may be translated."""
    wanted = set(VARIANTS) - {"en"}
    assert all(set(phrase.say) == wanted for phrase in BOOK.phrases)
    assert all(set(word) == wanted for word in BOOK.words.values())


@pytest.mark.parametrize("variant", ["hi", "hi_latn", "es", "fr"])
def test_what_is_told_means_the_same_figures(variant: Variant) -> None:
    """Price, unit and months are read alike in both languages."""
    told = BOOK.tell(SEASON, "Hampta Pass", variant)
    assert told
    (english,), (other,) = segments_of(SEASON, TrekNames()), segments_of(told, TrekNames())
    figures = [{(f.unit, f.values) for f in one.facts if f.values} for one in (english, other)]
    assert figures[0] == figures[1]
    assert english.months == other.months
