"""Numbers in a message, in figures or words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from serving.understanding.script import Token, digits_to_ascii, plain
from serving.understanding.wordlists import word_list

_SEPARATED = re.compile(r"\d{1,3}(?:[,. ’']\d{2,3})*[,. ’']\d{3}(?!\d)")
HUNDRED = 100
TEN = 10
FOUR, TWENTY = 4, 20
MAX_DIGITS = 9  # longer figures are telephones


@dataclass(frozen=True, slots=True)
class Number:
    """A number of one or more words: `4`, `twelve`, `mil doscientos`, `साढ़े आठ हज़ार`."""

    first: int  # word positions
    last: int
    value: float
    spelt: bool  # more than a figure and what it is multiplied by


def small_number(word: str) -> int | None:
    """A count written in figures or as a word of any of the languages; `word` is plain."""
    if word.isdecimal():
        return int(digits_to_ascii(word)) if len(word) <= MAX_DIGITS else None
    unit = _by_word("numbers").get(word)
    return None if unit is None else int(unit)


def amount(written: str) -> float:
    """`15,000`, `15.000`, `15 000`, `1,50,000`, `1.5`: a number with whatever separators it has."""
    figures = digits_to_ascii(written).strip()
    if _SEPARATED.fullmatch(figures):
        return float(re.sub(r"\D", "", figures))
    return float(figures.replace(" ", "").replace(",", "."))


def numbers(text: str, words: Sequence[Token]) -> dict[int, Number]:
    """Every number in figures or words, the longest that can be read, by its first word."""
    found: dict[int, Number] = {}
    vocabulary = _vocabulary()
    place = 0
    while place < len(words):
        word = words[place].word
        if word not in vocabulary and not word.isdecimal():
            place += 1
            continue
        number = _Sum(text, words, place).read()
        if number:
            found[place] = number
        place = number.last + 1 if number else place + 1
    return found


class _Sum:
    """Adds up the words of one number from its first."""

    def __init__(self, text: str, words: Sequence[Token], place: int) -> None:
        self._text = text
        self._words = words
        self._first = place
        self._total = 0.0  # what a scale has closed: the 2000 of `two thousand five`
        self._current: float | None = None  # under a thousand, still open
        self._added = 0.0  # by a Hindi "saadhe" before it
        self._scale = float("inf")
        self._scales = 0
        self._spelt = False
        self._figure = False  # what is open is in figures: "500 two" are two numbers

    def read(self) -> Number | None:
        last = self._first - 1
        place = self._first
        while place < len(self._words) and (place == self._first or self._touches(place)):
            word = self._words[place].word
            if word in _joints() and last == place - 1 and self._joins(place):
                place += 1
                continue
            if not self._take(word):
                break
            last = place
            place += 1
        if last < self._first or (self._current is None and not self._scales):
            return None
        value = self._total + (self._current or 0) + (0 if self._scales else self._added)
        spelt = self._spelt or self._scales > 1 or bool(self._total and self._current)
        return Number(self._first, last, value, spelt)

    def _take(self, word: str) -> bool:
        if (unit := small_number(word)) is not None:
            figure = word.isdecimal()
            if not self._fits(unit, figure=figure):
                return False
            self._current = (self._current or 0) + self._worth(unit)
            self._figure = figure
            self._spelt = self._spelt or not figure
        elif many := _multiples().get(word):
            most = HUNDRED if many == HUNDRED else TEN  # "fifteen hundred"
            if self._current is not None and not 0 < self._current < most:
                return False
            self._current = ((self._current or 1) + self._added) * many
            self._added, self._spelt = 0.0, True
        elif scale := _by_word("scales").get(word):
            return self._multiply(scale, named=len(word) > 1)
        elif (half := _by_word("whole_and_half").get(word)) and self._current is None:
            self._current, self._spelt = half, True
        elif (part := _by_word("added").get(word)) and self._current is None and not self._added:
            self._added, self._spelt = part, True
        else:
            return False
        return True

    def _multiply(self, scale: float, *, named: bool) -> bool:
        """By a scale, which alone is one of itself: `mil euros`, but not the "k" of `5 k`."""
        alone = self._current is None
        if scale >= self._scale or (alone and (self._total or not named)):
            return False
        self._spelt = self._spelt or alone
        count = self._current if self._current is not None else 1
        self._total += (count + self._added) * scale
        self._current, self._added, self._scale = None, 0.0, scale
        self._scales += 1
        return True

    def _fits(self, unit: float, *, figure: bool) -> bool:
        """Whether the unit can follow what is open: `twenty two`, not `two three`."""
        if self._current is None or unit >= self._scale:
            return unit < self._scale
        if figure or self._figure:
            return False
        if self._current % HUNDRED == 0 and self._current:
            return unit < HUNDRED
        tens = self._current % HUNDRED
        if tens in (60, 80):  # French `soixante-dix`, `quatre-vingt-onze`
            return 0 < unit < TWENTY
        if tens == FOUR and unit == TWENTY:
            return True
        return tens >= TWENTY and tens % TEN == 0 and 0 < unit < TEN

    def _worth(self, unit: int) -> int:
        """`quatre-vingts` is four twenties."""
        four = (self._current or 0) % HUNDRED == FOUR
        return FOUR * TWENTY - FOUR if four and unit == TWENTY else unit

    def _joins(self, place: int) -> bool:
        """Whether "and" stands inside the number: `cent et un`, `treinta y uno`."""
        following = self._words[place + 1].word if place + 1 < len(self._words) else ""
        unit = _by_word("numbers").get(following)
        return unit is not None and self._touches(place + 1) and self._is_open_for(unit)

    def _is_open_for(self, unit: float) -> bool:
        current = self._current or 0
        return current >= TWENTY and current == int(current) and self._fits(unit, figure=False)

    def _touches(self, place: int) -> bool:
        gap = self._text[self._words[place - 1].end : self._words[place].start]
        return gap in (" ", "-", "  ")


def count(number: Number) -> int | None:
    """The number if it is a whole one."""
    return int(number.value) if number.value == int(number.value) else None


def whole(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 2)


@cache
def _multiples() -> dict[str, float]:
    hundreds: dict[str, float] = {
        plain(word): HUNDRED for word in word_list("quantities")["hundreds"]
    }
    return hundreds | _by_word("collectives")


@cache
def _joints() -> frozenset[str]:
    return frozenset(map(plain, word_list("quantities")["joined_by"]))


@cache
def _vocabulary() -> frozenset[str]:
    lists = ("numbers", "scales", "whole_and_half", "added")
    return frozenset(_multiples()).union(*map(_by_word, lists))


@cache
def _by_word(name: str) -> dict[str, float]:
    """A list of values and the words for each, the other way round."""
    table: dict[float, list[str]] = word_list("quantities")[name]
    return {plain(word): value for value, words in table.items() for word in words}
