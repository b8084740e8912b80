"""Table rows as sentences: "trek: X; season: June; price_inr: 11,500" is no answer to a customer.

The index keeps a row as its column names and values; this says the same in words, every number
unchanged, so that a model and a customer can read it. Pure.
"""

import re
from collections.abc import Mapping
from datetime import date

from serving.sentences import sentences

PAIR = re.compile(r"(?:^|;\s)([a-z][a-z_]{1,30}):\s")
MIN_PAIRS = 3


def readable(text: str) -> list[str] | None:
    """The row's sentences; None when the text is not a row."""
    cells = _cells(text)
    if set(cells) == {"question", "answer"}:
        return [*sentences(cells["question"]), *sentences(cells["answer"])]
    if len(cells) < MIN_PAIRS:
        return None
    if "departure_date" in cells and "trek" in cells:
        return [_departure(cells)]
    if "price_inr" in cells and "trek" in cells:
        return _price(cells)
    said = {name: value for name, value in cells.items() if name not in ("valid_from", "valid_to")}
    return ["; ".join(f"{_words(name)}: {value}" for name, value in said.items())]


def _cells(text: str) -> dict[str, str]:
    marks = list(PAIR.finditer(text))
    if not marks or marks[0].start() != 0:
        return {}
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return {
        mark[1]: text[mark.end() : end].strip().rstrip(";")
        for mark, end in zip(marks, ends, strict=True)
    }


def _departure(cells: Mapping[str, str]) -> str:
    seats = ""
    if "seats_left" in cells and "seats_total" in cells:
        seats = f", {cells['seats_left']} of {cells['seats_total']} seats left"
    until = f" and ends on {_day(cells['end_date'])}" if "end_date" in cells else ""
    status = f" ({cells['status']})" if "status" in cells else ""
    price = f", {_amount(cells)} per person" if "price_inr" in cells else ""
    start = _day(cells["departure_date"])
    return f"{cells['trek']} departs on {start}{until}{seats}{status}{price}."


def _price(cells: Mapping[str, str]) -> list[str]:
    trek = cells["trek"]
    season = f" in {cells['season']}" if "season" in cells else ""
    said = [f"The {trek} trek costs {_amount(cells)} per person{season}."]
    if "includes" in cells:
        said.append(f"The {trek} price includes: {cells['includes']}.")
    if "deposit_inr" in cells:
        said.append(f"The {trek} deposit is ₹{cells['deposit_inr']} per person.")
    if "days" in cells:
        said.append(f"The {trek} trek takes {cells['days']} days.")
    return said


def _amount(cells: Mapping[str, str]) -> str:
    dollars = f" (USD {cells['price_usd']})" if "price_usd" in cells else ""
    return f"₹{cells['price_inr']}{dollars}"


def _day(iso: str) -> str:
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{day.day} {day:%B} {day.year}"


def _words(name: str) -> str:
    return name.replace("_inr", " INR").replace("_", " ").strip()
