"""Orders hidden in documents: a page informs, it never tells an assistant what to do.

A passage that does was tampered with, in this line or in others that look innocent, so all of it is
left out. Patterns are data (orders.yaml). Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import yaml

from serving.sentences import normalise
from serving.types import Passage

ORDERS_FILE = Path(__file__).with_name("orders.yaml")


@dataclass(frozen=True, slots=True)
class Order:
    name: str
    find: re.Pattern[str]
    unless: re.Pattern[str] | None


@cache
def orders() -> tuple[Order, ...]:
    rows = yaml.safe_load(ORDERS_FILE.read_text(encoding="utf-8"))
    return tuple(
        Order(
            row["order"],
            _pattern(row["find"]),
            _pattern([row["unless"]]) if "unless" in row else None,
        )
        for row in rows
    )


def _pattern(alternatives: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{normalise(one)})" for one in alternatives), re.IGNORECASE)


def order_in(passage: Passage) -> str | None:
    """The kind of order that the passage or its title gives; None: it only informs."""
    return _order(f"{passage.title}\n{passage.text}")


@lru_cache(maxsize=4_096)
def _order(text: str) -> str | None:
    for line in normalise(text).splitlines():
        for order in orders():
            if order.find.search(line) and not (order.unless and order.unless.search(line)):
                return order.name
    return None
