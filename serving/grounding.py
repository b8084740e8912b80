"""Is what a reply says in its sources? Every number, date, month, link and trek name is traced.

A fact counts as supported only by a sentence that speaks of the same trek, of the same season where
it is money, and of the same thing (a deposit is not a price). Pure; the caller gives the sources.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from serving.facts import MONEY, Day, Fact, facts_of, months_of
from serving.records import readable
from serving.sentences import normalise, sentences
from serving.types import Booking, Passage

MONTH_LIST_GAP = 12  # characters between two months of one list: ", ", " and ", " y ", " और "
TrekNames = Mapping[str, tuple[str, ...]]  # canonical name to aliases


@dataclass(frozen=True, slots=True)
class Segment:
    """One sentence of a source, read once."""

    text: str
    facts: tuple[Fact, ...]
    treks: frozenset[str]

    @property
    def months(self) -> frozenset[int]:
        """Every month that it names."""
        return frozenset(one.day[1] for one in self.facts if one.kind == "month" and one.day)

    def season(self, fact: Fact) -> frozenset[int]:
        """The months that a price of this sentence is for; empty: it names none.

        "₹10,500 in September and ₹11,500 in July" and "in September ₹10,500, in July ₹11,500" put
        the month on different sides; which one, the beginning of the sentence tells.
        """
        groups = self._month_groups()
        if not groups:
            return frozenset()
        first_price = min(one.start for one in self.facts if one.unit in MONEY)
        if first_price < groups[0][0]:
            return next((months for start, months in groups if start > fact.start), groups[-1][1])
        return [months for start, months in groups if start < fact.start or start == groups[0][0]][
            -1
        ]

    def _month_groups(self) -> list[tuple[int, frozenset[int]]]:
        """Months that are listed together, with the offset of the first, in order."""
        groups: list[tuple[int, frozenset[int]]] = []
        end = -MONTH_LIST_GAP
        named = (fact for fact in self.facts if fact.kind == "month")
        for fact in sorted(named, key=lambda fact: fact.start):
            month = frozenset({fact.day[1]} if fact.day else ())
            if groups and fact.start - end < MONTH_LIST_GAP:
                groups[-1] = (groups[-1][0], groups[-1][1] | month)
            else:
                groups.append((fact.start, month))
            end = max(end, fact.start + len(fact.text))
        return groups


@dataclass(frozen=True, slots=True)
class Source:
    """What a reply may rely on."""

    segments: tuple[Segment, ...]
    treks: frozenset[str]  # what the whole source is about; empty: no trek in particular
    passage: int | None = None  # its place among the passages; None: our own words


@dataclass(frozen=True, slots=True)
class Asked:
    """What the question was about; a reply that names no trek or month means these."""

    treks: frozenset[str] = frozenset()
    months: frozenset[int] = frozenset()
    treks_known: TrekNames = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grounding:
    unsupported: tuple[Fact, ...]
    unknown_treks: tuple[str, ...]  # named in the reply, in no source and not asked about
    passages: tuple[int, ...]  # places of the passages that support at least one fact
    checked: int  # facts looked at

    @property
    def holds(self) -> bool:
        return not self.unsupported and not self.unknown_treks


def find_treks(text: str, known: TrekNames) -> frozenset[str]:
    """Canonical names of the treks that a text names, by any alias."""
    plain = normalise(text).casefold()
    return frozenset(
        name
        for name, aliases in known.items()
        if any(_names(plain, one) for one in (name, *aliases))
    )


def _names(plain: str, alias: str) -> bool:
    pattern = (
        rf"(?<![\w\u0900-\u097f]){re.escape(normalise(alias).casefold())}(?![\w\u0900-\u097f])"
    )
    return re.search(pattern, plain) is not None


def segment(text: str, known: TrekNames) -> Segment:
    return Segment(text, tuple(facts_of(text)), find_treks(text, known))


def source_of(
    text: str, known: TrekNames, treks: Iterable[str] = (), passage: int | None = None
) -> Source:
    said = [one for line in text.splitlines() for one in (readable(line) or sentences(line))]
    return Source(tuple(segment(one, known) for one in said), frozenset(treks), passage)


def sources_of(passages: Sequence[Passage], known: TrekNames) -> list[Source]:
    return [
        source_of(
            passage.text,
            known,
            {passage.trek} if passage.trek else find_treks(passage.title, known),
            place,
        )
        for place, passage in enumerate(passages)
    ]


def source_of_bookings(bookings: Sequence[Booking], known: TrekNames) -> Source:
    """The customer's own bookings, as sentences: their dates and amounts may be told to them."""
    lines = (
        f"{booking.reference} {booking.trek} {booking.departs_on} {booking.status} "
        f"{booking.seats} seats, INR {booking.amount_inr}, INR {booking.paid_inr}, "
        f"INR {booking.amount_inr - booking.paid_inr}"
        for booking in bookings
    )
    return source_of("\n".join(lines), known)


def check(reply: str, sources: Sequence[Source], asked: Asked) -> Grounding:
    """Trace every fact of the reply to the sources."""
    unsupported: list[Fact] = []
    used: set[int] = set()
    checked = 0
    subject = asked.treks
    for sentence in sentences(reply):
        said = segment(sentence, asked.treks_known)
        subject = said.treks or subject  # a sentence without a name goes on about the last one
        for fact in said.facts:
            checked += 1
            months = (said.season(fact) if fact.unit in MONEY else None) or asked.months
            places = _supporters(fact, subject, months, asked, sources)
            if places is None:
                unsupported.append(fact)
            else:
                used |= places
    unknown = find_treks(reply, asked.treks_known) - asked.treks - _treks_in(sources)
    return Grounding(tuple(unsupported), tuple(sorted(unknown)), tuple(sorted(used)), checked)


def _treks_in(sources: Sequence[Source]) -> frozenset[str]:
    return frozenset(
        trek
        for source in sources
        for trek in (*source.treks, *(name for one in source.segments for name in one.treks))
    )


def _supporters(
    fact: Fact,
    subject: frozenset[str],
    months: frozenset[int],
    asked: Asked,
    sources: Sequence[Source],
) -> set[int] | None:
    """Places of the passages that say the same; None when no source does."""
    if fact.kind == "month" and fact.day and fact.day[1] in asked.months:
        return set()  # the customer's own month, echoed
    supported = False
    places: set[int] = set()
    for source in sources:
        if any(_says(one, source, fact, subject, months) for one in source.segments):
            supported = True
            if source.passage is not None:
                places.add(source.passage)
    return places if supported else None


def _says(
    said: Segment, source: Source, fact: Fact, subject: frozenset[str], months: frozenset[int]
) -> bool:
    about = said.treks or source.treks
    if about and subject and not about & subject:
        return False
    return any(
        same(fact, other) and (fact.unit not in MONEY or _in_season(months, said.season(other)))
        for other in said.facts
    )


def _in_season(claimed: frozenset[int], known: frozenset[int]) -> bool:
    """Every month that a price is claimed for must be one that the source gives it for."""
    return not claimed or not known or claimed <= known


def same(claim: Fact, evidence: Fact) -> bool:
    """Whether the evidence states the claim, in whatever spelling."""
    if claim.kind == "link":
        return evidence.kind == "link" and _bare(claim.text) == _bare(evidence.text)
    if claim.day and evidence.day:
        return _same_day(claim.day, evidence.day)
    if claim.day or evidence.day:
        return _is_year(claim, evidence)
    return claim.kind == evidence.kind and _same_number(claim, evidence)


def _same_day(said: Day, known: Day) -> bool:
    """All that is said must be known; a day is not supported by its month alone."""
    agrees = all(
        one is None or other in (one, None) for one, other in zip(said, known, strict=True)
    )
    return agrees and (said[2] is None or known[2] is not None)


def _same_number(claim: Fact, evidence: Fact) -> bool:
    if not claim.values & evidence.values:
        return False
    if claim.unit in MONEY:  # a bare number is no evidence of money, a deposit none of a price
        return claim.unit == evidence.unit and claim.role == evidence.role
    return claim.unit is None or evidence.unit is None or claim.unit == evidence.unit


def _is_year(claim: Fact, evidence: Fact) -> bool:
    """A year, "in 2027", is supported by any day of 2027."""
    year = evidence.day[0] if evidence.day else None
    return claim.day is None and year is not None and float(year) in claim.values


def _bare(link: str) -> str:
    return re.sub(
        r"[\s()-]", "", link.casefold().removeprefix("https://").removeprefix("http://")
    ).rstrip("/")


def asked_about(
    question: str, treks: Iterable[str], dates: Iterable[str], known: TrekNames
) -> Asked:
    """`treks` and `dates` (ISO days or months) as the understanding step read them."""
    months = {int(date[5:7]) for date in dates if re.match(r"\d{4}-\d{2}", date)}
    return Asked(
        frozenset(treks) | find_treks(question, known),
        frozenset(months) | months_of(question),
        known,
    )
