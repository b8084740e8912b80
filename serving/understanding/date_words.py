"""A message as its dates are read: its words, their numbers, and what lies in the past."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from serving.understanding import calendar_words
from serving.understanding.calendar_words import words as listed
from serving.understanding.phrases import ending, starting
from serving.understanding.quantities import Number
from serving.understanding.script import Token, digits_to_ascii

NEAR = 4  # words within which "ago" or "tha" puts a day into the past
CLAUSE = 6  # words within which "next year" or "I did" says something of a month
LAST_DAY = 31
WEEK = 7
TENS = frozenset({20, 30})
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th|er|eme|e|o|º|ª)?")
_YEAR = re.compile(r"(20\d{2})")
_BREAK = frozenset(",.;:!?\n।")
_YESTERDAY_TOO = frozenset({"kal", "parso", "parson", "कल", "परसों", "परसो"})


@dataclass(frozen=True, slots=True)
class FoundDate:
    start: int  # code points
    end: int
    value: str  # ISO date, or YYYY-MM


class DateWords:
    def __init__(
        self, text: str, words: Sequence[Token], today: date, numbers: Mapping[int, Number]
    ) -> None:
        self.ascii = digits_to_ascii(text)
        self.words = words
        self.keys = [digits_to_ascii(word.word) for word in words]
        self.today = today
        self.by_last = {number.last: number for number in numbers.values()}
        self._years = self._said_years()

    def key(self, place: int) -> str | None:
        return self.keys[place] if 0 <= place < len(self.keys) else None

    def gap(self, place: int, following: int) -> str:
        if place < 0 or following >= len(self.words):
            return ""
        return self.ascii[self.words[place].end : self.words[following].start]

    def ends_clause(self, place: int) -> bool:
        return place + 1 >= len(self.words) or not _BREAK.isdisjoint(self.gap(place, place + 1))

    def found(self, first: int, last: int, value: str) -> FoundDate:
        return FoundDate(self.words[first].start, self.words[last].end, value)

    def dated(
        self, span: tuple[int, int], day: int, month: int, year: int | None
    ) -> FoundDate | None:
        """The next such day, or none where it does not exist or is over."""
        with suppress(ValueError):
            found = date(year or self.today.year, month, day)
            if not year and found < self.today:
                found = date(self.today.year + 1, month, day)
            if found >= self.today:
                return FoundDate(*span, found.isoformat())
        return None

    # ── days and years ───────────────────────────────────────────────────────────────────────

    def day(self, place: int) -> int | None:
        """A day of a month in figures."""
        match = _DAY.fullmatch(self.key(place) or "")
        return int(match[1]) if match and 1 <= int(match[1]) <= LAST_DAY else None

    def day_in_words(self, last: int) -> tuple[int, int] | None:
        """The first word and the value of a day in words: `quince`, `twenty first`."""
        if (ordinal := calendar_words.ordinals().get(self.key(last) or "")) is not None:
            tens = self.by_last.get(last - 1)
            if tens and tens.value in TENS and ordinal < WEEK + 3:
                return tens.first, int(tens.value) + ordinal
            return last, ordinal
        number = self.by_last.get(last)
        if self.key(last) in listed("parts_of_month"):
            return None
        if number and number.value % 1 == 0 and 1 <= number.value <= LAST_DAY:
            return number.first, int(number.value)
        return None

    def counts(self, place: int) -> bool:
        """Whether the number before is people or days, as in `October 4 people`."""
        return (self.key(place) or "") in calendar_words.counted()

    def year_after(self, place: int) -> tuple[int | None, int]:
        """The year behind a month, and the place of its last word."""
        for offset in (1, 2):
            match = _YEAR.fullmatch(self.key(place + offset) or "")
            if match and (offset == 1 or self.key(place + 1) in ("de", "of", "del")):
                return int(match[1]), place + offset
        return self._year_near(place), place

    def _said_years(self) -> list[tuple[int, int]]:
        """Where `last year` and `next year` stand, and how far from this one."""
        found = []
        for place, key in enumerate(self.keys):
            if key in listed("years"):
                beside = {self.key(place - 1), self.key(place + 1)}
                if beside & listed("past_years"):
                    found.append((place, -1))
                elif beside & listed("next_years"):
                    found.append((place, 1))
        return found

    def _near_year(self, place: int) -> int:
        for at, shift in self._years:
            first, last = min(at, place), max(at, place)
            if last - first <= CLAUSE and not any(map(self.ends_clause, range(first, last))):
                return shift
        return 0

    def _year_near(self, place: int) -> int | None:
        return self.today.year + 1 if self._near_year(place) == 1 else None

    def year_of_month(self, month: int) -> int:
        return self.today.year + (month < self.today.month)

    def month_on(self, ahead: int) -> str:
        months = self.today.year * 12 + self.today.month - 1 + ahead
        return f"{months // 12}-{months % 12 + 1:02d}"

    def day_on(self, ahead: int) -> str:
        return (self.today + timedelta(ahead)).isoformat()

    # ── the past ─────────────────────────────────────────────────────────────────────────────

    def is_past(self, place: int) -> bool:
        before = self.keys[max(0, place - 2) : place]
        after = self.keys[place + 1 : place + 1 + NEAR]
        if not listed("past_before").isdisjoint(before):
            return True
        if not listed("past_after").isdisjoint(after[:1]) or self._near_year(place) == -1:
            return True
        if self.keys[place] in _YESTERDAY_TOO:
            return not (listed("past") - {"की"}).isdisjoint(after) or self._since(place)
        return self._was_done(place)

    def _was_done(self, place: int) -> bool:
        """`I did Hampta in May`, `october me kiya tha`."""
        did, did_after = calendar_words.phrases("did"), calendar_words.phrases("did_after")
        for at in range(place - 1, max(-1, place - CLAUSE - 2), -1):
            if self.ends_clause(at):
                break
            if self.keys[at] in did and starting(self.keys, at, did):
                return True
        for at in range(place + 1, min(len(self.keys), place + CLAUSE)):
            if self.ends_clause(at - 1) or self.keys[at] in listed("booked"):
                break
            if self.keys[at] in did_after and starting(self.keys, at, did_after):
                return True
        return False

    def _since(self, place: int) -> bool:
        """`kal se gala kharab hai`: since yesterday, as nothing is going to be."""
        at = place + 1
        at += self.key(at) in listed("day_parts")
        if self.key(at) not in ("se", "से"):
            return False
        after = self.keys[at + 1 :]
        endings = calendar_words.future_endings()
        return listed("future").isdisjoint(after) and not any(
            key.endswith(endings) for key in after
        )

    def phrase_before(self, end: int, kind: calendar_words.ListedPhrases) -> int:
        """How many words before `end` are one of the phrases."""
        found = ending(self.keys, end, calendar_words.phrases(kind, by_last=True))
        return found[0] if found else 0

    def phrase_at(self, place: int, kind: calendar_words.ListedPhrases) -> int:
        found = starting(self.keys, place, calendar_words.phrases(kind))
        return found[0] if found else 0
