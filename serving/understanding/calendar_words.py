"""Months, weekdays, festivals and relative days by the words customers use for them."""

from functools import cache, lru_cache
from typing import Literal

from rapidfuzz import fuzz, process

from serving.understanding.phrases import Phrases, table
from serving.understanding.script import plain, skeleton
from serving.understanding.wordlists import word_list

MIN_LETTERS = 6  # of a month's name whose misspellings are looked for; shorter ones are listed
MIN_SOUND = 4
MIN_WRITTEN = 4
MIN_ALIKE = 80.0
KNOWN_WORDS = 4096  # whose likeness to a month is remembered

Listed = Literal[
    "month_before", "month_after", "before_mai", "doubtful", "range_words", "past", "past_before",
    "past_after", "about", "takes", "lasting_units", "next", "this", "day_nouns",
    "not_after_ordinal", "article_before", "ko", "of", "month_of", "bare_ordinals",
    "parts_of_month", "future", "day_parts", "years", "past_years", "next_years", "booked",
    "greets_before", "greets_after",
]  # fmt: skip
ListedPhrases = Literal[
    "in_before", "in_after", "in_after_tomorrow", "counted_from", "month_ends", "not_days", "did",
    "did_after",
]  # fmt: skip


@cache
def words(kind: Listed) -> frozenset[str]:
    return frozenset(map(plain, word_list("dates")[kind]))


@cache
def phrases(kind: ListedPhrases, *, by_last: bool = False) -> Phrases[bool]:
    return table(((phrase, True) for phrase in word_list("dates")[kind]), by_last=by_last)


@cache
def months() -> dict[str, int]:
    listed: dict[int, list[str]] = word_list("dates")["months"]
    return {plain(word): month for month, words in listed.items() for word in words}


@lru_cache(KNOWN_WORDS)
def month_like(word: str) -> int | None:
    """The month that a word misspells: `dismbr`, `octuvre`. For words beside a day only."""
    if len(word) < MIN_WRITTEN or not word[0].isalpha():
        return None
    if month := _sounds().get(skeleton(word)):
        return month
    names = [name for name in months() if len(name) >= MIN_LETTERS and name[0] == word[0]]
    best = process.extractOne(word, names, scorer=fuzz.ratio, score_cutoff=MIN_ALIKE)
    return months()[best[0]] if best else None


@cache
def _sounds() -> dict[str, int]:
    """Months by the sound of their names, where that is long enough to tell them from others."""
    sounds = {skeleton(name): month for name, month in months().items() if name.isascii()}
    return {sound: month for sound, month in sounds.items() if len(sound) >= MIN_SOUND}


@cache
def future_endings() -> tuple[str, ...]:
    return tuple(map(plain, word_list("dates")["future_endings"]))


@cache
def ordinals() -> dict[str, int]:
    listed: dict[int, list[str]] = word_list("dates")["ordinals"]
    return {plain(word): day for day, words in listed.items() for word in words}


@cache
def units() -> dict[str, str]:
    listed: dict[str, list[str]] = word_list("dates")["units"]
    return {plain(word): unit for unit, words in listed.items() for word in words}


@cache
def weekdays() -> dict[str, int]:
    listed: dict[int, list[str]] = word_list("dates")["weekdays"]
    return {plain(word): day for day, words in listed.items() for word in words}


@cache
def day_words() -> Phrases[int]:
    ahead = {"today": 0, "tomorrow": 1, "day_after": 2}
    listed: dict[str, list[str]] = word_list("dates")["day_words"]
    return table((word, ahead[name]) for name, words in listed.items() for word in words)


@cache
def festivals() -> Phrases[dict[str, object]]:
    listed: dict[str, dict[str, list[str]]] = word_list("dates")["festivals"]
    return table((word, dict(one)) for one in listed.values() for word in one["words"])


@cache
def counted() -> frozenset[str]:
    """What a number counts that is no day of a month: `October 4 people`."""
    groups = word_list("groups")
    return (frozenset(map(plain, groups["people"])) | frozenset(units())) - months().keys()
