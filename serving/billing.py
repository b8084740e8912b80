"""What a delivered message costs, by the company's rate card. Knows no store.

Meta says in a status how a message is priced; the amount is not said and comes from the card.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from serving.business import Rate, RateCard
from serving.ports import Recipient

NANO = 1_000_000_000
SAVING_FROM = 0.8  # of the month's budget: from here on only what is worth its money

Category = Literal["service", "utility", "marketing"]
BudgetState = Literal["normal", "saving", "spent"]


@dataclass(frozen=True, slots=True)
class Price:
    country: str  # "" where it is not known
    category: Category
    free: bool
    nano_usd: int


def price_of(
    card: RateCard, recipient: Recipient, pricing: Mapping[str, Any], *, template: bool
) -> Price:
    """`pricing` as in the status; without one it is a message that costs what it usually does."""
    country = country_of(card, recipient)
    rate = card.countries.get(country, card.default)
    category = _category(pricing.get("category"), template=template)
    free = str(pricing.get("type", "")).startswith("free_")
    usd = 0.0 if free else _usd(rate, category)
    return Price(country, category, free, round(usd * NANO))


def country_of(card: RateCard, recipient: Recipient) -> str:
    """By the longest calling code of the card; a user without a number carries their country."""
    if recipient.wa_id is None:
        return (recipient.bsuid or "").partition(".")[0]
    codes = {rate.calling_code: name for name, rate in card.countries.items() if rate.calling_code}
    fitting = [code for code in codes if recipient.wa_id.startswith(code)]
    return codes[max(fitting, key=len)] if fitting else ""


def state_of(card: RateCard, spent_nano_usd: int) -> BudgetState:
    budget = card.monthly_budget_usd * NANO
    if spent_nano_usd >= budget:
        return "spent"
    return "saving" if spent_nano_usd >= SAVING_FROM * budget else "normal"


def _category(word: object, *, template: bool) -> Category:
    if word in {"marketing", "marketing_lite"}:
        return "marketing"
    return "utility" if word == "utility" or (word is None and template) else "service"


def _usd(rate: Rate, category: Category) -> float:
    usd: float = getattr(rate, category)
    return usd
