"""Months, weekdays, festivals and relative days by the words customers use for them."""

from functools import cache

from serving.understanding.script import plain
from serving.understanding.wordlists import word_list


@cache
def months() -> dict[str, int]:
    table: dict[int, list[str]] = word_list("dates")["months"]
    return {plain(word): month for month, words in table.items() for word in words}


@cache
def units() -> dict[str, str]:
    table: dict[str, list[str]] = word_list("dates")["units"]
    return {plain(word): unit for unit, words in table.items() for word in words}


@cache
def weekdays() -> dict[str, int]:
    table: dict[int, list[str]] = word_list("dates")["weekdays"]
    return {plain(word): day for day, words in table.items() for word in words}


@cache
def day_words() -> dict[str, int]:
    ahead = {"today": 0, "tomorrow": 1, "day_after": 2}
    table: dict[str, list[str]] = word_list("dates")["day_words"]
    return {plain(word): ahead[name] for name, words in table.items() for word in words}


@cache
def festivals() -> dict[str, dict[str, object]]:
    table: dict[str, dict[str, list[str]]] = word_list("dates")["festivals"]
    return {
        plain(word): dict(festival) for festival in table.values() for word in festival["words"]
    }
