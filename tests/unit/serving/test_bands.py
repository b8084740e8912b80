"""A rule for other days is no answer."""

import pytest

from serving.bands import bands, days_named, outside

INF = float("inf")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("If you cancel 15 to 29 days before departure, you get back 50%.", ((15, 29),)),
        ("You cancel: 30 days or more before; Refund in money: 90%", ((30, INF),)),
        ("7 days or fewer before: no refund", ((0, 7),)),
        ("Between 20 and 10 days before it costs ₹1,000.", ((10, 20),)),
        ("Entre 15 y 29 días antes, el 50%.", ((15, 29),)),
        ("30 días o más antes", ((30, INF),)),
        ("De 8 à 14 jours avant", ((8, 14),)),
        ("7 jours ou moins avant", ((0, 7),)),
        ("15 से 29 दिन पहले रद्द करने पर", ((15, 29),)),
        ("30 दिन या उससे पहले", ((30, INF),)),
        ("7 दिन या उससे कम पहले", ((0, 7),)),
        ("Refunds are paid within 7 working days.", ()),
    ],
)
def test_a_rule_names_its_days(sentence: str, expected: object) -> None:
    """Ranges with two ends or one, in four languages; a duration is no range."""
    assert bands(sentence) == expected


def test_the_tenth_day_is_not_in_the_band_of_the_fifteenth() -> None:
    """Weeks count as days; a question without a number leaves every rule in."""
    rule = "15 to 29 days before: 50%"
    assert outside(rule, days_named("Can I cancel ten days before departure?"))
    assert not outside(rule, days_named("what if I cancel three weeks before"))
    assert not outside(rule, days_named("what if I cancel?"))
