"""Reading numbers, prices, dates and months in the spellings of four languages."""

import pytest

from serving.facts import facts_of, months_of


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("₹12,500", 12500, "inr"),
        ("12500 rupees", 12500, "inr"),
        ("₹12.5k", 12500, "inr"),
        ("Rs. 12,500", 12500, "inr"),
        ("१२,५०० रुपये", 12500, "inr"),
        ("12.500 rupias", 12500, "inr"),
        ("12 500 roupies", 12500, "inr"),
        ("1,05,000 INR", 105000, "inr"),
        ("USD 135", 135, "usd"),
        ("4,270 m", 4270, "m"),
        ("4270 metres", 4270, "m"),
        ("4.270 metros", 4270, "m"),
        ("5 días", 5, "day"),
        ("a five-day trek", 5, "day"),
        ("पाँच दिन", 5, "day"),
        ("50%", 50, "pct"),
        ("1.2 lakh", 120000, None),
        ("price_inr: 11,500", 11500, "inr"),
    ],
)
def test_spellings_of_one_number_are_one_fact(text: str, value: float, unit: str | None) -> None:
    """However it is written, the value and unit are the same."""
    (fact,) = facts_of(text)
    assert value in fact.values
    assert fact.unit == unit


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("18 September 2027", (2027, 9, 18)),
        ("September 18th, 2027", (2027, 9, 18)),
        ("2027-09-18", (2027, 9, 18)),
        ("18/09/2027", (2027, 9, 18)),
        ("18 de septiembre de 2027", (2027, 9, 18)),
        ("18 septembre", (None, 9, 18)),
        ("18 सितंबर", (None, 9, 18)),
        ("September 2027", (2027, 9, None)),
    ],
)
def test_spellings_of_one_day_are_one_fact(
    text: str, day: tuple[int | None, int, int | None]
) -> None:
    """The digits of a date are not read as numbers again."""
    assert [fact.day for fact in facts_of(text)] == [day]


def test_a_range_of_months_holds_those_between() -> None:
    """June to October includes August; the year's end is no border."""
    assert months_of("best from June to October") == {6, 7, 8, 9, 10}
    assert months_of("November to February") == {11, 12, 1, 2}


def test_words_that_look_like_months_are_left_alone() -> None:
    """English may and march are months only when written as names."""
    assert months_of("you may march on") == frozenset()


def test_a_unit_is_a_word_of_its_own() -> None:
    """The end of "vers" is not rupees; the hour after it is."""
    (fact,) = facts_of("arrivée vers 16 h")
    assert (fact.values, fact.unit) == (frozenset({16.0}), "hour")


def test_a_deposit_is_not_a_price() -> None:
    """The clause around an amount says what it is."""
    first, second = (f for f in facts_of("It costs ₹11,500, with a deposit of ₹3,000") if f.unit)
    assert (first.role, second.role) == (None, "deposit")
