"""What a sentence asserts that can be checked: numbers with their units, dates, months, times.

Recognises the spellings of four languages (12,500 · 12.500 · 12 500 · ₹12.5k · १२,५००) and brings
them to one form. Pure; knows nothing of passages or replies.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from serving.sentences import normalise

FactKind = Literal["number", "date", "month", "time", "link"]
Day = tuple[int | None, int, int | None]  # year, month, day


@dataclass(frozen=True, slots=True)
class Fact:
    kind: FactKind
    text: str  # as written
    start: int  # offset in the normalised sentence
    values: frozenset[float] = frozenset()  # readings of a number; more than one when ambiguous
    unit: str | None = None
    day: Day | None = None
    role: str | None = None  # of an amount of money: deposit, or None for a price


MONTHS: dict[str, int] = {}
for _number, _names in enumerate(
    (
        "january enero janvier janvari जनवरी",
        "february febrero février fevrier farvari फरवरी फ़रवरी",
        "march marzo mars मार्च",
        "april abril avril aprail अप्रैल",
        "may mayo mai मई",
        "june junio juin जून",
        "july julio juillet julai जुलाई",
        "august agosto août aout agast अगस्त",
        "september septiembre septembre sitambar सितंबर सितम्बर",
        "october octubre octobre aktubar अक्टूबर अक्तूबर",
        "november noviembre novembre navambar नवंबर नवम्बर",
        "december diciembre décembre decembre disambar दिसंबर दिसम्बर",
    ),
    start=1,
):
    MONTHS.update(dict.fromkeys(_names.split(), _number))
ABBREVIATIONS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9,
    "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
# English words besides: a month only when capitalised.
CAPITALISED_ONLY = frozenset({"may", "march", "mars", "mai", *ABBREVIATIONS})

LONGEST_MONTH = 31

_EDGE = r"(?<![\w\u0900-\u097f])"
_END = r"(?![\w\u0900-\u097f])"
_MONTH = "|".join(sorted([*MONTHS, *ABBREVIATIONS], key=len, reverse=True))
_FILL = r"(?:\s+(?:of|de|del|ki|ke|की|के))?\s+"

LINK = re.compile(
    r"https?://\S+|\b[\w.+-]+@[\w-]+\.[\w.]+|\bwww\.\S+|\+\d[\d ()-]{7,}\d", re.IGNORECASE
)
LINK_MARK = re.compile(r"[@+]|://|www\.", re.IGNORECASE)
DIGIT = re.compile(r"\d")
ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})(?:-(\d{2}))?\b")
SLASH_DATE = re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")
DAY_MONTH = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th|er|º)?{_FILL}({_MONTH})\.?{_END}"
    rf"(?:,?(?:\s+(?:de|del))?\s+(\d{{4}})\b)?",
    re.IGNORECASE,
)
MONTH_DAY = re.compile(
    rf"{_EDGE}({_MONTH})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*(?:k|km|m|days?)\b)(?:,?\s+(\d{{4}})\b)?",
    re.IGNORECASE,
)
MONTH_YEAR = re.compile(rf"{_EDGE}({_MONTH})\.?(?:\s+(?:de|del))?,?\s+(\d{{4}})\b", re.IGNORECASE)
MONTH_RANGE = re.compile(
    rf"{_EDGE}({_MONTH})\.?(?:\s+\d{{4}})?\s*(?:-|–|—|\s(?:to|till|until|through|a|al|hasta|à|au|"
    rf"jusqu'à|se|tak|से)\s)\s*(?:mid[- ]|early |late |mediados de |mi-)?({_MONTH}){_END}",
    re.IGNORECASE,
)
MONTH_ALONE = re.compile(rf"{_EDGE}({_MONTH}){_END}", re.IGNORECASE)
TIME = re.compile(r"\b(\d{1,2}):(\d{2})\b")

_AMOUNT = (
    r"\d{1,3}(?:,\d{2,3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+|\d{1,3}(?: \d{3})+(?!\d)|\d+(?:[.,]\d+)?"
)
_SCALE = r"k|thousand|mil|mille|hazaa?r|हज़ार|हजार|lakhs?|lacs?|लाख"
UNITS: tuple[tuple[str, str], ...] = (
    ("inr", r"₹|rs\.?|inr|rupees?|rupias?|roupies?|rupaye|rupay|रुपये|रुपए|रु\.?"),
    ("usd", r"us\$|\$|usd|dollars?|dólares|डॉलर"),
    ("eur", r"€|eur|euros?"),
    ("npr", r"npr"),
    ("pct", r"%|per ?cent|por ciento|pour ?cent|प्रतिशत"),
    ("celsius", r"°\s?c?|degrees?|grados|degrés|डिग्री"),
    ("km", r"km|kms|kilomet(?:re|er)s?|kilómetros?|kilomètres?|किमी|किलोमीटर"),
    ("m", r"m|mts?|met(?:re|er)s?|metros?|mètres?|मीटर"),
    ("ft", r"ft|feet|foot|pies|pieds|फीट|फुट"),
    ("kg", r"kg|kgs|kilos?|किलो"),
    ("hour", r"h|hrs?|hours?|horas?|heures?|घंटे|घंटा|ghante"),
    ("day", r"days?|días?|jours?|दिनों|दिन|din"),
    ("night", r"nights?|noches?|nuits?|रातें|रात|raat"),
    ("week", r"weeks?|semanas?|semaines?|हफ्ते|हफ़्ते|hafte"),
    ("month", r"months?|mes(?:es)?|mois|महीने|mahine"),
    ("year", r"years?|años?|ans?|वर्ष|साल|saal"),
)
MONEY = frozenset({"inr", "usd", "eur", "npr"})
_UNIT_AFTER = "|".join(pattern for _, pattern in UNITS)
_UNIT_BEFORE = "|".join(pattern for name, pattern in UNITS if name in MONEY)
NUMBER = re.compile(
    rf"(?:(?<![^\W\d_])(?P<before>{_UNIT_BEFORE})\s?[:=]?\s?)?(?<![\w.])(?P<amount>{_AMOUNT})"
    rf"(?:\s?(?P<scale>{_SCALE}){_END})?(?:[\s-]?(?P<after>{_UNIT_AFTER})(?![\w\u0900-\u097f]))?",
    re.IGNORECASE,
)
DAY_NUMBER = re.compile(rf"{_EDGE}(?:day|día|jour|दिन|din)\s(\d{{1,2}})\b", re.IGNORECASE)
SCALES = {"k": 1e3, "mil": 1e3, "mille": 1e3, "thousand": 1e3, "हज़ार": 1e3, "हजार": 1e3}
DEPOSIT = re.compile(
    r"deposit|advance|anticipo|señal|depósito|acompte|arrhes|डिपॉज़िट|डिपॉजिट|अग्रिम|जमा राशि",
    re.IGNORECASE,
)

# From two on: "one" and its kin are articles as often as numbers. Words that mean something else
# in another of our languages (once, do, neuf) are left out.
NUMBER_WORDS: dict[str, int] = {}
for _value, _spelled in enumerate(
    (
        "two dos deux दो", "three tres trois तीन", "four cuatro quatre chaar चार",
        "five cinco cinq paanch पाँच पांच", "six seis छह छः", "seven siete sept saat सात",
        "eight ocho huit aath आठ", "nine nueve नौ", "ten diez dix दस", "eleven onze ग्यारह",
        "twelve doce douze बारह",
    ),
    start=2,
):  # fmt: skip
    NUMBER_WORDS.update(dict.fromkeys(_spelled.split(), _value))
WORD_NUMBER = re.compile(
    rf"{_EDGE}(?P<word>{'|'.join(NUMBER_WORDS)})(?:[\s-](?P<after>{_UNIT_AFTER})){_END}",
    re.IGNORECASE,
)


def facts_of(sentence: str) -> list[Fact]:
    """Every checkable fact of one sentence; a span belongs to one fact only."""
    text = normalise(sentence)
    found: list[Fact] = []
    for reader in _readers(text):
        more = reader(text)
        found.extend(more)
        for fact in more:  # blank it, so that "15 September" does not also read as the number 15
            text = text[: fact.start] + " " * len(fact.text) + text[fact.start + len(fact.text) :]
    return found


def _readers(text: str) -> Iterator[Callable[[str], list[Fact]]]:
    """Those that can find something: most sentences hold no month, many no digit."""
    has_digits = DIGIT.search(text) is not None
    names_month = MONTH_ALONE.search(text) is not None
    if LINK_MARK.search(text):
        yield _links
    if has_digits:
        yield _dates if names_month else _plain_dates
    if names_month:
        yield _months
    if has_digits:
        yield _times
        yield _numbers
    yield _spelled_numbers


def months_of(sentence: str) -> frozenset[int]:
    """Months that are named, ranges filled in; days such as "15 June" do not count."""
    return frozenset(
        fact.day[1] for fact in facts_of(sentence) if fact.kind == "month" and fact.day
    )


def _links(text: str) -> list[Fact]:
    return [Fact("link", hit[0].rstrip(".,;)"), hit.start()) for hit in LINK.finditer(text)]


PLAIN_DATES = ((ISO_DATE, "ymd"), (SLASH_DATE, "dmy"))
NAMED_DATES = ((DAY_MONTH, "dmy"), (MONTH_DAY, "mdy"), (MONTH_YEAR, "my"))


def _plain_dates(text: str) -> list[Fact]:
    """In digits alone."""
    return _dates(text, PLAIN_DATES)


def _dates(
    text: str, forms: Sequence[tuple[re.Pattern[str], str]] = PLAIN_DATES + NAMED_DATES
) -> list[Fact]:
    found: list[Fact] = []
    taken: list[tuple[int, int]] = []
    for pattern, order in forms:
        for hit in pattern.finditer(text):
            day = _day(dict(zip(order, hit.groups(), strict=False)))
            if day and not any(start < hit.end() and hit.start() < end for start, end in taken):
                taken.append(hit.span())
                found.append(Fact("date", hit[0], hit.start(), day=day))
    return found


def _day(parts: dict[str, str | None]) -> Day | None:
    month, day, year = parts.get("m") or "", parts.get("d"), parts.get("y")
    number = int(month) if month.isdigit() else _month(month)
    if (
        number is None
        or number not in MONTHS.values()
        or (day and not 1 <= int(day) <= LONGEST_MONTH)
    ):
        return None
    return (int(year) if year else None, number, int(day) if day else None)


def _month(name: str) -> int | None:
    low = name.casefold()
    if low in CAPITALISED_ONLY and name[:1].islower():
        return None
    return MONTHS.get(low) or ABBREVIATIONS.get(low)


def _months(text: str) -> list[Fact]:
    found = [
        Fact("month", hit[0], hit.start(), day=(None, number, None))
        for hit in MONTH_ALONE.finditer(text)
        if (number := _month(hit[0]))
    ]
    for hit in MONTH_RANGE.finditer(text):
        first, last = _month(hit[1]), _month(hit[2])
        if first and last:
            between = range(first + 1, last if last > first else last + 12)
            found.extend(
                Fact("month", "", hit.start(), day=(None, (number - 1) % 12 + 1, None))
                for number in between
            )
    return found


def _times(text: str) -> list[Fact]:
    return [
        Fact("time", hit[0], hit.start(), values=frozenset({int(hit[1]) + int(hit[2]) / 60}))
        for hit in TIME.finditer(text)
    ]


def _numbers(text: str) -> list[Fact]:
    found = [
        Fact("number", hit[0], hit.start(), frozenset({float(hit[1])}), "day")
        for hit in DAY_NUMBER.finditer(text)
    ]
    spans = [(fact.start, fact.start + len(fact.text)) for fact in found]
    for hit in NUMBER.finditer(text):
        if any(start < hit.end() and hit.start() < end for start, end in spans):
            continue
        unit = _unit(hit["before"]) or _unit(hit["after"])
        role = _role(text, hit) if unit in MONEY else None
        found.append(Fact("number", hit[0], hit.start(), _readings(hit), unit, role=role))
    return found


def _readings(hit: re.Match[str]) -> frozenset[float]:
    amount, scale = hit["amount"].replace(" ", ""), (hit["scale"] or "").casefold()
    factor = 1e5 if scale.startswith(("la", "ला")) else SCALES.get(scale, 1e3 if scale else 1.0)
    if re.fullmatch(r"\d{1,3}(?:,\d{2,3})+(?:\.\d+)?", amount):
        readings = {float(amount.replace(",", ""))}
    elif re.fullmatch(r"\d{1,3}(?:\.\d{3})+", amount):  # 12.500 in Spanish, 12.5 in English
        readings = {float(amount.replace(".", ""))}
        if amount.count(".") == 1:
            readings.add(float(amount))
    else:
        readings = {float(amount.replace(",", "."))}
    return frozenset(round(value * factor, 4) for value in readings)


def _unit(written: str | None) -> str | None:
    if not written:
        return None
    for name, pattern in UNITS:
        if re.fullmatch(pattern, written, re.IGNORECASE):
            return name
    return None


def _role(text: str, hit: re.Match[str]) -> str | None:
    clause_start = max(text.rfind(mark, 0, hit.start()) for mark in (". ", "; ", ", ", "(", "। "))
    clause_end = re.compile(r"[;,(]|\.\s|।|$").search(text, hit.end())
    clause = text[max(clause_start, 0) : clause_end.start() if clause_end else len(text)]
    return "deposit" if DEPOSIT.search(clause) else None


def _spelled_numbers(text: str) -> list[Fact]:
    return [
        Fact(
            "number",
            hit[0],
            hit.start(),
            frozenset({float(NUMBER_WORDS[hit["word"].casefold()])}),
            _unit(hit["after"]),
        )
        for hit in WORD_NUMBER.finditer(text)
    ]
