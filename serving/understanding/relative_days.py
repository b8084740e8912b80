"""Days told from today: `tomorrow`, `in three weeks`, `next saturday`, `mes que viene`."""

from collections.abc import Iterator

from serving.understanding import calendar_words
from serving.understanding.calendar_words import words as listed
from serving.understanding.date_words import WEEK, DateWords, FoundDate
from serving.understanding.phrases import starting

LONGEST = 400  # days or so ahead that anybody plans by counting
_DAYS = {"day": 1, "week": WEEK, "fortnight": 2 * WEEK}


def find(words: DateWords) -> Iterator[FoundDate]:
    """The counted ones first: `2 weeks from today` is no today."""
    keys = words.keys
    units, weekdays = calendar_words.units(), calendar_words.weekdays()
    for place, key in enumerate(keys):
        if unit := units.get(key):
            yield from _counted(words, place, unit)
            if unit == "month":
                yield from _month_beside(words, place)
        elif key in weekdays:
            yield from _weekday_beside(words, place)
    yield from _day_words(words)


def _counted(words: DateWords, place: int, unit: str) -> Iterator[FoundDate]:
    """`in 3 days`, `dans quinze jours`, `3 weeks from now`, `aaj se 5 din baad`."""
    count_first = _count_before(words, place)
    if count_first is None:
        return
    count, first = count_first
    start = first
    while words.key(start - 1) in listed("about"):
        start -= 1
    shift = 0
    if length := words.phrase_at(place + 1, "in_after_tomorrow"):
        last, shift = place + length, 1
    elif length := words.phrase_at(place + 1, "in_after"):
        last = place + length
    elif length := words.phrase_before(start, "in_before"):
        start, last = start - length, place
        if _is_duration(words, start, place):
            return
    else:
        return  # "5 days" is a duration
    start -= words.phrase_before(start, "counted_from")
    if words.is_past(start) or not 0 < count <= LONGEST:
        return
    value = words.month_on(count) if unit == "month" else words.day_on(count * _DAYS[unit] + shift)
    yield words.found(start, last, value)


def _count_before(words: DateWords, place: int) -> tuple[int, int] | None:
    """How many of the unit, and the place of the first word that says so."""
    if number := words.by_last.get(place - 1):
        return (int(number.value), number.first) if number.value % 1 == 0 else None
    before = words.key(place - 1)
    if before == "de" and (number := words.by_last.get(place - 2)):  # "une quinzaine de jours"
        return int(number.value), number.first
    if before in ("of", "de") and words.key(place - 2) in ("couple", "par"):
        return 2, place - 2 - (words.key(place - 3) in ("a", "un"))
    if before == "a":  # "in a week"
        return 1, place - 1
    return (1, place) if words.key(place + 1) == "bhar" else None


def _is_duration(words: DateWords, start: int, place: int) -> bool:
    """French "en 5 jours", "done in 5 days", "after 5 days of walking"."""
    if words.keys[start] == "en" and words.keys[place] in listed("lasting_units"):
        return True
    return words.key(start - 1) in listed("takes") or words.key(place + 1) in ("of", "de")


def _month_beside(words: DateWords, place: int) -> Iterator[FoundDate]:
    """`next month`, `mois prochain`, `15 del mes que viene`, `agle mahine ki 15 ko`."""
    before, after = words.key(place - 1), words.key(place + 1)
    if before in listed("next"):
        first, last, ahead = place - 1, place, 1
    elif after in listed("next"):
        last = place + 2 if words.key(place + 2) == "viene" else place + 1
        first, ahead = place, 1
    elif before in listed("this") and not _is_english_is(words, place):
        first, last, ahead = place - 1, place, 0
    else:
        yield from _month_end(words, place)
        return
    year, month = map(int, words.month_on(ahead).split("-"))
    for day_at in _days_beside(words, first, last):
        noun = words.key(day_at + 1) in listed("day_nouns")
        span = min(first, day_at), max(last, day_at + noun)
        bounds = words.words[span[0]].start, words.words[span[1]].end
        if found := words.dated(bounds, words.day(day_at) or 0, month, year):
            yield found
            return
    yield words.found(first, last, words.month_on(ahead))


def _days_beside(words: DateWords, first: int, last: int) -> Iterator[int]:
    """Where a day of the month named by these words stands."""
    before = first - 1
    while words.key(before) in listed("of") or words.key(before) in listed("article_before"):
        before -= 1
    if before < first - 1 and words.day(before) is not None:
        yield before
    after = last + 1
    after += words.key(after) in listed("month_of")
    behind = words.key(after + 1)
    if words.day(after) is not None and (behind in listed("ko") or behind in listed("day_nouns")):
        yield after


def _month_end(words: DateWords, place: int) -> Iterator[FoundDate]:
    for first in range(max(0, place - 3), place + 1):
        if (length := words.phrase_at(first, "month_ends")) and first + length > place:
            yield words.found(first, first + length - 1, words.month_on(0))
            return


def _weekday_beside(words: DateWords, place: int) -> Iterator[FoundDate]:
    """`next saturday`, `samedi prochain`; a weekday alone is no date."""
    before, after = words.key(place - 1), words.key(place + 1)
    this = before in listed("this") and not _is_english_is(words, place)
    if this or before in listed("next"):
        first, last = place - 1, place
    elif after in listed("next"):
        first, last = place, place + 1 + (words.key(place + 2) == "viene")
    else:
        return
    weekday = calendar_words.weekdays()[words.keys[place]]
    ahead = (weekday - words.today.weekday() - 1) % WEEK + 1
    yield words.found(first, last, words.day_on(ahead))


def _is_english_is(words: DateWords, place: int) -> bool:
    """`is Sunday fine?`, unlike Hindi `is sunday ko`."""
    if not words.keys[place].endswith(("day", "month")):
        return False
    following = words.key(place + 1)
    hindi = following in listed("ko") or following in listed("month_after")
    return words.key(place - 1) == "is" and not hindi


def _day_words(words: DateWords) -> Iterator[FoundDate]:
    table = calendar_words.day_words()
    place = 0
    while place < len(words.keys):
        step = 1
        if words.keys[place] in table and (match := starting(words.keys, place, table)):
            step, ahead = match
            if other := words.phrase_at(place, "not_days"):
                step = other
            elif not words.is_past(place) and not _is_other_word(words, place, step):
                yield words.found(place, place + step - 1, words.day_on(ahead))
        place += step


def _is_other_word(words: DateWords, place: int, length: int) -> bool:
    """Spanish `la mañana` is the morning; "the day after the trek" is no day of the calendar."""
    before = words.key(place - 1)
    if words.keys[place] == "manana":
        return before in ("la", "de", "esta", "cada")
    return words.keys[place] == "day" and length == len(("day", "after")) and before == "the"
