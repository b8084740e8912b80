"""The messaging policy as versioned data, and the detectors that patterns cannot express.

Pure: a rule set is compiled once from policy.yaml; `find` answers where a text breaks a rule.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from serving.business import Business, BusinessError, Templates
from serving.replies import EMERGENCY
from serving.sentences import normalise
from serving.types import ComplianceQuery

POLICY_FILE = Path(__file__).with_name("policy.yaml")

Action = Literal["mask", "drop", "replace", "append", "flag"]
Span = tuple[int, int]
REVIEW_BELOW = 30  # confidence


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    reads: Literal["reply", "message"]
    action: Action
    why: str
    review: bool
    find: tuple[str, ...] = ()
    unless: str = ""  # a match is forgiven when its sentence has this
    detector: str = ""
    template: str = ""
    text: Literal["", "privacy_notice", "opt_out_footer"] = ""


@dataclass(frozen=True, slots=True)
class Policy:
    version: str
    rules: tuple[Rule, ...]

    def why(self, rule_id: str) -> str:
        return next(rule.why for rule in self.rules if rule.id == rule_id)


def load_policy(path: Path = POLICY_FILE) -> Policy:
    """`BusinessError` names the file and the key, or the rule and what is wrong with it."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        policy = TypeAdapter(Policy).validate_python(raw)
    except OSError as error:
        raise BusinessError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BusinessError(f"{path}: {key}: {first['msg']}") from error
    for rule in policy.rules:
        _check(rule, path)
    return policy


def _check(rule: Rule, path: Path) -> None:
    problem = ""
    if bool(rule.find) == bool(rule.detector):
        problem = "needs either find or detector"
    elif rule.detector and rule.detector not in DETECTORS:
        problem = f"unknown detector {rule.detector!r}"
    elif rule.action == "replace" and rule.template not in Templates.__slots__:
        problem = f"unknown template {rule.template!r}"
    elif rule.action == "append" and not rule.text and rule.template not in Templates.__slots__:
        problem = "append needs a text or a template"
    if problem:
        raise BusinessError(f"{path}: rule {rule.id}: {problem}")


def spans(rule: Rule, text: str, query: ComplianceQuery, business: Business) -> list[Span]:
    """Where the text breaks the rule; a rule about the whole turn gives the whole text."""
    if rule.detector:
        return DETECTORS[rule.detector](Subject(text, query, business))
    found = [
        hit.span() for pattern in rule.find for hit in re.finditer(pattern, text, re.IGNORECASE)
    ]
    if not rule.unless:
        return found
    return [
        span
        for span in found
        if not re.search(rule.unless, text[slice(*sentence_at(text, span))], re.IGNORECASE)
    ]


def sentence_at(text: str, span: Span) -> Span:
    """The sentence around a span, its closing mark included."""
    start = max(text.rfind(mark, 0, span[0]) for mark in (". ", "! ", "? ", "। ", "\n"))
    end = re.compile(r"[.!?।](?=\s|$)|\n|$").search(text, span[1])
    return (start + 1 if start >= 0 else 0, end.end() if end else len(text))


# ── detectors ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Subject:
    """What a detector looks at."""

    text: str
    query: ComplianceQuery
    business: Business


Detector = Callable[[Subject], list[Span]]

CARD = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
AADHAAR = re.compile(r"(?<!\d)[2-9]\d{3}[ -]\d{4}[ -]\d{4}(?!\d)")
PAN = re.compile(r"\b[A-Z]{3}[PCHABGJLFT][A-Z]\d{4}[A-Z]\b")
# Written numbers of accounts, passports and codes are told apart from other digits by their name.
NAMED_NUMBER = re.compile(
    r"\b(?:aadhaa?r|passport|pasaporte|passeport|account|cuenta|compte|ifsc|cvv|otp|pin code|pin)\b"
    r"\D{0,20}?(?P<number>(?=[A-Z0-9]*\d)[A-Z0-9]{3,18})\b",
    re.IGNORECASE,
)
EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PHONE = re.compile(r"(?<![\w.,₹])(?!\d{4}-\d{2}-\d{2}\b)\+?\d[\d ()-]{8,}\d(?![\w.,]\d)")
BOOKING = re.compile(r"\b[A-Z]{2,4}-\d{2}-\d{3,6}\b")
LINK = re.compile(r"(?:https?://|www\.)(?P<host>[^\s/:?#]+)\S*", re.IGNORECASE)
NEGATED_BEFORE = re.compile(
    r"\b(?:not|no|never|cannot|n't|nunca|jamais|pas|nahi)\b[^.!?]{0,12}$", re.IGNORECASE
)
NEGATED_AFTER = re.compile(r"^[^.!?।]{0,12}(?:नहीं|nahi|nahin)", re.IGNORECASE)


def _numbers(of: Subject) -> list[Span]:
    text = of.text
    found = [hit.span() for hit in CARD.finditer(text) if luhn(hit[0])]
    found += [hit.span() for pattern in (IBAN, AADHAAR, PAN) for hit in pattern.finditer(text)]
    found += [hit.span("number") for hit in NAMED_NUMBER.finditer(text)]
    return sorted(set(found))


def luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1)."""
    numbers = [int(char) for char in digits if char.isdigit()]
    doubled = (
        number if place % 2 == 0 else sum(divmod(2 * number, 10))
        for place, number in enumerate(reversed(numbers))
    )
    return sum(doubled) % 10 == 0 and len(set(numbers)) > 1


def _foreign_personal_data(of: Subject) -> list[Span]:
    text, query, business = of.text, of.query, of.business
    contacts = business.contacts
    mails = {contacts.sales_email, contacts.support_email, contacts.privacy_email}
    mails |= {query.context.profile.email or ""}
    phones = {contacts.office_phone, contacts.emergency_phone}
    phones |= {business.whatsapp.display_phone_number}
    own_bookings = {booking.reference for booking in query.context.bookings}
    return [
        *_others(EMAIL, text, mails, str.casefold),
        *_others(PHONE, text, phones, _digits),
        *_others(BOOKING, text, own_bookings, str.casefold),
    ]


def _others(
    pattern: re.Pattern[str], text: str, ours: Iterable[str], key: Callable[[str], str]
) -> list[Span]:
    known = {key(one) for one in ours}
    return [hit.span() for hit in pattern.finditer(text) if key(hit[0]) not in known]


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _foreign_link(of: Subject) -> list[Span]:
    ours = {domain.casefold() for domain in of.business.brand_safety.allowed_link_domains}
    return [
        hit.span()
        for hit in LINK.finditer(of.text)
        if hit["host"].casefold().rstrip(".,;)।") not in ours
    ]


def _blocked_phrase(of: Subject) -> list[Span]:
    """A phrase of the company's list, unless the sentence denies it ("not guaranteed")."""
    return [
        hit.span()
        for phrase in of.business.brand_safety.blocked_phrases.all()
        for hit in re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", of.text, re.IGNORECASE)
        if not NEGATED_BEFORE.search(of.text[: hit.start()])
        and not NEGATED_AFTER.search(of.text[hit.end() :])
    ]


def _whole(applies: Callable[[ComplianceQuery], bool]) -> Detector:
    def detect(of: Subject) -> list[Span]:
        return [(0, len(of.text))] if applies(of.query) else []

    return detect


def first_contact(query: ComplianceQuery) -> bool:
    """Nothing was ever sent to them. Recent replies prove otherwise when the profile is missing."""
    return query.context.profile.first_contact and not query.turn.recent_replies


def _without_opt_out(of: Subject) -> list[Span]:
    return [(0, len(of.text))] if first_contact(of.query) and "STOP" not in of.text else []


DETECTORS: dict[str, Detector] = {
    "payment_or_identity_number": _numbers,
    "foreign_personal_data": _foreign_personal_data,
    "foreign_link": _foreign_link,
    "blocked_phrase": _blocked_phrase,
    "human_requested": _whole(lambda query: query.parsed.intent == "human_handoff"),
    "emergency": _whole(lambda query: EMERGENCY.search(normalise(query.turn.text)) is not None),
    "low_confidence": _whole(lambda query: query.validated.confidence < REVIEW_BELOW),
    "first_contact": _whole(first_contact),
    "first_contact_without_opt_out": _without_opt_out,
}
