"""What "and in May?" is about: the question before it, without what the new one replaces.

Only short questions and those with a pronoun look back; one that names its trek stands alone. The
advertisement that a chat began with counts as said by us. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from serving.facts import ABBREVIATIONS, MONTHS, facts_of
from serving.sentences import content_words, normalise
from serving.trek_names import TrekNames
from serving.types import Entity, HistoryMessage, Intent, Parsed, Turn

MAX_WORDS = 7  # "and how much would that be in May?" has eight, and a pronoun
LOOK_BACK = 6  # messages, ours included: further back the customer has something else in mind
POINTS_BACK = re.compile(
    r"\b(?:it|its|that|this|there|same|one|ones|eso|ese|esa|este|esta|allí|mismo|misma|lo|ça|cela|"
    r"celui|celle|ce|cette|là|même|y|uska|uski|uske|usme|usmein|wahan|wahi|woh|iska|iski|isme)\b"
    r"|उस|वह|वहाँ|वही|इस|यह",
    re.IGNORECASE,
)
OPENS_AS_ONE = re.compile(
    r"^\W*(?:(?:and|or|but|what about|how about|ok and|y|o|pero|et|ou|mais|aur|ya|lekin)\b"
    r"|और|या|लेकिन)",
    re.IGNORECASE,
)
# A month in small letters may be another word: "mai", "may".
FILLERS = frozenset(
    {"ok", "okay", "but", "pero", "mais", "lekin", "लेकिन", "then", "what", *MONTHS, *ABBREVIATIONS}
)
ALONE: frozenset[Intent] = frozenset({"smalltalk", "human_handoff"})


@dataclass(frozen=True, slots=True)
class Subject:
    """The question as it is meant."""

    text: str
    parsed: Parsed


def looks_back(text: str, parsed: Parsed) -> bool:
    """Whether the question may need the ones before it."""
    if parsed.values("trek") or not text.strip():
        return is_bare_trek(text, parsed)
    if parsed.intent in ALONE and not parsed.unsure:
        return OPENS_AS_ONE.search(text) is not None
    words = len(text.split())
    return words <= MAX_WORDS or (
        words <= 2 * MAX_WORDS and bool(OPENS_AS_ONE.search(text) or POINTS_BACK.search(text))
    )


def in_context(
    text: str, parsed: Parsed, history: Sequence[HistoryMessage], names: TrekNames
) -> Subject:
    """The question with what it leaves unsaid: the last trek spoken of and the last thing asked."""
    if not history or not looks_back(text, parsed):
        return Subject(text, parsed)
    recent = history[-LOOK_BACK:][::-1]
    if parsed.values("trek"):
        return _chosen(text, parsed, recent, names)
    treks = next((found for one in recent if len(found := names.find(one.text)) == 1), frozenset())
    if not treks:
        return Subject(text, parsed)
    meant = replace(parsed, entities=(*parsed.entities, *map(_entity, treks)))
    asked = next((one.text for one in recent if one.role == "customer"), "")
    if not _needs_topic(text, parsed) or not asked:
        return Subject(text, meant)
    return Subject(f"{_undated(asked)}\n{text}", meant)


def is_bare_trek(text: str, parsed: Parsed) -> bool:
    """A trek's name and nothing else: the answer to "which one?"."""
    spans = [(one.start, one.end) for one in parsed.entities if one.type == "trek"]
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + " " + text[end:]
    return bool(spans) and not content_words(text) - FILLERS


def _chosen(
    text: str, parsed: Parsed, recent: Sequence[HistoryMessage], names: TrekNames
) -> Subject:
    """What was asked before of no trek, now of this one."""
    asked = next((one.text for one in recent if one.role == "customer"), "")
    if not asked or names.find(asked):
        return Subject(text, parsed)
    return Subject(f"{asked}\n{text}", parsed)


def said_before(turn: Turn, history: Sequence[HistoryMessage]) -> tuple[HistoryMessage, ...]:
    """The history, and what the customer saw last: the advertisement they wrote from."""
    seen = [one for one in turn.messages if one.advert]
    return (*history, *(HistoryMessage("assistant", one.advert, one.sent_at) for one in seen))


def _needs_topic(text: str, parsed: Parsed) -> bool:
    """Of "and in May?" and "for four people?" it is true, of "and is it hard?" it is not."""
    return not content_words(_undated(text)) - FILLERS or bool(parsed.values("group_size"))


def _undated(text: str) -> str:
    """The earlier question without its months and days: the new one names its own or none."""
    plain = normalise(text)
    for fact in facts_of(text):
        if fact.day:
            end = fact.start + len(fact.text)
            plain = plain[: fact.start] + " " * len(fact.text) + plain[end:]
    return " ".join(plain.split())


def _entity(trek: str) -> Entity:
    return Entity("trek", trek, 0, 0, trek)
