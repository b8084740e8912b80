"""Bands of days in a rule: "15 to 29 days before" says nothing about the tenth day. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from math import inf

from serving.facts import facts_of
from serving.sentences import normalise

_DAY = r"(?:days?|días?|jours?|दिन(?:ों)?|din)"
_A, _B = r"(?P<a>\d{1,3})", r"(?P<b>\d{1,3})"
_FROM_TO = re.compile(
    rf"{_A}\s?(?:{_DAY}\s)?(?:-|–|to|and|until|a|y|hasta|à|et|jusqu'à|से|se)\s?{_B}\s?{_DAY}",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(
    rf"{_A}\s{_DAY}\s(?:or|and|o|y|ou|et|या|ya)\s(?:उससे |us se |usse )?"
    rf"(?:more|longer|earlier|más|antes|plus|davantage|पहले|ज़्यादा|ज्यादा|अधिक|pehle|zyada)"
    rf"|(?:more than|at least|over|más de|al menos|plus de|au moins|कम से कम|kam se kam)\s"
    rf"(?P<a2>\d{{1,3}})\s{_DAY}"
    rf"|(?:until|till|up to|hasta|jusqu'à)\s(?P<a3>\d{{1,3}})\s{_DAY}\s(?:before|antes|avant)"
    rf"|(?P<a4>\d{{1,3}})\s{_DAY}\s(?:पहले तक|pehle tak)",
    re.IGNORECASE,
)
_AT_MOST = re.compile(
    rf"{_A}\s{_DAY}\s(?:or|o|ou|या|ya)\s(?:उससे |us se |usse )?"
    rf"(?:fewer|less|later|menos|moins|कम|kam)"
    rf"|(?:less than|fewer than|within|menos de|moins de)\s(?P<a2>\d{{1,3}})\s{_DAY}",
    re.IGNORECASE,
)
_WEEK, _MONTH = 7, 30
_LENGTHS = {"day": 1, "week": _WEEK, "month": _MONTH}
Band = tuple[float, float]


def days_named(question: str) -> frozenset[float]:
    """The numbers of days that a question names, weeks and months as days."""
    return frozenset(
        value * _LENGTHS[fact.unit]
        for fact in facts_of(question)
        if fact.unit in _LENGTHS
        for value in fact.values
    )


@lru_cache(maxsize=8_192)
def bands(sentence: str) -> tuple[Band, ...]:
    """The ranges of days that a sentence's rule is for; none: it is for any."""
    return tuple(_bands(normalise(sentence)))


def _bands(text: str) -> Iterator[Band]:
    for found in _FROM_TO.finditer(text):
        first, last = sorted((int(found["a"]), int(found["b"])))
        yield first, last
    for found in _AT_LEAST.finditer(text):
        yield int(next(one for one in found.groups() if one)), inf
    for found in _AT_MOST.finditer(text):
        yield 0, int(next(one for one in found.groups() if one))


def outside(sentence: str, days: frozenset[float]) -> bool:
    """Whether a sentence's bands leave out all of these days."""
    ranges = bands(sentence)
    return bool(days and ranges) and not any(
        low <= day <= high for low, high in ranges for day in days
    )
