"""How many people a message says are going."""

from collections.abc import Iterator, Mapping, Sequence

from serving.understanding import calendar_words, party
from serving.understanding.group_words import FoundGroup, GroupWords, phrases
from serving.understanding.quantities import Number
from serving.understanding.script import Token

CHANGE_WORDS = 3  # within which "add" or "hata do" makes a number a change of a booking
SPEAKER_WORDS = 2  # within which "main" makes "teeno" the three of us
ADJECTIVES = 2


def find(
    text: str,
    words: Sequence[Token],
    taken: Sequence[tuple[int, int]],
    numbers: Mapping[int, Number],
) -> list[FoundGroup]:
    """Group sizes outside the spans that are `taken` by dates and prices."""
    reader = _Reader(GroupWords(text, words, taken, numbers))
    parties = list(party.listed(reader.words))
    chosen = list(parties)
    for rule in (reader.all_of_us, reader.counted, reader.named):
        for found in rule():
            if all(found.end <= one.start or one.end <= found.start for one in chosen):
                chosen.append(found)
    if parties:
        # Numbers beside a list are parts of it, or the stated total, which knows better.
        chosen = [max(chosen, key=lambda group: group.value)]
    chosen = [group for group in chosen if group.value >= reader.whole]
    return sorted(chosen, key=lambda found: found.start)


class _Reader:
    def __init__(self, words: GroupWords) -> None:
        self.words = words
        self.whole = 0  # said of all who go, so that smaller numbers are parts: "family of 5"

    def all_of_us(self) -> Iterator[FoundGroup]:
        """`hum teeno`, `X, Y aur main, teeno`, `nous trois`."""
        words, table = self.words, phrases("all_of_us")
        for place, key in enumerate(words.keys):
            if key in table and (found := words.phrase_at(place, table)):
                length, size = found
                near = range(place - SPEAKER_WORDS, place)
                speaker = any(words.is_a(at, "me") or words.is_a(at, "we") for at in near)
                if speaker or (length > 1 and words.keys[place] in _ALL_BY_THEMSELVES):
                    yield words.found(place - words.is_a(place - 1, "we"), place + length, size)

    def counted(self) -> Iterator[FoundGroup]:
        """`4 people`, `we are 6`, `group of 8`, `para dos`."""
        words = self.words
        for first, number in words.counts.items():
            size, after = int(number.value), number.last + 1
            if self._is_changed(first, after) or self._is_somebody(first, after, size):
                continue
            length = self._being_before(first, after)
            if length < _PHRASE and self._counts_other(first, after):
                continue
            if length and words.key(first - 1) not in _FOR:
                self.whole = max(self.whole, size)
            if end := self._people_from(after):
                couples = words.is_a(end - 1, "couples")
                yield words.found(first, end, 2 * size if couples else size)
            elif length:
                yield words.found(first - length, after, size)
            elif end := self._circle_from(after):
                yield words.found(first, end, size)

    def named(self) -> Iterator[FoundGroup]:
        words, table = self.words, phrases("one", "two")
        for place, key in enumerate(words.keys):
            found = words.phrase_at(place, table) if key in table else None
            if found and self._is_meant(place, place + found[0]):
                yield words.found(place, place + found[0], found[1])

    def _people_from(self, place: int) -> int:
        """The place behind `people`, `other people` or `of us`; nought where nothing is counted."""
        words = self.words
        for skipped in range(ADJECTIVES + 1):
            at = place + skipped
            if words.is_a(at, "people") or words.is_a(at, "couples"):
                return 0 if words.is_a(at + 1, "not_after") else at + 1
            if words.key(at) in _OF_US and words.key(at + 1) in _US:
                return at + 2
            if not words.is_a(at, "adjectives") or words.starts_clause(at):
                break
        return 0

    def _being_before(self, first: int, after: int) -> int:
        """Words of `we are` or `group of` right before a number that counts no other thing."""
        words = self.words
        if length := words.phrase_before(first, phrases("being_any", by_last=True)):
            return 0 if (words.key(after) or "") in calendar_words.units() else length
        if not words.starts_clause(after) and not words.is_a(after, "after_count"):
            return 0
        length = words.phrase_before(first, phrases("being", by_last=True))
        if length == 1 and words.key(first - 1) == "were" and words.is_a(first - 2, "past_were"):
            return 0
        return length

    def _circle_from(self, place: int) -> int:
        """The place behind `from the office`."""
        words = self.words
        if not words.is_a(place, "of"):
            return 0
        at = place + 1
        at += words.is_a(at, "mine") or words.is_a(at, "of")
        return at + 1 if words.is_a(at, "circles") else 0

    def _is_somebody(self, first: int, after: int, size: int) -> bool:
        """A count of one, as in "talk to one person", needs "for", "only" or "ke liye"."""
        words = self.words
        if size != 1 or words.keys[first].isdecimal() or words.is_a(after, "seats"):
            return False
        return not (words.is_a(first - 1, "before_one") or words.key(after + 2) in ("liye", "लिए"))

    def _is_changed(self, first: int, after: int) -> bool:
        """`add 2 people`, `do log jodna hai`."""
        words = self.words
        return words.said_before(first, CHANGE_WORDS, "changes") or words.are_any(
            after, after + CHANGE_WORDS, "changes_after"
        )

    def _counts_other(self, first: int, after: int) -> bool:
        """`per 2 people`, `2 more`, `a tent for 2`, or the English verb "do"."""
        words = self.words
        dozen = words.key(first - 1) == "a" and not words.keys[first].isdecimal()
        if words.is_a(first - 1, "not_before") and not words.starts_clause(first) and not dozen:
            return True
        if words.is_a(after, "not_after") and not words.starts_clause(after):
            return True
        if words.keys[first] == "do" and words.is_a(after, "not_two"):
            return True
        return words.are_any(first - 2, first, "tents") or words.is_a(after + 1, "tents")

    def _is_meant(self, first: int, end: int) -> bool:
        """Whether "solo", "seul" or "couple" says who comes and is no other word."""
        words, key = self.words, self.words.keys[first]
        if words.said_before(first, CHANGE_WORDS, "negations"):
            return False
        if end - first > 1:
            return True
        if key == "solo":  # "solo quiero saber": Spanish "only"
            return not words.is_a(end, "after_only")
        if key in ("couple", "pareja"):
            people = words.key(end) == "of" and (
                words.is_a(end + 1, "people") or words.key(end + 1) in _US
            )
            counts_other = words.is_a(end, "not_after_couple") and not people
            return not counts_other and not words.is_a(first - 1, "before_couple")
        return not words.is_a(first - 1, "before_alone" if key == "alone" else "before_single")


_PHRASE = 2  # words of "on part à", whose "à" says nothing against the number
_FOR = frozenset({"for", "para", "pour", "were"})
_OF_US = frozenset({"of", "de", "entre"})
_US = frozenset({"us", "nosotros", "nosotras", "nous"})
_ALL_BY_THEMSELVES = frozenset({"nosotros", "nosotras", "nous", "tous", "toutes"})
