"""Amounts of money in a message, with the currency when one is named."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from serving.types import JsonValue
from serving.understanding.quantities import amount
from serving.understanding.script import Token, digits_to_ascii
from serving.understanding.wordlists import word_list

MIN_BARE = 500  # a smaller number without a currency is people, days or a date
CONTEXT_WORDS = 3
MAX_DIGITS = 7  # longer numbers are telephones
_NUMBER = r"\d{1,3}(?:[,. ’]\d{2,3})*[,. ’]\d{3}(?!\d)|\d+(?:[.,]\d{1,2})?(?!\d)"


@dataclass(frozen=True, slots=True)
class FoundPrice:
    start: int
    end: int
    value: dict[str, JsonValue]


def find(text: str, words: Sequence[Token]) -> list[FoundPrice]:
    """Prices in order of appearance."""
    figures = digits_to_ascii(text).lower()
    return [found for match in _pattern().finditer(figures) for found in _read(match, words)]


def _read(match: re.Match[str], words: Sequence[Token]) -> Iterator[FoundPrice]:
    """One price, or the two of a range such as `15-20k`."""
    scale = _scales().get(match["scale"] or "", 1)
    code = _codes().get(match["before"] or "") or _codes().get(match["after"] or "")
    value = amount(match["number"]) * scale
    named = code is not None
    if not named and scale == 1 and not _is_money(value, match, words):
        return
    if not named and match["scale"] in _WORD_SCALES and value < MIN_BARE:
        return
    if match["low"]:
        low = amount(match["low"]) * (scale if amount(match["low"]) < MIN_BARE else 1)
        end = match.end("low")
        yield FoundPrice(match.start(), end, {"amount": _whole(low), "currency": code})
        yield FoundPrice(match.start("number"), match.end(), _value(value, code))
    else:
        yield FoundPrice(match.start(), match.end(), _value(value, code))


def _value(value: float, code: str | None) -> dict[str, JsonValue]:
    return {"amount": _whole(value), "currency": code}


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 2)


def _is_money(value: float, match: re.Match[str], words: Sequence[Token]) -> bool:
    if value < MIN_BARE or len(re.sub(r"\D", "", match["number"])) > MAX_DIGITS:
        return False
    if re.fullmatch(r"20[2-4]\d", match["number"]):  # a year
        return False
    if re.match(
        r"\s*(?:m|mts?|metres?|meters?|ft|feet|metros|km|kms)\b", match.string[match.end() :]
    ):
        return False
    before = [word.word for word in words if word.end <= match.start()][-CONTEXT_WORDS:]
    after = [word.word for word in words if word.start >= match.end()][:CONTEXT_WORDS]
    return bool(_context() & {*before, *after})


_WORD_SCALES = frozenset({"mil", "mille"})


@cache
def _pattern() -> re.Pattern[str]:
    signs = sorted(_codes(), key=len, reverse=True)
    code = "|".join(
        f"(?<![^\\W\\d]){re.escape(sign)}" if sign[0].isalpha() else re.escape(sign)
        for sign in signs
    )
    code_after = "|".join(
        re.escape(sign) + (r"(?!\w)" if sign[-1].isalpha() else "") for sign in signs
    )
    scale = "|".join(f"{re.escape(word)}(?![\\w\\u0900-\\u0963])" for word in _scales())
    return re.compile(
        rf"(?:(?P<before>{code})\s?)?(?<![\d.,/-])"
        rf"(?:(?P<low>{_NUMBER})(?:\s?(?:{scale}))?\s?(?:-|–|to|se|a|à)\s?)?"
        rf"(?P<number>{_NUMBER})(?:\s?(?P<scale>{scale}))?(?:\s?(?P<after>{code_after}))?(?![\d/-])"
    )


@cache
def _codes() -> dict[str, str]:
    table: dict[str, list[str]] = word_list("prices")["currencies"]
    return {sign: code for code, signs in table.items() for sign in signs}


@cache
def _scales() -> dict[str, int]:
    table: dict[int, list[str]] = word_list("prices")["scales"]
    return {word: scale for scale, words in table.items() for word in words}


@cache
def _context() -> frozenset[str]:
    return frozenset(word_list("prices")["context"])
