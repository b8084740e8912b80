"""Which sentences of the passages answer the question: for short prompts and for quoted answers.

Scores sentences by shared words, by what the intent needs (money, dates, a list of what is
included) and by trek and month, so that it works across languages too. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import yaml

from serving.bands import days_named, outside
from serving.facts import MONEY
from serving.followups import in_context, said_before
from serving.grounding import Asked, asked_about
from serving.sentences import content_words
from serving.sources import Segment, Source, asks, sources_of
from serving.trek_names import TrekNames, names_about
from serving.types import Documents, HistoryMessage, Intent, Language, Parsed, Turn

NOT_INCLUDED = re.compile(
    r"\bnot? includ|no incluye|(?:ne comprend|n'inclut) pas|non (?:compris|inclus)|शामिल नहीं",
    re.IGNORECASE,
)
REFUND = re.compile(
    r"refund|cancel|reembols|devol|rembours|annul|रिफ़ंड|रिफंड|वापस|रद्द", re.IGNORECASE
)
SEATS = re.compile(r"seat|depart|plazas?\b|salid|places?\b|départ|सीट|प्रस्थान|तारीख", re.IGNORECASE)

TOPICS_FILE = Path(__file__).with_name("topics.yaml")


@dataclass(frozen=True, slots=True)
class Topic:
    """What a customer's words point at in a source of any language."""

    name: str
    asked: re.Pattern[str]
    said: re.Pattern[str]
    required: bool = False  # an answer may not leave it out where the sources hold it
    subject: bool = False  # only a sentence about it answers
    of_trek: bool = False  # says nothing without the trek that was asked about


@cache
def topics() -> tuple[Topic, ...]:
    rows = yaml.safe_load(TOPICS_FILE.read_text(encoding="utf-8"))
    return tuple(
        Topic(
            row["topic"],
            re.compile(row["asked"], re.IGNORECASE),
            re.compile(row["said"], re.IGNORECASE),
            row.get("required", False),
            row.get("subject", False),
            row.get("of_trek", False),
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class ContextLimits:
    """How much a model reads. The smallest one mixes up more than a few sentences."""

    max_chars: int = 500
    max_sentences: int = 3
    max_passages: int = 3
    min_share: float = 0.75  # of the score of the best sentence of its topic


# One shared topic, intent need or half of the question's words, above the passage's own standing.
MIN_ANSWER_SCORE = 1.2
STANDING = 3.0  # of a sentence of the passage that was found first
RELEVANCE_WEIGHT = 2.0  # of a sentence that is near the question by meaning
NO_TOPIC_PENALTY = 1.5  # the question has a topic we know and the sentence is not about it
MAX_HEADING = 60  # characters
NEARLY_AS_GOOD = 0.6  # of the best score
PRICE = -1  # the topic that needs no pattern: an amount of money that is not a deposit
# Asks for an amount, which "how can I pay" does not.
PRICE_ASKED = re.compile(
    r"how much|cost|price|\brates?\b|\bfees?\b|charge|kitn|daam|cuánto|cuesta|precio|combien|coût|"
    r"prix|"
    r"tarif|कीमत|कितन|दाम|शुल्क",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    intent: Intent
    language: Language
    asked: Asked
    spelled: str = ""  # the treks as the customer wrote them


@dataclass(frozen=True, slots=True)
class Pick:
    """A sentence that answers, and where it stands."""

    passage: int
    order: int  # place among the passage's sentences
    text: str
    score: float
    covers: frozenset[int] = frozenset()  # which of the question's topics
    relevance: float | None = None  # by meaning, see Passage; None: unknown


def rank(question: Question, sources: Sequence[Source]) -> list[Pick]:
    """Sentences that may answer, best first; those about another trek or season are left out."""
    asked = topics_asked(question)
    subject = question.asked.treks | {
        alias for trek in question.asked.treks for alias in question.asked.treks_known.aliases(trek)
    }
    wanted = content_words(question.text) - content_words(" ".join(subject))
    days = days_named(question.text)
    picks: list[Pick] = []
    for source in sources:
        if source.passage is None:
            continue
        # Retrieval already ordered the passages.
        standing = (STANDING if source.relevance else 1.0) / (1 + source.passage)
        for order, segment in enumerate(source.segments):
            if not _tells(segment) or _off_subject(segment, source, question):
                continue
            if outside(segment.text, days):
                continue
            covers = frozenset(topic for topic in asked if _covers(segment, topic))
            if NOT_INCLUDED.search(segment.text) and not NOT_INCLUDED.search(question.text):
                covers = frozenset()  # names the subject to say the opposite
            score = _score(segment, source, question, wanted) + 1.2 * len(covers)
            if asked and not covers:
                score -= NO_TOPIC_PENALTY
            relevance = source.relevance[order] if source.relevance else None
            score += RELEVANCE_WEIGHT * max(relevance or 0.0, 0.0)
            if score > 0:
                picks.append(
                    Pick(source.passage, order, segment.text, score + standing, covers, relevance)
                )
    return sorted(picks, key=lambda pick: (-pick.score, pick.passage, pick.order))


def topics_asked(question: Question) -> frozenset[int]:
    return _topics_asked(question.text, question.intent)


@lru_cache(maxsize=1024)  # a turn asks several times, and customers ask the same things
def _topics_asked(text: str, intent: Intent) -> frozenset[int]:
    asked = {place for place, topic in enumerate(topics()) if topic.asked.search(text)}
    if intent == "pricing" and PRICE_ASKED.search(text):
        asked.add(PRICE)
    return frozenset(asked)


def names_topic(text: str) -> bool:
    """Whether it asks for something that trekking companies know."""
    return any(topic.asked.search(text) and not topic.subject for topic in topics())


def subjects_asked(question: Question) -> frozenset[int]:
    """The topics that only a sentence about them answers."""
    return frozenset(one for one in topics_asked(question) if one >= 0 and topics()[one].subject)


def only_of_a_trek(topics_covered: frozenset[int]) -> bool:
    """Whether all of these are prices, heights and the like, which differ from trek to trek."""
    return all(one == PRICE or topics()[one].of_trek for one in topics_covered)


def _covers(segment: Segment, topic: int) -> bool:
    if topic == PRICE:
        return bool(_has_price(segment))
    return topics()[topic].said.search(segment.text) is not None


def _tells(segment: Segment) -> bool:
    """Headings and questions name a subject and say nothing about it."""
    text = segment.text.rstrip(" *")
    if asks(text):
        return False
    return bool(segment.facts) or text[-1:] in ".!।" or ": " in text or len(text) > MAX_HEADING


def read(
    turn: Turn,
    parsed: Parsed,
    documents: Documents,
    known: TrekNames | None = None,
    history: Sequence[HistoryMessage] = (),
) -> tuple[Question, list[Source]]:
    """The question as it is meant and the passages, ready to be compared.

    `known` are trek names and aliases; without them those that the passages are about serve.
    """
    known = known or names_about(passage.trek for passage in documents.passages)
    subject = in_context(turn.text, parsed, said_before(turn, history), known)
    treks = [str(value) for value in subject.parsed.values("trek")]
    dates = [str(value) for value in parsed.values("date")]
    asked = asked_about(subject.text, treks, dates, known)
    intent: Intent = parsed.intent
    if subject.text != turn.text and PRICE_ASKED.search(subject.text):
        intent = "pricing"  # "and in May?" asks what was asked before
    spelled = " ".join(one.text for one in parsed.entities if one.type == "trek")
    question = Question(subject.text, intent, parsed.language, asked, spelled)
    return question, sources_of(documents.passages, known)


def answer_sentences(
    picks: Sequence[Pick], documents: Documents, max_chars: int, max_sentences: int
) -> list[Pick]:
    """The best sentences of the best document, in reading order, that fit."""
    if not picks:
        return []
    best = picks[0]
    doc = documents.passages[best.passage].doc
    same = [pick for pick in picks if documents.passages[pick.passage].doc == doc]
    return _choose(same, ContextLimits(max_chars, max_sentences)) or [best]


def in_language(picks: Sequence[Pick], documents: Documents, language: Language) -> list[Pick]:
    """Those of pages in that language that answer about as well as the best."""
    return [
        pick
        for pick in picks
        if documents.passages[pick.passage].language == language
        and pick.score >= picks[0].score * NEARLY_AS_GOOD
    ]


def context_sentences(picks: Sequence[Pick], limits: ContextLimits) -> list[Pick]:
    """What a model needs to read: the best sentences of the best few passages, in reading order."""
    passages = list(dict.fromkeys(pick.passage for pick in picks))[: limits.max_passages]
    return _choose([pick for pick in picks if pick.passage in passages], limits)


def _choose(picks: Sequence[Pick], limits: ContextLimits) -> list[Pick]:
    """Those that bring a topic not yet covered, then those about as good as the best."""
    bringing: list[Pick] = []
    covered: frozenset[int] = frozenset()
    for pick in picks:
        if not bringing or pick.covers - covered:
            bringing.append(pick)
            covered |= pick.covers
    # The price of the other season is as good an answer as the first one's.
    near = [pick for pick in picks if any(_alike(pick, one, limits) for one in bringing)]
    chosen: dict[str, Pick] = {}
    length = 0
    for pick in [*bringing, *near]:
        fits = length + len(pick.text) <= limits.max_chars and len(chosen) < limits.max_sentences
        if fits and pick.text not in chosen:
            chosen[pick.text] = pick
            length += len(pick.text) + 1
    return sorted(chosen.values(), key=lambda pick: (pick.passage, pick.order))


def _alike(pick: Pick, other: Pick, limits: ContextLimits) -> bool:
    return pick.covers == other.covers and pick.score >= other.score * limits.min_share


def told(pick: Pick, sources: Sequence[Source]) -> str:
    """The sentence with its subject in front, when it does not name it ("Duration: 5 days")."""
    source = sources[pick.passage]
    named = source.segments[pick.order].treks
    if named or len(source.treks) != 1:
        return pick.text
    return f"{next(iter(source.treks))}: {pick.text}"


def _off_subject(segment: Segment, source: Source, question: Question) -> bool:
    about = source.about(segment)
    if about and question.asked.treks and not about & question.asked.treks:
        return True
    months = question.asked.months
    if not months:
        return False
    if question.intent == "availability" and (days := _months_of_days(segment)):
        return not days & months
    has_money = any(fact.unit in MONEY for fact in segment.facts)
    return bool(has_money and segment.months and not segment.months & months)


def _months_of_days(segment: Segment) -> frozenset[int]:
    return frozenset(fact.day[1] for fact in segment.facts if fact.kind == "date" and fact.day)


def _score(segment: Segment, source: Source, question: Question, wanted: frozenset[str]) -> float:
    shared = len(wanted & segment.words) / (len(wanted) or 1)
    score = 2 * shared + _fits_intent(segment, question)
    if segment.months & question.asked.months:
        score += 0.5
    if source.about(segment) & question.asked.treks:
        score += 0.5
    if NOT_INCLUDED.search(segment.text) and not NOT_INCLUDED.search(question.text):
        score -= 1.5
    return score


def _fits_intent(segment: Segment, question: Question) -> float:
    match question.intent:
        case "pricing":
            return 0.8 * _has_price(segment)
        case "availability":
            has_day = any(fact.kind == "date" for fact in segment.facts)
            return 0.7 * has_day + 0.7 * bool(SEATS.search(segment.text))
        case "cancellation_refund":
            return 1.0 * bool(REFUND.search(segment.text))
        case "booking":
            has_deposit = any(fact.role == "deposit" for fact in segment.facts)
            return 0.5 * has_deposit + 0.3 * _has_price(segment)
        case "trek_info" | "support" | "human_handoff" | "smalltalk":
            return 0.0


def _has_price(segment: Segment) -> float:
    return float(any(fact.unit in MONEY and fact.role is None for fact in segment.facts))
