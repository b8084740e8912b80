"""Dates and months in a message, resolved against its own timestamp.

The next future occurrence, day before month. Weekdays alone, seasons, durations and the past are
no dates.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from serving.understanding import calendar_words
from serving.understanding.quantities import small_number
from serving.understanding.script import Token, digits_to_ascii
from serving.understanding.wordlists import word_list

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_NUMERIC = re.compile(
    r"(?<![\d/.,₹$€£-])(\d{1,2})([/.-])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\d/]|[.,-]\d|\s*(?:%|k\b|€|rs))",
    re.IGNORECASE,
)
_NO_DATES = frozenset({"24/7", "1/2", "1/3", "1/4", "3/4", "50/50", "9/11"})
_DAY = re.compile(r"(\d{1,2})(st|nd|rd|th|er|eme|e|o)?")
_YEAR = re.compile(r"(?:20)(\d{2})")
_GLUED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?([^\W\d]{3,})")
MONTHS = 12
LAST_DAY = 31
DASHES = ("-", "–", "—")
NEAR = 4  # words within which "ago" or "tha" puts a day into the past


@dataclass(frozen=True, slots=True)
class FoundDate:
    start: int  # code points
    end: int
    value: str  # ISO date, or YYYY-MM


def find(text: str, words: Sequence[Token], today: date) -> list[FoundDate]:
    """Dates in order of appearance, none overlapping; the earlier rule wins."""
    reader = _Reader(text, words, today)
    rules: tuple[Callable[[], Iterator[FoundDate]], ...] = (
        reader.numeric,
        reader.days_of_months,
        reader.relative,
        reader.months,
        reader.festivals,
        reader.days_alone,
    )
    chosen: list[FoundDate] = []
    for rule in rules:
        for found in rule():
            if all(found.end <= one.start or one.end <= found.start for one in chosen):
                chosen.append(found)
    return sorted(chosen, key=lambda found: found.start)


class _Reader:
    def __init__(self, text: str, words: Sequence[Token], today: date) -> None:
        self._ascii = digits_to_ascii(text)
        self._words = words
        self._keys = [digits_to_ascii(word.word) for word in words]
        self._today = today

    # ── figures ──────────────────────────────────────────────────────────────────────────────

    def numeric(self) -> Iterator[FoundDate]:
        for match in _ISO.finditer(self._ascii):
            yield from self._dated(match.span(), int(match[3]), int(match[2]), int(match[1]))
        for match in _NUMERIC.finditer(self._ascii):
            day, month = int(match[1]), int(match[3])
            # "2-3" is a range and "1.5" a number: only a slash may do without a year.
            if match[0] in _NO_DATES or (match[2] != "/" and not match[4]):
                continue
            if month > MONTHS >= day:
                day, month = month, day
            year = _full_year(match[4]) if match[4] else None
            yield from self._dated(match.span(), day, month, year)

    # ── words ────────────────────────────────────────────────────────────────────────────────

    def days_of_months(self) -> Iterator[FoundDate]:
        """`15 oct`, `15th of October 2026`, `October 15`, `15-20 Oct`, `15 अक्टूबर`."""
        for place, key in enumerate(self._keys):
            if glued := _GLUED.fullmatch(key):
                own_month = calendar_words.months().get(glued[2])
                yield from self._on(place, place, int(glued[1]), own_month, place)
            month = calendar_words.months().get(key, 0)
            if not month:
                continue
            before = self._skip_back(place - 1)
            if (day := self._day(before)) is not None:
                yield from self._range_start(before, month, place)
                yield from self._on(before, place, day, month, place)
            elif (day := self._day(place + 1)) is not None and not self._counts(place + 2):
                yield from self._on(place, place + 1, day, month, place + 1)
                yield from self._range_end(place + 1, month)

    def months(self) -> Iterator[FoundDate]:
        for place, key in enumerate(self._keys):
            month = calendar_words.months().get(key)
            if month is None or self._is_past(place) or not self._means_month(place):
                continue
            year, last = self._year_after(place)
            if year and (year, month) < (self._today.year, self._today.month):
                continue
            yield self._found(place, last, f"{year or self._year_of_month(month)}-{month:02d}")

    def festivals(self) -> Iterator[FoundDate]:
        for place in range(len(self._keys)):
            for length in (2, 1):
                festival = calendar_words.festivals().get(self._phrase(place, length))
                if festival and not self._is_past(place):
                    year, last = self._year_after(place + length - 1)
                    yield self._found(place, last, self._festival_month(festival, year))
                    break

    def relative(self) -> Iterator[FoundDate]:
        yield from self._day_words()
        for place, key in enumerate(self._keys):
            unit = calendar_words.units().get(key)
            if unit and (count := small_number(self._key(place - 1) or "")) is not None:
                yield from self._in(count, unit, place)
            elif unit == "month":
                yield from self._month_beside(place)
            elif key in calendar_words.weekdays():
                yield from self._weekday_beside(place)

    def _month_beside(self, place: int) -> Iterator[FoundDate]:
        """`next month`, `mois prochain`, `mes que viene`, `this month`."""
        table = word_list("dates")
        before, after = self._key(place - 1), self._key(place + 1)
        if before in table["next"]:
            yield self._found(place - 1, place, _month_on(self._today, 1))
        elif after in table["next"]:
            last = place + 2 if self._key(place + 2) == "viene" else place + 1
            yield self._found(place, last, _month_on(self._today, 1))
        elif before in table["this"]:
            yield self._found(place - 1, place, _month_on(self._today, 0))

    def _weekday_beside(self, place: int) -> Iterator[FoundDate]:
        """`next saturday`, `samedi prochain`; a weekday alone is no date."""
        table = word_list("dates")
        if self._key(place - 1) in {*table["next"], *table["this"]}:
            first, last = place - 1, place
        elif self._key(place + 1) in table["next"]:
            first, last = place, place + 1
        else:
            return
        weekday = calendar_words.weekdays()[self._keys[place]]
        ahead = (weekday - self._today.weekday() - 1) % 7 + 1
        yield self._found(first, last, (self._today + timedelta(ahead)).isoformat())

    def days_alone(self) -> Iterator[FoundDate]:
        """`the 15th`, `el 15`, `15 tareekh`: the next such day."""
        table = word_list("dates")
        for place in range(len(self._keys)):
            day, after = self._day(place), self._key(place + 1)
            if day is None or self._is_past(place):
                continue
            ordinal = re.fullmatch(r"\d+(?:st|nd|rd|th)", self._keys[place])
            if after in table["day_nouns"]:
                yield from self._next_day(place, place + 1, day)
            elif (ordinal and after not in table["not_after_ordinal"]) or (
                self._key(place - 1) in ("el", "le") and self._ends_clause(place)
            ):
                yield from self._next_day(place, place, day)

    # ── helpers ──────────────────────────────────────────────────────────────────────────────

    def _day_words(self) -> Iterator[FoundDate]:
        for place in range(len(self._keys)):
            for length in (3, 2, 1):
                ahead = calendar_words.day_words().get(self._phrase(place, length))
                if ahead is None:
                    continue
                if not self._is_past(place) and not self._is_other_word(place):
                    value = (self._today + timedelta(ahead)).isoformat()
                    yield self._found(place, place + length - 1, value)
                break

    def _is_other_word(self, place: int) -> bool:
        """Spanish `la mañana` is the morning, and `por la mañana` when."""
        return self._keys[place] == "manana" and self._key(place - 1) in ("la", "de")

    def _in(self, count: int, unit: str, place: int) -> Iterator[FoundDate]:
        table = word_list("dates")
        first = place - 1
        if self._key(first - 1) == "de":  # "dentro de 2 semanas"
            first -= 1
        if self._key(first - 1) in table["in_before"] and not self._is_past(place):
            first -= 1
            last = place
        elif self._key(place + 1) in ("baad", "बाद", "later"):
            last = place + 1
        else:
            return  # "5 days" is a duration
        if unit == "month":
            yield self._found(first, last, _month_on(self._today, count))
        else:
            days = count * (7 if unit == "week" else 1)
            yield self._found(first, last, (self._today + timedelta(days)).isoformat())

    def _on(
        self, first: int, last: int, day: int, month: int | None, year_place: int
    ) -> Iterator[FoundDate]:
        if month is None or self._is_past(first):
            return
        year, end = self._year_after(year_place)
        span = self._words[first].start, self._words[max(last, end)].end
        yield from self._dated(span, day, month, year)

    def _dated(
        self, span: tuple[int, int], day: int, month: int, year: int | None
    ) -> Iterator[FoundDate]:
        with suppress(ValueError):  # no such day: not a date
            found = date(year or self._today.year, month, day)
            if not year and found < self._today:
                found = date(self._today.year + 1, month, day)
            if found >= self._today:
                yield FoundDate(*span, found.isoformat())

    def _range_start(self, place: int, month: int, month_place: int) -> Iterator[FoundDate]:
        """The 15 of `15-20 Oct` or `del 10 al 15 de mayo`."""
        gap = self._gap(place - 1, place)
        joined = self._key(place - 1) in word_list("dates")["range_words"]
        before = place - 2 if joined else place - 1
        if (joined or gap in ("-", "–", "—", " - ", "/")) and (day := self._day(before)):
            year, _ = self._year_after(month_place)
            word = self._words[before]
            if not self._is_past(before):
                yield from self._dated((word.start, word.end), day, month, year)

    def _range_end(self, place: int, month: int) -> Iterator[FoundDate]:
        """The 20 of `Oct 15-20` or `Oct 15 to 20`."""
        joined = self._key(place + 1) in word_list("dates")["range_words"]
        following = place + 2 if joined else place + 1
        if not joined and self._gap(place, following).strip() not in DASHES:
            return
        if (day := self._day(following)) and not self._counts(following + 1):
            word = self._words[following]
            yield from self._dated((word.start, word.end), day, month, None)

    def _next_day(self, first: int, last: int, day: int) -> Iterator[FoundDate]:
        for ahead in range(62):
            found = self._today + timedelta(ahead)
            if found.day == day:
                yield self._found(first, last, found.isoformat())
                return

    def _found(self, first: int, last: int, value: str) -> FoundDate:
        return FoundDate(self._words[first].start, self._words[last].end, value)

    def _key(self, place: int) -> str | None:
        return self._keys[place] if 0 <= place < len(self._keys) else None

    def _phrase(self, place: int, length: int) -> str:
        return (
            " ".join(self._keys[place : place + length])
            if place + length <= len(self._keys)
            else ""
        )

    def _gap(self, place: int, following: int) -> str:
        if place < 0 or following >= len(self._words):
            return ""
        return self._ascii[self._words[place].end : self._words[following].start]

    def _day(self, place: int) -> int | None:
        match = _DAY.fullmatch(self._key(place) or "")
        return int(match[1]) if match and 1 <= int(match[1]) <= LAST_DAY else None

    def _skip_back(self, place: int) -> int:
        return place - 1 if self._key(place) in ("of", "de", "du", "ko", "को") else place

    def _counts(self, place: int) -> bool:
        """Whether the number before is people or days, as in `October 4 people`."""
        key = self._key(place) or ""
        return key in calendar_words.units() or key in word_list("groups")["people"]

    def _year_after(self, place: int) -> tuple[int | None, int]:
        for offset in (1, 2):
            match = _YEAR.fullmatch(self._key(place + offset) or "")
            if match and (offset == 1 or self._key(place + 1) in ("de", "of", "del")):
                return 2000 + int(match[1]), place + offset
        return None, place

    def _year_of_month(self, month: int) -> int:
        return self._today.year + (month < self._today.month)

    def _festival_month(self, festival: dict[str, object], year: int | None) -> str:
        if isinstance(fixed := festival.get("month"), int):
            return f"{year or self._year_of_month(fixed)}-{fixed:02d}"
        by_year: dict[int, str] = festival["by_year"]  # type: ignore[assignment]  # the list's shape
        days = [f"{its_year}-{by_year[its_year]}" for its_year in sorted(by_year)]
        later = (
            day
            for day in days
            if (day[:4] == str(year) if year else day >= self._today.isoformat())
        )
        # Past the end of the table the month of its last year is the best guess.
        return next(later, f"{year or self._today.year}-{days[-1][5:7]}")[:7]

    def _means_month(self, place: int) -> bool:
        key, table = self._keys[place], word_list("dates")
        if key not in table["doubtful"] or self._year_after(place)[0] or len(self._keys) == 1:
            return True
        before, after = self._key(place - 1) or "", self._key(place + 1) or ""
        if key == "mai" and before not in ("en", "de", "in", "mois", "au", "fin", "debut"):
            return False  # romanised Hindi for "I"
        beside_month = calendar_words.months().get(before) or calendar_words.months().get(after)
        return bool(
            before in table["month_before"] or after in table["month_after"] or beside_month
        )

    def _is_past(self, place: int) -> bool:
        table = word_list("dates")
        before = self._keys[max(0, place - 2) : place]
        after = self._keys[place + 1 : place + 1 + NEAR]
        if set(before) & set(table["past_before"]) or set(after[:1]) & set(table["past_after"]):
            return True
        return self._keys[place] in ("kal", "parso", "parson", "कल", "परसों", "परसो") and bool(
            set(after) & set(table["past"]) - {"की"}
        )

    def _ends_clause(self, place: int) -> bool:
        if place + 1 == len(self._words):
            return True
        return bool(re.search(r"[,.;:!?\n]", self._gap(place, place + 1)))


def _full_year(written: str) -> int:
    return int(written) if len(written) > len("26") else 2000 + int(written)


def _month_on(today: date, ahead: int) -> str:
    months = today.year * 12 + today.month - 1 + ahead
    return f"{months // 12}-{months % 12 + 1:02d}"
