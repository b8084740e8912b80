"""People that a message lists one by one: `my wife, our two kids and I`, `मैं और मेरी बीवी`."""

from collections.abc import Iterator
from dataclasses import dataclass

from serving.understanding.group_words import FoundGroup, GroupWords, phrases

MAX_BEFORE_KIN = 4  # words between the first and the relative: "two of my best friends"
NEAR = 3
_AMBIGUOUS_ME = frozenset({"me", "mein", "mai"})  # "december me": Hindi for "in"
_MANY = 3  # "mum, dad, me" needs no "and"
_JOINTS = frozenset("+&")
_FOR = frozenset({"for", "para", "pour"})
_MERE = frozenset({"mere", "मेरे"})
_SAATH = frozenset({"saath", "sath", "साथ"})
_WITH = frozenset({"with", "con", "avec"})


@dataclass(frozen=True, slots=True)
class _Member:
    end: int  # the place behind
    count: int | None  # None: some, and nobody knows how many
    me: bool = False
    bare: bool = False  # a relative without "my" or a number
    numbered: bool = False  # a number of any people
    strangers: bool = False  # "4 seats", "2 people": nobody's relatives
    open: bool = False  # "we": those who follow are meant


def listed(words: GroupWords) -> Iterator[FoundGroup]:
    """Groups that are the sum of the people listed, in order."""
    place = 0
    while place < len(words):
        party = _Party(words, place).read()
        if party is None:
            place += 1
            continue
        end, count = party
        if count:
            yield words.found(place, end, count)
        place = end


class _Party:
    """Reads the longest list of people from one word on."""

    def __init__(self, words: GroupWords, first: int) -> None:
        self._words = words
        self._first = first
        self._members: list[_Member] = []
        self._joined = False  # by "and", not by commas alone
        self._loose = False  # a bare relative behind a comma may be who is spoken to

    def read(self) -> tuple[int, int | None] | None:
        """The place behind the list and its sum; None where no list begins."""
        member = self._member(self._first)
        if member is None:
            return None
        end = member.end
        self._members.append(member)
        while following := self._next(end):
            self._members.append(following)
            end = following.end
        beside = self._is_beside(end)
        return self._result(end + 2 if beside else end, beside=beside)

    def _result(self, end: int, *, beside: bool) -> tuple[int, int | None] | None:
        members = self._members
        counts = [member.count for member in members if member.open or not member.me]
        speaker = any(member.me for member in members)
        total: int | None = None
        if None not in counts:
            total = sum(count for count in counts if count)
            # "We" are those who are named behind it, "I" am one more.
            total += speaker and not any(member.open for member in members)
        # Where somebody cannot be counted, no part of the list is a size: "my kids, my wife and I".
        if not speaker and self._goes_with(end, beside=beside):
            return end, total + 1 if total else None
        if len(members) == 1:
            return None
        if self._loose and not self._joined and len(members) < _MANY:
            return end, None
        numbered = all(member.numbered for member in members)
        return (end, total if total and total > 1 else None) if speaker or numbered else None

    def _next(self, end: int) -> _Member | None:
        start, comma = self._separator(end)
        if start is None:
            return self._adjacent(end)
        last = self._members[-1]
        member = self._member(start)
        if member is None:
            return self._number_alone(start, last)
        if self._is_apart(member, end, comma=comma):
            return None
        if last.open and not last.count:  # "we and our two friends"
            self._members[-1] = _Member(last.end, None, me=True, open=True)
        self._joined = self._joined or not comma
        self._loose = self._loose or (comma and member.bare)
        return member

    def _is_apart(self, member: _Member, end: int, *, comma: bool) -> bool:
        """Whether the people behind a separator are no more of the list."""
        last = self._members[-1]
        if not comma:  # "5 people or 6 people"; beside "me" that is the Hindi "and"
            return self._words.key(end) == "or" and last.numbered and member.numbered
        if member.strangers and not last.numbered:  # "my son and I, 2 seats"
            return True
        if member.open and not member.count:  # "three people, we were told"
            return True
        return self._is_doubtful_me(end - 1, last) and (member.bare or member.numbered)

    def _separator(self, end: int) -> tuple[int | None, bool]:
        """The place behind "and", a plus or a comma; and whether it is only a comma."""
        words = self._words
        gap = words.gap(end)
        if end >= len(words) or set(gap) & set(".;:!?()\n।/"):
            return None, False
        place, comma = end, "," in gap
        joint = bool(_JOINTS & set(gap))
        if words.is_a(place, "and"):
            place, joint = place + 1, True
            if words.is_a(place, "and") and not words.is_a(place, "mine"):  # "y con", "and also"
                place += 1
            place += words.key(place) in _FOR  # "para mi madre y para mí"
            joint = joint or bool(_JOINTS & set(words.gap(place)))
        if not joint and not comma:
            return None, False
        return place, not joint

    def _adjacent(self, end: int) -> _Member | None:
        """Without anything between: `mummy papa`, `hum do bhai`, `2 adults 3 kids`."""
        words = self._words
        if end >= len(words) or words.gap(end) != " ":
            return None
        last, following = self._members[-1], self._member(end)
        if following is None or following.me:
            return None
        if last.open or (last.bare and following.bare) or (last.numbered and following.numbered):
            return following
        if last.me and following.end < len(words):  # "main apni wife ke saath"
            return following if self._is_beside(following.end) else None
        return None

    def _is_beside(self, end: int) -> bool:
        words = self._words
        return end < len(words) and words.phrase_at(end, phrases("beside")) is not None

    def _member(self, place: int) -> _Member | None:
        words = self._words
        if words.is_a(place, "we"):
            return self._we(place)
        if words.is_a(place, "me") and not (
            words.is_a(place, "mine") and self._relative(place) is not None
        ):
            return None if self._means_in(place) else _Member(place + 1, 1, me=True)
        return self._relative(place)

    def _we(self, place: int) -> _Member:
        """`hum`, `hum dono`, `nous deux`."""
        words = self._words
        if place + 1 < len(words):
            if both := words.phrase_at(place + 1, phrases("all_of_us")):
                return _Member(place + 1 + both[0], both[1], me=True, open=True)
            counted = words.counts.get(place + 1)
            if counted and self._relative(place + 1) is None:
                return _Member(counted.last + 1, int(counted.value), me=True, open=True)
        return _Member(place + 1, 0, me=True, open=True)

    def _relative(self, first: int) -> _Member | None:
        """`my wife`, `mis dos hijos`, `2 of my friends`, `papa`."""
        words = self._words
        place, number = first, None
        while place - first < MAX_BEFORE_KIN:
            counted = words.counts.get(place)
            if counted and words.is_a(counted.last + 1, "ages"):
                place = self._behind_age(counted.last + 2)
            elif counted and number is None:
                number, place = int(counted.value), counted.last + 1
            elif words.key(place) == "couple" and words.key(place + 1) == "of":
                number, place = 2, place + 2
            elif (words.is_a(place, "mine") and not self._is_relative_itself(place)) or (
                place > first and (words.is_a(place, "traits") or words.is_a(place, "of"))
            ):
                place += 1
            else:
                break
        if words.is_a(place, "kins") and (number != 1 or not words.is_a(place, "kin")):
            return _Member(place + 1, number, numbered=number is not None)
        if words.is_a(place, "kin"):
            bare = place == first
            end = self._behind_name(place + 1)
            return _Member(end, number or 1, bare=bare, numbered=number is not None)
        if words.is_a(place, "pairs"):
            couple = number is not None or words.key(place) == "couple"
            return _Member(place + 1, 2 * (number or 1), numbered=couple)
        if number and words.is_a(place, "people"):
            return _Member(place + 1, number, numbered=True, strangers=True)
        return None

    def _is_relative_itself(self, place: int) -> bool:
        """French `mère`, or English `son`, that is no "my" or "his" of the next word."""
        words, following = self._words, place + 1
        own = following in words.counts or any(
            words.is_a(following, kind) for kind in ("kin", "kins", "traits")
        )
        return words.is_a(place, "kin") and not own

    def _behind_age(self, place: int) -> int:
        """Past the "old" or "ke" of an age."""
        return place + (self._words.key(place) in ("old", "ke", "ka", "ki", "के", "का", "की"))

    def _behind_name(self, place: int) -> int:
        """`my friend Rahul and I`, `mi amiga ana y yo`, `mon fils de 12 ans et moi`."""
        words = self._words
        age = words.counts.get(place + 1) if words.is_a(place, "of") else None
        if age and words.is_a(age.last + 1, "ages"):
            return age.last + 2
        known = any(
            words.is_a(place, kind) for kind in ("and", "me", "kin", "kins", "we", "people", "mine")
        )
        if place >= len(words) or known or words.gap(place) != " " or place in words.counts:
            return place
        behind, comma = self._separator(place + 1)
        if behind is not None and not comma and words.is_a(behind, "me"):
            return place + 1
        return place + 1 if words.is_capital(place) and behind is not None else place

    def _number_alone(self, place: int, last: _Member) -> _Member | None:
        """`me + 3`: so many others."""
        words = self._words
        counted = words.counts.get(place)
        if not counted or not last.me or last.open:
            return None
        end = counted.last + 1
        if words.starts_clause(end) or words.is_a(end, "after_count"):
            return _Member(end, int(counted.value), numbered=True)
        return None

    def _is_doubtful_me(self, place: int, last: _Member) -> bool:
        return last.me and self._words.key(place) in _AMBIGUOUS_ME

    def _means_in(self, place: int) -> bool:
        """`december me`: Hindi for "in"."""
        return self._words.key(place) in _AMBIGUOUS_ME and not self._words.is_free(place - 1)

    def _goes_with(self, end: int, *, beside: bool) -> bool:
        """`travelling with my wife`, `wife ke saath jaana hai`: the speaker goes too."""
        words, first = self._words, self._first
        if beside:
            return words.are_any(end, end + NEAR, "going_after")
        if words.key(first - 1) in _SAATH:  # "mere saath do dost hain"
            return words.key(first - 2) in _MERE
        return words.key(first - 1) in _WITH and words.are_any(first - NEAR, first - 1, "going")
