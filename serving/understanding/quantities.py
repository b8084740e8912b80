"""Numbers in a message, in figures or words."""

import re
from functools import cache

from serving.understanding.script import digits_to_ascii, plain
from serving.understanding.wordlists import word_list

_SEPARATED = re.compile(r"\d{1,3}(?:[,. ’]\d{2,3})*[,. ’]\d{3}(?!\d)")


@cache
def number_words() -> dict[str, int]:
    table: dict[int, list[str]] = word_list("quantities")["numbers"]
    return {plain(word): value for value, words in table.items() for word in words}


def small_number(word: str) -> int | None:
    """A count written in figures or as a word of any of the languages."""
    ascii_word = digits_to_ascii(word)
    return int(ascii_word) if ascii_word.isdecimal() else number_words().get(plain(word))


def amount(written: str) -> float:
    """`15,000`, `15.000`, `15 000`, `1,50,000`, `1.5`: a number with whatever separators it has."""
    figures = digits_to_ascii(written).strip()
    if _SEPARATED.fullmatch(figures):
        return float(re.sub(r"\D", "", figures))
    return float(figures.replace(" ", "").replace(",", "."))
