"""What a message costs: by country, category and what Meta says is free."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.billing import NANO, country_of, price_of, state_of
from serving.business import load_business
from serving.ports import Recipient

CARD = load_business(Path(__file__).parents[3] / "corpus" / "business.yaml").rate_card
REGULAR = {"type": "regular", "category": "service"}


@pytest.mark.parametrize(
    ("recipient", "country"),
    [
        (Recipient("919812345678", None), "IN"),
        (Recipient("9779812345678", None), "NP"),  # longer than India's 91, shorter than 9779
        (Recipient("15550100123", "FR.1"), "US"),  # a number tells more than an id
        (Recipient(None, "FR.90000000000000000077"), "FR"),
        (Recipient("81312345678", None), ""),
    ],
)
def test_the_country_is_the_numbers(recipient: Recipient, country: str) -> None:
    """The longest calling code of the card decides; a username carries its country."""
    assert country_of(CARD, recipient) == country


def test_the_rate_is_the_countrys_and_the_categorys() -> None:
    """Where the card has no country its default applies; what Meta gives away costs nothing."""
    india = Recipient("919812345678", None)
    assert price_of(CARD, india, REGULAR, template=False).nano_usd == 1_400_000
    marketing = {"type": "regular", "category": "marketing"}
    assert price_of(CARD, india, marketing, template=True).nano_usd == 11_800_000
    free = {"type": "free_customer_service", "category": "service"}
    assert price_of(CARD, india, free, template=False).nano_usd == 0
    japan = Recipient("81312345678", None)
    assert price_of(CARD, japan, REGULAR, template=False).nano_usd == 7_700_000
    assert price_of(CARD, japan, {}, template=True).category == "utility"


@given(st.integers(min_value=0, max_value=2 * 10**11), st.integers(min_value=0, max_value=10**9))
def test_the_budget_only_ever_gets_tighter(spent: int, more: int) -> None:
    """Spending never loosens it, and it saves before it stops."""
    order = ["normal", "saving", "spent"]
    before, after = state_of(CARD, spent), state_of(CARD, spent + more)
    assert order.index(before) <= order.index(after)
    assert state_of(CARD, int(CARD.monthly_budget_usd * NANO) - 1) == "saving"


@given(
    st.dictionaries(st.sampled_from(["type", "category"]), st.none() | st.integers() | st.text())
)
def test_any_pricing_has_a_price(pricing: dict[str, object]) -> None:
    """Meta adds words without notice."""
    price = price_of(CARD, Recipient("919812345678", None), pricing, template=False)
    assert price.nano_usd >= 0
