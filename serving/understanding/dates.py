"""Dates and months in a message, resolved against its own timestamp.

The next future occurrence, day before month. Weekdays alone, seasons, durations and the past are
no dates.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from serving.understanding import calendar_words, relative_days
from serving.understanding.calendar_words import words as listed
from serving.understanding.date_words import DateWords, FoundDate
from serving.understanding.phrases import starting
from serving.understanding.quantities import Number
from serving.understanding.script import Token

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_NUMERIC = re.compile(
    r"(?<![\d/.,₹$€£-])(\d{1,2})([/.-])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\d/]|[.,-]\d|\s*(?:%|k\b|€|rs))",
    re.IGNORECASE,
)
_NO_DATES = frozenset({"24/7", "1/2", "1/3", "1/4", "3/4", "50/50", "9/11"})
_GLUED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?([^\W\d]{3,})")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
MONTHS = 12
MIN_KO = 10  # "15 ko" is a day; "2 ko" may be two people
DASHES = ("-", "–", "—")


def find(
    text: str, words: Sequence[Token], today: date, numbers: Mapping[int, Number]
) -> list[FoundDate]:
    """Dates in order of appearance, none overlapping; the earlier rule wins."""
    reader = _Reader(DateWords(text, words, today, numbers))
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
    def __init__(self, words: DateWords) -> None:
        self._words = words
        self._keys = words.keys

    # ── figures ──────────────────────────────────────────────────────────────────────────────

    def numeric(self) -> Iterator[FoundDate]:
        text = self._words.ascii
        for match in _ISO.finditer(text):
            yield from self._dated(match.span(), int(match[3]), int(match[2]), int(match[1]))
        for match in _NUMERIC.finditer(text):
            day, month = int(match[1]), int(match[3])
            if match[0] in _NO_DATES or not (match[4] or self._is_day(match)):
                continue
            if month > MONTHS >= day:
                day, month = month, day
            year = _full_year(match[4]) if match[4] else None
            yield from self._dated(match.span(), day, month, year)

    def _is_day(self, match: re.Match[str]) -> bool:
        """`5/6` but not `5/6 people`; "2-3" is a range and "1.5" a number, unlike `le 24.12`."""
        words = self._words.words
        last = sum(word.start < match.end() for word in words) - 1
        if self._words.counts(last + 1):
            return False
        if match[2] == "/":
            return True
        first = sum(word.start < match.start() for word in words)
        following = self._words.key(last + 1) or ""
        if following in listed("of") - listed("ko") or following in calendar_words.months():
            return False
        return self._words.key(first - 1) in listed("article_before") or following in listed("ko")

    # ── words ────────────────────────────────────────────────────────────────────────────────

    def days_of_months(self) -> Iterator[FoundDate]:
        """`15 oct`, `15th of October 2026`, `October 15`, `15-20 Oct`, `15 अक्टूबर`."""
        for place, key in enumerate(self._keys):
            if glued := _GLUED.fullmatch(key):
                own_month = calendar_words.months().get(glued[2])
                yield from self._on(place, place, int(glued[1]), own_month, place)
            if month := calendar_words.months().get(key) or self._misspelt_month(place):
                yield from self._day_of(month, place)

    def _day_of(self, month: int, place: int) -> Iterator[FoundDate]:
        words = self._words
        before = self._skip_back(place - 1)
        if (day := words.day(before)) is not None and words.gap(before, before + 1) != " - ":
            yield from self._range_start(before, month, place)
            yield from self._on(before, place, day, month, place)
            return
        if in_words := self._worded_day(before, place):
            yield from self._on(in_words[0], place, in_words[1], month, place)
            return
        after = place + 1
        of = words.key(after) in listed("month_of")
        after += of
        if (day := words.day(after)) is not None and not words.counts(after + 1):
            noun = words.key(after + 1) in listed("day_nouns")
            if of and not noun and words.key(after + 1) not in listed("ko"):
                return  # "may ki 3 seat"
            yield from self._on(place, after + noun, day, month, after)
            yield from self._range_end(after, month)
        elif (day := calendar_words.ordinals().get(words.key(after) or "")) is not None:
            word_after = words.key(after + 1)
            other = words.key(after) in listed("bare_ordinals")  # "mai pehli baar"
            if not other and word_after not in listed("not_after_ordinal"):
                yield from self._on(place, after, day, month, after)

    def _misspelt_month(self, place: int) -> int | None:
        """Only beside a day in figures: `25 dismbr`."""
        words, key = self._words, self._keys[place]
        beside = words.day(self._skip_back(place - 1)) is not None
        if not beside or key.isdecimal() or words.counts(place):
            return None
        return calendar_words.month_like(key)

    def _worded_day(self, before: int, place: int) -> tuple[int, int] | None:
        """`quince de febrero`, `first of June`; not the "two" of "two may come"."""
        found = self._words.day_in_words(before)
        if found is None:
            return None
        joined = before < place - 1
        key = self._keys[before]
        if key not in calendar_words.ordinals() and self._keys[place - 1] == "of":
            return None  # "2nd sat of feb", where "sat" is no Hindi seven
        if key in calendar_words.ordinals():
            return found if joined or key in listed("bare_ordinals") else None
        return found if joined or self._keys[place] not in listed("doubtful") else None

    def months(self) -> Iterator[FoundDate]:
        words = self._words
        for place, key in enumerate(self._keys):
            month = calendar_words.months().get(key)
            if month is None or words.is_past(place) or not self._means_month(place):
                continue
            year, last = words.year_after(place)
            if year and (year, month) < (words.today.year, words.today.month):
                continue
            yield words.found(place, last, f"{year or words.year_of_month(month)}-{month:02d}")

    def festivals(self) -> Iterator[FoundDate]:
        words, table = self._words, calendar_words.festivals()
        for place, key in enumerate(self._keys):
            match = starting(self._keys, place, table) if key in table else None
            if match and not words.is_past(place) and not self._is_greeting(place, match[0]):
                year, last = words.year_after(place + match[0] - 1)
                yield words.found(place, last, self._festival_month(match[1], year))

    def _is_greeting(self, place: int, length: int) -> bool:
        """`happy diwali`, `eid mubarak`."""
        words = self._words
        before, after = words.key(place - 1), words.key(place + length)
        return before in listed("greets_before") or after in listed("greets_after")

    def relative(self) -> Iterator[FoundDate]:
        return relative_days.find(self._words)

    def days_alone(self) -> Iterator[FoundDate]:
        """`the 15th`, `el 15`, `15 tareekh`, `15 ko`: the next such day."""
        words = self._words
        for place, key in enumerate(self._keys):
            day, after = words.day(place), words.key(place + 1)
            if day is None and after in listed("day_nouns"):  # "बीस तारीख"
                found = words.day_in_words(place)
                day = found[1] if found and found[0] == place else None
            if day is None or words.is_past(place):
                continue
            ordinal = _ORDINAL.fullmatch(key)
            if after in listed("day_nouns"):
                yield from self._next_day(place, place + 1, day)
            elif (
                (ordinal and after not in listed("not_after_ordinal"))
                or (words.key(place - 1) in ("el", "le") and words.ends_clause(place))
                or (day >= MIN_KO and after in listed("ko"))
            ):
                yield from self._next_day(place, place, day)

    # ── helpers ──────────────────────────────────────────────────────────────────────────────

    def _on(
        self, first: int, last: int, day: int, month: int | None, year_place: int
    ) -> Iterator[FoundDate]:
        words = self._words
        if month is None or words.is_past(first) or words.is_past(last):
            return
        year, end = words.year_after(year_place)
        span = words.words[first].start, words.words[max(last, end)].end
        yield from self._dated(span, day, month, year)

    def _dated(
        self, span: tuple[int, int], day: int, month: int, year: int | None
    ) -> Iterator[FoundDate]:
        if found := self._words.dated(span, day, month, year):
            yield found

    def _range_start(self, place: int, month: int, month_place: int) -> Iterator[FoundDate]:
        """The 15 of `15-20 Oct`, `del 10 al 15 de mayo` or `entre el 5 y el 10 de mayo`."""
        words = self._words
        place -= words.key(place - 1) in ("el", "le")
        joined = words.key(place - 1) in listed("range_words")
        before = place - 2 if joined else place - 1
        gap = words.gap(place - 1, place)
        if (joined or gap in ("-", "–", "—", " - ", "/", ", ")) and (day := words.day(before)):
            year, _ = words.year_after(month_place)
            word = words.words[before]
            if not words.is_past(before):
                yield from self._range_start(before, month, month_place)
                yield from self._dated((word.start, word.end), day, month, year)

    def _range_end(self, place: int, month: int) -> Iterator[FoundDate]:
        """The 20 of `Oct 15-20` or `Oct 15 to 20`."""
        words = self._words
        joined = words.key(place + 1) in listed("range_words")
        following = place + 2 if joined else place + 1
        if not joined and words.gap(place, following).strip() not in DASHES:
            return
        if (day := words.day(following)) and not words.counts(following + 1):
            word = words.words[following]
            yield from self._dated((word.start, word.end), day, month, None)

    def _next_day(self, first: int, last: int, day: int) -> Iterator[FoundDate]:
        for ahead in range(62):
            found = self._words.today + timedelta(ahead)
            if found.day == day:
                yield self._words.found(first, last, found.isoformat())
                return

    def _skip_back(self, place: int) -> int:
        """Past "of", and the "tareekh" of `15 tareekh december`."""
        place -= self._words.key(place) in listed("of")
        return place - (self._words.key(place) in listed("day_nouns"))

    def _festival_month(self, festival: dict[str, object], year: int | None) -> str:
        today = self._words.today
        if isinstance(fixed := festival.get("month"), int):
            return f"{year or self._words.year_of_month(fixed)}-{fixed:02d}"
        by_year: dict[int, str] = festival["by_year"]  # type: ignore[assignment]  # the list's shape
        days = [f"{its_year}-{by_year[its_year]}" for its_year in sorted(by_year)]
        later = (
            day for day in days if (day[:4] == str(year) if year else day >= today.isoformat())
        )
        # Past the end of the table the month of its last year is the best guess.
        return next(later, f"{year or today.year}-{days[-1][5:7]}")[:7]

    def _means_month(self, place: int) -> bool:
        words, key = self._words, self._keys[place]
        if key not in listed("doubtful") or words.year_after(place)[0] or len(self._keys) == 1:
            return True
        before, after = words.key(place - 1) or "", words.key(place + 1) or ""
        if (
            key == "mai"
            and after not in calendar_words.months()
            and before not in listed("before_mai")
        ):
            return False  # romanised Hindi for "I"
        if key == "jan" and (number := words.by_last.get(place - 1)) and number.spelt:
            return False  # Hindi "do jan" are two people
        if key == "sept" and (words.counts(place + 1) or before in _FRENCH_BEING):
            return False  # French for seven
        other = words.key(place + 2) if after in listed("range_words") else after
        months = calendar_words.months()
        if before in months or other in months:
            return True
        return before in listed("month_before") or after in listed("month_after")


_FRENCH_BEING = frozenset({"serons", "serions", "sommes", "sera", "serait", "est", "a"})


def _full_year(written: str) -> int:
    return int(written) if len(written) > len("26") else 2000 + int(written)
