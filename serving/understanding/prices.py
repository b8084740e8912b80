"""Amounts of money in a message, with the currency when one is named."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from serving.types import JsonValue
from serving.understanding.quantities import Number, amount, whole
from serving.understanding.script import Token, digits_to_ascii, plain
from serving.understanding.wordlists import word_list

MIN_BARE = 500  # a smaller number without a currency is people, days or a date
MIN_DOUBTFUL = 20  # as `doubtful` of the word list says
CONTEXT_WORDS = 3
LABEL_WORDS = 2
MAX_RANGE = 20  # times its low end
MAX_DIGITS = 7  # longer numbers are telephones
MILLION = 1_000_000
YEARS = range(2015, 2050)
_NUMBER = r"\d{1,3}(?:[,. ’']\d{2,3})*[,. ’']\d{3}(?!\d)|\d+(?:[.,]\d{1,2})?(?!\d)"
_TWO_LETTERS, _ONE_LETTER = "\u091c\u093c", "\u095b"
_OPEN = "\u0900-\u0963"  # Devanagari vowel signs are no word characters to `re`


@dataclass(frozen=True, slots=True)
class FoundPrice:
    start: int
    end: int
    value: dict[str, JsonValue]


def find(text: str, words: Sequence[Token], counts: Mapping[int, Number]) -> list[FoundPrice]:
    """Prices in order of appearance; `counts` are the numbers of the message."""
    return list(_Reader(text, words).read(counts))


class _Reader:
    def __init__(self, text: str, words: Sequence[Token]) -> None:
        self._text = text
        self._folded = digits_to_ascii(text).lower().translate(_unaccented())
        self._words = words
        self._used = 0  # the end of the last price, whose currency is no other's

    def read(self, counts: Mapping[int, Number]) -> Iterator[FoundPrice]:
        found: list[tuple[int, Number | re.Match[str]]] = [
            (self._words[number.first].start, number) for number in counts.values() if number.spelt
        ]
        found += [(match.start(), match) for match in _pattern().finditer(self._folded)]
        for start, one in sorted(found, key=lambda pair: pair[0]):
            if start < self._used:
                continue
            read = self._spelt(one) if isinstance(one, Number) else self._figures(one)
            for price in read:
                self._used = price.end
                yield price

    def _spelt(self, number: Number) -> Iterator[FoundPrice]:
        """`mil doscientos euros`, `साढ़े आठ हज़ार`."""
        start, end = self._words[number.first].start, self._words[number.last].end
        first, before = self._sign_before(start, number.value)
        last, after = self._sign_after(end, number.value)
        if number.value < MIN_DOUBTFUL:  # "1000 rupees, two people"
            first, before = start, None
        code = after or before
        if code is not None or self._is_spelt_money(number, start, end):
            yield FoundPrice(first, last, _value(number.value, code))

    def _figures(self, match: re.Match[str]) -> Iterator[FoundPrice]:
        """One price, or the two of a range such as `15-20k`."""
        scale = _scales().get(match["scale"] or "", 1)
        value = amount(match["number"]) * scale
        low = amount(match["low"] or "0")
        low *= scale if low < MIN_BARE else 1
        ranges = low < value <= low * MAX_RANGE  # unlike "for 5 and 12000 rs"
        first = match.start() if ranges else match.start("number")
        start, before = self._sign_before(first, value)
        end, after = self._sign_after(match.end(), value)
        # "$2,000 MXN" names its dollars or pesos behind the number.
        code = after or before if before == "USD" else before or after
        if self._folded[end : end + 1] in _NOT_BEHIND or self._is_glued(first, before):
            return
        if code is None and not self._is_money(match, value, scale):
            return
        if ranges:
            yield FoundPrice(start, match.end("low"), _value(low, code))
            yield FoundPrice(match.start("number"), end, _value(value, code))
        else:
            yield FoundPrice(start, end, _value(value, code))

    def _is_glued(self, start: int, before: str | None) -> bool:
        """Whether the figures end a word, as in `covid19`, that is no currency."""
        return before is None and start > 0 and self._folded[start - 1].isalpha()

    # ── currencies ───────────────────────────────────────────────────────────────────────────

    def _sign_before(self, start: int, value: float) -> tuple[int, str | None]:
        """Where the sign before a number begins, and its currency."""
        end = start - 1 if self._folded[max(0, start - 1) : start] == " " else start
        for length in _lengths():
            sign = self._folded[end - length : end] if length <= end - self._used else ""
            code = _codes().get(sign)
            if not code or self._splits_word(end - length, sign) or not self._counts(sign, value):
                continue
            if sign == "$":  # "MXN $2,000"
                first, named = self._sign_before(end - length, value)
                return (first, named) if named else (end - length, code)
            return end - length, code
        return start, None

    def _splits_word(self, start: int, sign: str) -> bool:
        return sign[0].isalpha() and start > 0 and self._folded[start - 1].isalpha()

    def _sign_after(self, end: int, value: float) -> tuple[int, str | None]:
        start = end + 1 if self._folded[end : end + 1] == " " else end
        if value >= MILLION and self._folded.startswith("de ", start):
            start += len("de ")
        for length in _lengths():
            sign = self._folded[start : start + length]
            code = _codes().get(sign)
            following = self._folded[start + length : start + length + 1]
            if not code or (sign[-1].isalpha() and following.isalnum()):
                continue
            if self._counts(sign, value):
                behind = start + length
                return behind + 2 * self._folded.startswith("/-", behind), code
        return end, None

    def _counts(self, sign: str, value: float) -> bool:
        return value >= MIN_DOUBTFUL or sign not in _words("doubtful")

    # ── without a currency ───────────────────────────────────────────────────────────────────

    def _is_money(self, match: re.Match[str], value: float, scale: int) -> bool:
        if self._is_measured(match.end()) or self._near(match.start(), "labels", -LABEL_WORDS):
            return False
        if scale > 1:
            long_enough = value >= MIN_BARE or match["scale"] not in _WORD_SCALES
            return long_enough and not self._near(match.end(), "not_scaled", 1)
        if value < MIN_BARE or len(re.sub(r"\D", "", match["number"])) > MAX_DIGITS:
            return False
        if match["number"].isdecimal() and int(value) in YEARS:
            return False
        return self._has_context(match.start(), match.end())

    def _is_spelt_money(self, number: Number, start: int, end: int) -> bool:
        if number.value < MIN_BARE or number.value in YEARS or self._is_measured(end):
            return False
        if self._near(start, "labels", -LABEL_WORDS):
            return False
        parts = [word.word for word in self._words[number.first : number.last + 1]]
        if len(parts) == 1:
            return False
        hindi = not _words("money_scales").isdisjoint(parts)
        return hindi or parts[0].isdecimal() or self._has_context(start, end)

    def _has_context(self, start: int, end: int) -> bool:
        return self._near(start, "context", -CONTEXT_WORDS) or self._near(
            end, "context", CONTEXT_WORDS
        )

    def _is_measured(self, end: int) -> bool:
        """Whether a unit stands right behind: `4270m`, `5 mil metros`."""
        match = _FOLLOWING.match(self._folded, end)
        return match is not None and plain(match[1]) in _words("measures")

    def _near(self, where: int, kind: "_Words", reach: int) -> bool:
        """Whether a listed word is among the next words, or for a negative reach the last."""
        if reach < 0:
            near = [word.word for word in self._words if word.end <= where][reach:]
        else:
            near = [word.word for word in self._words if word.start >= where][:reach]
        return not _words(kind).isdisjoint(near)


_Words = Literal["context", "measures", "labels", "not_scaled", "money_scales", "doubtful"]
_WORD_SCALES = frozenset({"mil", "mille"})
_NOT_BEHIND = frozenset("0123456789/-")
_FOLLOWING = re.compile(rf"\s?([^\W\d_][\w{_OPEN}]*)")


def _value(value: float, code: str | None) -> dict[str, JsonValue]:
    return {"amount": whole(value), "currency": None if code == "?" else code}


@cache
def _pattern() -> re.Pattern[str]:
    scale = "|".join(f"{re.escape(word)}(?![\\w{_OPEN}])" for word in _scales())
    joint = "|".join(word_list("prices")["ranges"])
    return re.compile(
        rf"(?<![\d/-])(?<!\d[.,])"
        rf"(?:(?P<low>{_NUMBER})(?:\s?(?:{scale}))?\s?(?:{joint})\s?)?"
        rf"(?P<number>{_NUMBER})(?:\s?(?P<scale>{scale}))?"
    )


@cache
def _scales() -> dict[str, int]:
    table: dict[int, list[str]] = word_list("quantities")["scales"]
    written = {word: scale for scale, words in table.items() for word in words}
    # One letter or two: keyboards write the Devanagari Z either way.
    return written | {w.replace(_TWO_LETTERS, _ONE_LETTER): scale for w, scale in written.items()}


@cache
def _unaccented() -> dict[int, str]:
    return {ord(char): plain(char) for char in "àáâãäçèéêëìíîïñòóôõöùúûüý"}


@cache
def _codes() -> dict[str, str]:
    table: dict[str, list[str]] = word_list("prices")["currencies"]
    return {sign: code for code, signs in table.items() for sign in signs}


@cache
def _lengths() -> tuple[int, ...]:
    """Of the signs, the longest first."""
    return tuple(sorted({len(sign) for sign in _codes()}, reverse=True))


@cache
def _words(kind: _Words) -> frozenset[str]:
    table: list[str] = word_list("prices")[kind]
    return frozenset(table if kind == "doubtful" else map(plain, table))
