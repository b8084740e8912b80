"""The company that we speak for: its names, rules and sentences, read once from business.yaml.

Steps get a `Business` and never see the file. Every sentence has five variants, the four languages
and Hindi in Latin script; a missing one stops the start with its key.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime, time
from pathlib import Path
from string import Formatter
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import yaml
from pydantic import TypeAdapter, ValidationError

from serving.types import Intent, Language, Script, Stage

Variant = Literal["en", "hi", "hi_latn", "es", "fr"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class BusinessError(ValueError):
    """The business file cannot be used."""


def variant_of(language: Language, script: Script) -> Variant:
    return "hi_latn" if (language, script) == ("hi", "latn") else language


@dataclass(frozen=True, slots=True)
class LocalText:
    """One sentence in its five variants."""

    en: str
    hi: str
    hi_latn: str
    es: str
    fr: str

    def get(self, variant: Variant) -> str:
        text: str = getattr(self, variant)
        return text

    def all(self) -> tuple[str, ...]:
        return tuple(self.get(variant) for variant in VARIANTS)


@dataclass(frozen=True, slots=True)
class LocalWords:
    """A word list in its five variants."""

    en: tuple[str, ...]
    hi: tuple[str, ...]
    hi_latn: tuple[str, ...]
    es: tuple[str, ...]
    fr: tuple[str, ...]

    def get(self, variant: Variant) -> tuple[str, ...]:
        words: tuple[str, ...] = getattr(self, variant)
        return words

    def all(self) -> tuple[str, ...]:
        return tuple(word for variant in VARIANTS for word in self.get(variant))


@dataclass(frozen=True, slots=True)
class Whatsapp:
    display_phone_number: str
    phone_number: str
    phone_number_id: str
    business_account_id: str


@dataclass(frozen=True, slots=True)
class Tone:
    style: str
    max_emoji: int
    max_reply_chars: int
    guidance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpeningHours:
    timezone: str
    weekly: dict[str, tuple[time, time]]  # weekday to local opening and closing time
    text: LocalText
    closed_dates: tuple[date, ...] = ()

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.timezone))
        hours = self.weekly.get(WEEKDAYS[local.weekday()])
        if hours is None or local.date() in self.closed_dates:
            return False
        return hours[0] <= local.time() < hours[1]


@dataclass(frozen=True, slots=True)
class Contacts:
    sales_email: str
    support_email: str
    privacy_email: str
    office_phone: str
    emergency_phone: str
    address: str


@dataclass(frozen=True, slots=True)
class Website:
    url: str
    domain: str
    own_domains: tuple[str, ...]
    booking_url: str
    payment_url: str


@dataclass(frozen=True, slots=True)
class Privacy:
    controller: str
    notice_url: str
    retention_months: int
    notice: LocalText


@dataclass(frozen=True, slots=True)
class OptOut:
    footer: LocalText
    stop_words: LocalWords
    stop_marketing_words: LocalWords
    start_words: LocalWords


@dataclass(frozen=True, slots=True)
class CallToAction:
    by_stage: dict[Stage, LocalText]
    by_intent: dict[Intent, LocalText]


@dataclass(frozen=True, slots=True)
class Templates:
    """Complete messages for when no model wrote an answer, or none may."""

    salutation: LocalText
    greeting: LocalText
    greeting_named: LocalText
    thanks: LocalText
    goodbye: LocalText
    off_topic: LocalText
    human_handoff: LocalText
    human_handoff_closed: LocalText
    human_unavailable: LocalText
    cannot_answer: LocalText
    cannot_answer_topic: LocalText
    talk_to_person: LocalText
    clarify: LocalText
    which_trek: LocalText
    choose: LocalText
    quoted_passage: LocalText
    other_language: LocalText
    quoted_price: LocalText
    opt_out_confirmation: LocalText
    opt_out_marketing_confirmation: LocalText
    resubscribe_confirmation: LocalText
    media_unreadable: LocalText
    location_received: LocalText
    contact_received: LocalText
    technical_problem: LocalText
    sensitive_data: LocalText
    emergency: LocalText


@dataclass(frozen=True, slots=True)
class Approval:
    """Under which name and language Meta knows one variant of a template."""

    variant: Variant
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class TemplateButton:
    payload: str
    title: LocalText


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    category: Literal["utility", "marketing"]
    approved: tuple[Approval, ...]
    text: LocalText
    buttons: tuple[TemplateButton, ...] = ()


@dataclass(frozen=True, slots=True)
class Assistant:
    name: str
    persona: str
    rules: tuple[str, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """Price of one delivered message, US dollars."""

    service: float
    utility: float
    marketing: float
    calling_code: str = ""


@dataclass(frozen=True, slots=True)
class RateCard:
    currency: str
    free_service_messages_per_month: int
    monthly_budget_usd: float
    default: Rate
    countries: dict[str, Rate]


@dataclass(frozen=True, slots=True)
class BrandSafety:
    max_links: int
    allowed_link_domains: tuple[str, ...]
    never_ask_for: tuple[str, ...]
    blocked_topics: tuple[str, ...]
    blocked_phrases: LocalWords


@dataclass(frozen=True, slots=True)
class Business:
    schema_version: int
    name: str
    legal_name: str
    description: LocalText
    whatsapp: Whatsapp
    languages: tuple[Variant, ...]
    default_language: Language
    currency: str
    tone: Tone
    opening_hours: OpeningHours
    contacts: Contacts
    website: Website
    privacy: Privacy
    opt_out: OptOut
    human_words: LocalWords
    call_to_action: CallToAction
    placeholders: dict[str, tuple[str, ...]]
    templates: Templates
    assistant: Assistant
    rate_card: RateCard
    brand_safety: BrandSafety
    message_templates: dict[str, MessageTemplate]

    def say(self, template: str, variant: Variant, **values: str) -> str:
        """A template's sentence with its placeholders filled in one pass.

        Values are never format strings, so braces in a passage or a name stay as they are.
        """
        text: LocalText = getattr(self.templates, template)
        return text.get(variant).format(**values)

    def texts(self) -> dict[str, dict[Variant, str]]:
        """Every template by name and variant, for steps that choose the wording themselves."""
        return {
            field.name: {one: getattr(self.templates, field.name).get(one) for one in VARIANTS}
            for field in fields(Templates)
        }

    def privacy_notice(self, variant: Variant) -> str:
        return self.privacy.notice.get(variant).format(privacy_url=self.privacy.notice_url)


def load_business(path: Path) -> Business:
    """Read and check the file; `BusinessError` names the file and the key."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BusinessError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise BusinessError(f"{path}: not valid YAML: {error}") from error
    return parse_business(raw, str(path))


def parse_business(raw: object, origin: str) -> Business:
    try:
        business = TypeAdapter(Business).validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(top level)"
        others = error.error_count() - 1
        more = f" (and {others} more)" if others else ""
        raise BusinessError(f"{origin}: {key}: {first['msg']}{more}") from error
    _check_placeholders(business, origin)
    return business


def _check_placeholders(business: Business, origin: str) -> None:
    texts = {field.name: getattr(business.templates, field.name) for field in fields(Templates)}
    texts["notice"] = business.privacy.notice
    for name, text in texts.items():
        declared = set(business.placeholders.get(name, ()))
        for variant in VARIANTS:
            used = {field for _, field, _, _ in Formatter().parse(text.get(variant)) if field}
            if used != declared:
                raise BusinessError(
                    f"{origin}: {name}.{variant}: uses {sorted(used)}, "
                    f"but placeholders.{name} is {sorted(declared)}"
                )
