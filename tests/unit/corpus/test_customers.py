"""The seeded customers fit the price lists and departures that the documents show."""

import datetime as dt
import re
from typing import Any

Rows = list[dict[str, str]]
Customers = list[dict[str, Any]]

REFERENCE_DAY = dt.date(2026, 11, 23)
NEW_LIST_FROM = dt.date(2026, 4, 1)
GROUP_DISCOUNTS = ((12, 12), (8, 8), (5, 5), (1, 0))  # people in one booking, percent off
OPEN = {"confirmed", "pending_payment"}


def bookings(customers: Customers) -> list[dict[str, Any]]:
    return [booking for customer in customers for booking in customer["bookings"]]


def departure(booking: dict[str, Any]) -> dt.date:
    return dt.date.fromisoformat(booking["departure_date"])


def price_on(rows: Rows, trek: str, day: dt.date) -> int:
    found = [r for r in rows if r["trek"] == trek and day.strftime("%B") in r["season"]]
    assert len(found) == 1, f"{trek} on {day}"
    return int(found[0]["price_inr"])


def test_customers_can_be_told_apart(customers: Customers) -> None:
    """Identifiers are unique and well formed, and one customer has a user name and no number."""
    assert len(customers) >= 12
    for key in ("customer_id", "wa_id", "bsuid", "name"):
        values = [customer[key] for customer in customers if customer[key] is not None]
        assert len(values) == len(set(values)), key
    for customer in customers:
        assert customer["wa_id"] is None or re.fullmatch(r"1555010\d{4}", customer["wa_id"])
        assert re.fullmatch(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}", customer["bsuid"])
        assert customer["wa_id"] or customer["username"]
        assert dt.date.fromisoformat(customer["joined"]) <= REFERENCE_DAY
    assert any(customer["wa_id"] is None for customer in customers)
    assert {customer["language"] for customer in customers} == {"en", "hi", "hi_latn", "es", "fr"}


def test_amounts_follow_the_list_of_the_departure_day(
    customers: Customers, price_rows: Rows, old_price_rows: Rows
) -> None:
    """A booking costs seats times the season's price, less the group discount."""
    for booking in bookings(customers):
        day, seats = departure(booking), booking["seats"]
        rows = price_rows if day >= NEW_LIST_FROM else old_price_rows
        percent = next(off for people, off in GROUP_DISCOUNTS if seats >= people)
        full = price_on(rows, booking["trek"], day) * seats
        assert booking["amount_inr"] * 100 == full * (100 - percent), booking["reference"]


def test_open_bookings_have_a_departure_and_closed_ones_are_past(
    customers: Customers, departure_rows: Rows
) -> None:
    """What is still to come is on the departure tables; what is completed lies behind us."""
    listed = {(row["trek"], row["departure_date"]) for row in departure_rows}
    for booking in bookings(customers):
        if booking["status"] in OPEN:
            assert (booking["trek"], booking["departure_date"]) in listed, booking["reference"]
        else:
            assert departure(booking) < REFERENCE_DAY, booking["reference"]


def test_payments_follow_the_deposit_rule(customers: Customers, price_rows: Rows) -> None:
    """Confirmed bookings have at least the deposit, completed ones everything, nobody paid more."""
    deposits = {row["trek"]: int(row["deposit_inr"]) for row in price_rows}
    for booking in bookings(customers):
        paid, amount = booking["paid_inr"], booking["amount_inr"]
        assert 0 <= booking["refunded_inr"] <= paid <= amount, booking["reference"]
        match booking["status"]:
            case "completed":
                assert paid == amount, booking["reference"]
            case "confirmed":
                assert paid >= deposits[booking["trek"]] * booking["seats"], booking["reference"]
            case "pending_payment":
                assert paid == 0, booking["reference"]
            case status:
                assert status == "cancelled", booking["reference"]
    references = [booking["reference"] for booking in bookings(customers)]
    assert len(references) == len(set(references))
