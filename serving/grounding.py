"""Is what a reply says in its sources? Every number, date, month, link and trek name is traced.

A fact counts as supported only by a sentence that speaks of the same trek, of the same season where
it is money, and of the same thing (a deposit is not a price). Pure; the caller gives the sources.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from serving.facts import MONEY, Day, Fact, months_of
from serving.sources import Segment, Source, Statement
from serving.trek_names import TrekNames


@dataclass(frozen=True, slots=True)
class Asked:
    """What the question was about; a reply that names no trek or month means these."""

    treks: frozenset[str] = frozenset()
    months: frozenset[int] = frozenset()
    treks_known: TrekNames = field(default_factory=TrekNames)


@dataclass(frozen=True, slots=True)
class Grounding:
    unsupported: tuple[Fact, ...]
    unknown_treks: tuple[str, ...]  # named in the reply, in no source and not asked about
    passages: tuple[int, ...]  # places of the passages that support at least one fact
    checked: int  # facts looked at

    @property
    def holds(self) -> bool:
        return not self.unsupported and not self.unknown_treks


def check(reply: Sequence[Segment], sources: Sequence[Source], asked: Asked) -> Grounding:
    """Trace every fact of the reply's sentences to the sources."""
    unsupported: list[Fact] = []
    used: set[int] = set()
    checked = 0
    subject = asked.treks
    for said in reply:
        subject = said.treks or subject  # a sentence without a name goes on about the last one
        for fact in said.facts:
            checked += 1
            months = (said.season(fact) if fact.unit in MONEY else None) or asked.months
            places = _supporters(fact, subject, months, asked, sources)
            if places is None:
                unsupported.append(fact)
            else:
                used |= places
    named = frozenset(trek for said in reply for trek in said.treks)
    unknown = named - asked.treks - _treks_in(sources) if named else named
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
        if any(_states(source, one, fact, subject, months) for one in source.near(fact)):
            supported = True
            if source.passage is not None:
                places.add(source.passage)
    return places if supported else None


def _states(
    source: Source,
    stated: Statement,
    claim: Fact,
    subject: frozenset[str],
    months: frozenset[int],
) -> bool:
    said, evidence = stated
    if not same(claim, evidence):
        return False
    about = source.about(said)
    if about and subject and not about & subject:
        return False
    return claim.unit not in MONEY or _in_season(months, said.season(evidence))


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
        frozenset(treks) | known.find(question),
        frozenset(months) | months_of(question),
        known,
    )
