"""From sentences to one WhatsApp message: templates, quotes, name, call to action, length, marks.

Used by the step that writes and, for replacements, by the step that checks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from serving.business import Business, Variant, variant_of
from serving.sentences import normalise, shorten
from serving.types import (
    CustomerContext,
    Intent,
    Parsed,
    Risk,
    Turn,
)

# A name that a stranger chose is written into our reply only when it is a plain given name.
PLAIN_NAME = re.compile(r"[^\W\d_][^\W\d_\u0900-\u097f]{1,19}|[\u0900-\u097f]{2,20}")
NOT_A_NAME = frozenset(
    {
        *("admin", "administrator", "agent", "assistant", "bot", "customer", "ignore", "meta"),
        *("null", "official", "owner", "stop", "support", "switchback", "system", "test"),
        *("undefined", "user", "whatsapp"),
    }
)

_GREETING = (
    r"\b(?:h+i+|hello|hey+|hola|buenos días|buenas|bonjour|salut|bonsoir|namaste|namaskar|good "
    r"(?:morning|afternoon|evening))\b|नमस्ते|नमस्कार|हैलो|हेलो"
)
_THANKS = (
    r"\b(?:thanks?|thank you|thx|ty|great|perfect|gracias|merci|dhanya?vaa?d|shukriya|genial|"
    r"super)\b|धन्यवाद|शुक्रिया|👍|🙏"
)
_GOODBYE = (
    r"\b(?:bye|goodbye|good night|see you|adiós|hasta luego|au revoir|alvida|chalo bye)\b|अलविदा"
)
_ABOUT_US = (
    r"\b(?:are you (?:a )?(?:bot|robot|human|real|ai)|who are you|eres (?:un )?bot|robot)\b"
    r"|बॉट|रोबोट"
)
SMALLTALK: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (template, re.compile(pattern, re.IGNORECASE))
    for template, pattern in (
        ("goodbye", _GOODBYE),
        ("thanks", _THANKS),
        ("greeting", _GREETING),
        ("greeting", _ABOUT_US),
    )
)
MAX_BUTTONS = 3  # under one WhatsApp message; more choices are a list ...
MAX_ROWS = 10  # ... of so many
OFF_TOPIC_WORDS = 3  # longer chat without a greeting or thanks asks for something we do not do

# Someone needs help now. A question about safety has none of these.
EMERGENCY = re.compile(
    r"\b(?:sos|emergency now|need (?:help|rescue) now|unconscious|(?:can'?t|cannot) breathe|"
    r"bleeding|is injured|am injured|got injured|broke (?:my|his|her) leg|avalanche hit|"
    r"heart attack|lost on the (?:trail|trek|mountain)|inconsciente|no puede respirar|"
    r"está herid[oa]|inconscient|ne (?:peut|peux) (?:pas|plus) respirer|est blessée?|"
    r"behosh|saans nahi|chot lagi)\b|बेहोश|साँस नहीं|सांस नहीं|घायल|चोट लगी",
    re.IGNORECASE,
)
# What says nothing in words, by the type of its message; whatever else is media.
WORDLESS = {"location": "location_received", "contacts": "contact_received"}
CTA_INTENTS: frozenset[Intent] = frozenset(
    {"trek_info", "pricing", "availability", "booking", "cancellation_refund", "support"}
)


@dataclass(frozen=True, slots=True)
class Scripted:
    """An answer in the company's own words; `mark` is set when it is not a full answer."""

    template: str
    text: str
    mark: str = ""
    hands_over: bool = False  # a person goes on from here


def variant_for(parsed: Parsed) -> Variant:
    return variant_of(parsed.language, parsed.script)


def scripted(
    turn: Turn, parsed: Parsed, context: CustomerContext, business: Business, now: datetime
) -> Scripted | None:
    """What is answered without documents and without a model; None: it needs them."""
    variant = variant_for(parsed)
    if not turn.text.strip():
        name = WORDLESS.get(turn.messages[-1].type, "media_unreadable")
        return _template(name, business, variant, name)
    if EMERGENCY.search(turn.text):
        return replace(_template("emergency", business, variant), hands_over=True)
    if parsed.intent == "human_handoff":
        if not context.may_ask_person:
            return _unavailable(business, variant)
        return handoff(business, variant, now)
    if parsed.intent == "smalltalk":
        return _smalltalk(turn.text, context, business, variant)
    return None


def handoff(business: Business, variant: Variant, now: datetime) -> Scripted:
    """The acknowledgement: a colleague answers, now or when the office opens."""
    if business.opening_hours.is_open(now):
        return replace(_template("human_handoff", business, variant), hands_over=True)
    hours = business.opening_hours.text.get(variant)
    text = business.say("human_handoff_closed", variant, hours=hours)
    return Scripted("human_handoff_closed", text, hands_over=True)


def _unavailable(business: Business, variant: Variant) -> Scripted:
    """The queue of people is full, or was asked for too often: say where else they are."""
    contacts = business.contacts
    text = business.say(
        "human_unavailable", variant, phone=contacts.office_phone, email=contacts.support_email
    )
    return Scripted("human_unavailable", text, mark="human_quota")


def decline(business: Business, variant: Variant, *, unsure: bool = False) -> Scripted:
    """Nothing in the documents answers: say so and offer a person."""
    template = "clarify" if unsure else "cannot_answer"
    return _template(template, business, variant, "no_answer_found")


def which_trek(business: Business, variant: Variant) -> Scripted:
    """The question misses the trek it is about."""
    return _template("which_trek", business, variant, "no_trek_named")


def _smalltalk(
    text: str, context: CustomerContext, business: Business, variant: Variant
) -> Scripted:
    template = next((name for name, cue in SMALLTALK if cue.search(normalise(text))), None)
    if template is None:
        template = "off_topic" if len(text.split()) > OFF_TOPIC_WORDS else "greeting"
    name = safe_name(context.profile.name)
    if template == "greeting" and name and not context.profile.first_contact:
        return Scripted("greeting_named", business.say("greeting_named", variant, name=name))
    return _template(template, business, variant)


def _template(name: str, business: Business, variant: Variant, mark: str = "") -> Scripted:
    return Scripted(name, business.say(name, variant), mark)


def safe_name(name: str | None) -> str | None:
    """The given name, when it is one plain word of letters; never what reads as an order."""
    first = normalise(name or "").strip().split(" ")[0].strip(".,")
    if not PLAIN_NAME.fullmatch(first) or first.casefold() in NOT_A_NAME:
        return None
    return first[0].upper() + first[1:]


def call_to_action(
    parsed: Parsed, context: CustomerContext, business: Business, recent: Sequence[str]
) -> str:
    """One closing sentence that fits; "" when the last reply ended with it already."""
    if parsed.intent not in CTA_INTENTS:
        return ""
    variant = variant_for(parsed)
    by_intent = business.call_to_action.by_intent[parsed.intent].get(variant)
    by_stage = business.call_to_action.by_stage[context.stage].get(variant)
    # Nobody is asked what they have just said, nor, once decided or booked, about prices.
    late = (
        (parsed.intent == "pricing" and bool(parsed.values("date")))
        or (parsed.intent == "availability" and bool(parsed.values("group_size")))
        or (parsed.intent == "trek_info" and context.stage in ("decision", "booked", "post_trip"))
    )
    ordered = (by_stage, by_intent) if late else (by_intent, by_stage)
    said = recent[-1] if recent else ""
    return next((sentence for sentence in ordered if sentence not in said), "")


def finish(
    body: str,
    parsed: Parsed,
    context: CustomerContext,
    business: Business,
    *,
    risk: Risk,
    recent: Sequence[str],
) -> str:
    """Name, body and call to action as one message within the company's length."""
    variant = variant_for(parsed)
    name = safe_name(context.profile.name)
    greeted = any(message.role != "customer" for message in context.history) or bool(recent)
    opening = f"{business.say('salutation', variant, name=name)} " if name and not greeted else ""
    ends_asking = body.rstrip().endswith("?")
    # A customer who gets plain words only is not pushed either.
    action = (
        ""
        if risk.level != "low" or ends_asking
        else call_to_action(parsed, context, business, recent)
    )
    room = business.tone.max_reply_chars - len(opening) - len(action) - 2
    text = opening + shorten(to_whatsapp(body), room)
    return f"{text}\n\n{action}" if action else text


def to_whatsapp(text: str) -> str:
    """Markdown as WhatsApp shows it: *bold*, plain links, no headings, at most one blank line."""
    text = re.sub(r"\*\*(.+?)\*\*", r"*\1*", text)
    text = re.sub(r"^#{1,6}\s*(.+)$", r"*\1*", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)]+)\)", r"\1: \2", text)
    text = re.sub(r"\s?\[\d+\]", "", text)  # citation markers are for us
    return re.sub(r"\n{3,}", "\n\n", text).strip()
