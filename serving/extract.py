"""Which sentences of the passages answer the question: for short prompts and for quoted answers.

Scores sentences by shared words, by what the intent needs (money, dates, a list of what is
included) and by trek and month, so that it works across languages too. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from serving.facts import MONEY
from serving.grounding import Asked, Segment, Source, TrekNames, asked_about, sources_of
from serving.sentences import content_words
from serving.types import Documents, Intent, Language, Parsed, Passage, Turn

INCLUDED = re.compile(r"inclu|शामिल|shaamil|shamil", re.IGNORECASE)
NOT_INCLUDED = re.compile(r"\bnot included|no incluye|non compris|शामिल नहीं", re.IGNORECASE)
REFUND = re.compile(
    r"refund|cancel|reembols|devol|rembours|annul|रिफ़ंड|रिफंड|वापस|रद्द", re.IGNORECASE
)
SEATS = re.compile(r"seat|depart|plazas?\b|salid|places?\b|départ|सीट|प्रस्थान|तारीख", re.IGNORECASE)

# What a customer's words in any language point at in a source of any language.
TOPICS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(said, re.IGNORECASE))
    for asked, said in (
        (r"inclu|incluid|shaamil|shamil|शामिल|compris", r"inclu|compris|शामिल"),
        (r"altitude|how high|highest|altura|altitud|hauteur|oonch|ऊँच|ऊंच", r"highest|\bm\b|altitud|ऊँच|ऊंच"),
        (r"how long|how many days|duration|dura|cuántos días|combien de jours|durée|kitne din|कितने दिन", r"duration|\bdays?\b|duraci|durée|\bdías\b|jours|दिन"),
        (r"difficult|hard|easy|beginner|difícil|fácil|difficile|facile|mushkil|kathin|कठिन|मुश्किल", r"difficult|easy|moderate|dific|fácil|facile|कठिन|आसान|मध्यम"),
        (r"pack|bring|wear|shoes|llevar|equipa|ropa|emporter|équip|saman|samaan|सामान|जूते", r"bring|pack|shoes|llevar|botas|emporter|chaussures|जूते|सामान"),
        (r"weather|cold|snow|rain|clima|frío|nieve|météo|froid|neige|mausam|thand|barf|मौसम|ठंड|बर्फ", r"°|snow|rain|weather|nights|nieve|lluvia|neige|pluie|बर्फ|मौसम"),
        (r"best time|when (?:is|to)|season|mejor época|cuándo|meilleure|quand|kab|कब", r"best time|season|época|saison|période|समय"),
        (r"\bage\b|child|kid|old|edad|niñ|âge|enfant|bachch|umar|बच्च|उम्र|आयु", r"age|years|edad|años|âge|ans|आयु|वर्ष"),
        (r"fit|train|forma física|entren|condition|entraîn|fitness|फिट", r"fitness|jog|climb|entren|forme|फिट"),
        (r"food|meal|veg|comida|repas|nourriture|khana|खाना|भोजन", r"meal|food|veg|comida|repas|खाना|भोजन"),
        (r"deposit|advance|anticipo|señal|acompte|डिपॉज|अग्रिम", r"deposit|anticipo|señal|acompte|डिपॉज|अग्रिम"),
        (r"discount|offer|descuento|remise|réduction|chhoot|छूट", r"discount|descuento|remise|réduction|छूट"),
        (r"pay|emi|instal|pagar|payer|paiement|payment|bhugtan|भुगतान", r"pay|upi|card|instal|pag|paie|भुगतान"),
        (r"distance|how far|kilomet|distancia|doori|दूरी", r"distance|\bkm\b|distancia|किमी|दूरी"),
        (r"itinerary|day by day|itinerario|itinéraire|दिनवार", r"^day \d|^día \d|^jour \d|^दिन"),
        (r"start|begin|reach|pick|empieza|llegar|commence|arriver|shuru|pahunch|शुरू|पहुँच", r"start|meet|transport|empieza|salida|départ|शुरू"),
        (r"visa|permit|permiso|permis|परमिट", r"permit|visa|permis|परमिट"),
        (r"insur|seguro|assurance|bima|बीमा", r"insur|seguro|assurance|बीमा"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ContextLimits:
    """How much a model reads. The smallest one mixes up more than a few sentences."""

    max_chars: int = 700
    max_sentences: int = 4
    max_passages: int = 3
    min_share: float = 0.5  # of the best sentence's score


# One shared topic, intent need or half of the question's words, above the passage's own standing.
MIN_ANSWER_SCORE = 1.2


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    intent: Intent
    language: Language
    asked: Asked


@dataclass(frozen=True, slots=True)
class Pick:
    """A sentence that answers, and where it stands."""

    passage: int
    order: int  # place among the passage's sentences
    text: str
    score: float


def rank(question: Question, sources: Sequence[Source]) -> list[Pick]:
    """Sentences that may answer, best first; those about another trek or season are left out."""
    wanted = content_words(question.text)
    picks: list[Pick] = []
    for source in sources:
        if source.passage is None:
            continue
        standing = 1.0 / (1 + source.passage)  # retrieval already ordered the passages
        for order, segment in enumerate(source.segments):
            if _off_subject(segment, source, question):
                continue
            score = _score(segment, source, order, question, wanted)
            if score > 0:
                picks.append(Pick(source.passage, order, segment.text, score + standing))
    return sorted(picks, key=lambda pick: (-pick.score, pick.passage, pick.order))


def answers(picks: Sequence[Pick]) -> bool:
    """Whether the best sentence is about what was asked, and not merely about something near it."""
    return bool(picks) and picks[0].score >= MIN_ANSWER_SCORE


def read(
    turn: Turn, parsed: Parsed, documents: Documents, known: TrekNames | None = None
) -> tuple[Question, list[Source]]:
    """The question and the passages, ready to be compared. `known` are trek names and aliases;
    without them those that the passages are about serve.
    """
    known = known or {passage.trek: () for passage in documents.passages if passage.trek}
    treks = [str(value) for value in parsed.values("trek")]
    dates = [str(value) for value in parsed.values("date")]
    asked = asked_about(turn.text, treks, dates, known)
    question = Question(turn.text, parsed.intent, parsed.language, asked)
    return question, sources_of(documents.passages, known)


def answer_sentences(picks: Sequence[Pick], max_chars: int, max_sentences: int) -> list[Pick]:
    """The best sentences of the best passage, in reading order, that fit."""
    if not picks:
        return []
    best = picks[0]
    chosen: list[Pick] = []
    length = 0
    for pick in picks:
        near = pick.passage == best.passage and pick.score >= best.score * 0.5
        if near and length + len(pick.text) <= max_chars and len(chosen) < max_sentences:
            chosen.append(pick)
            length += len(pick.text) + 1
    return sorted(chosen or [best], key=lambda pick: pick.order)


def context_sentences(picks: Sequence[Pick], limits: ContextLimits) -> list[Pick]:
    """What a model needs to read: the best sentences of the best few passages, in reading order."""
    passages = list(dict.fromkeys(pick.passage for pick in picks))[: limits.max_passages]
    chosen: list[Pick] = []
    seen: set[str] = set()
    length = 0
    for pick in picks:
        relevant = pick.passage in passages and pick.score >= picks[0].score * limits.min_share
        fits = length + len(pick.text) <= limits.max_chars and len(chosen) < limits.max_sentences
        if relevant and fits and pick.text not in seen:
            chosen.append(pick)
            seen.add(pick.text)
            length += len(pick.text) + 1
    return sorted(chosen, key=lambda pick: (passages.index(pick.passage), pick.order))


def told(pick: Pick, sources: Sequence[Source]) -> str:
    """The sentence with its subject in front, when it does not name it ("Duration: 5 days")."""
    source = sources[pick.passage]
    named = source.segments[pick.order].treks
    if named or len(source.treks) != 1:
        return pick.text
    return f"{next(iter(source.treks))}: {pick.text}"


def _off_subject(segment: Segment, source: Source, question: Question) -> bool:
    about = segment.treks or source.treks
    if about and question.asked.treks and not about & question.asked.treks:
        return True
    months = question.asked.months
    has_money = any(fact.unit in MONEY for fact in segment.facts)
    return bool(has_money and segment.months and months and not segment.months & months)


def _score(
    segment: Segment, source: Source, order: int, question: Question, wanted: frozenset[str]
) -> float:
    shared = len(wanted & content_words(segment.text)) / (len(wanted) or 1)
    score = 2 * shared + _fits_intent(segment, question.intent)
    score += sum(
        1.0 for asked, said in TOPICS if asked.search(question.text) and said.search(segment.text)
    )
    if segment.months & question.asked.months:
        score += 0.5
    if (segment.treks or source.treks) & question.asked.treks:
        score += 0.5 + (0.3 if order == 0 else 0.0)  # the first sentence says what it is
    if NOT_INCLUDED.search(segment.text) and not NOT_INCLUDED.search(question.text):
        score -= 0.5
    return score


def _fits_intent(segment: Segment, intent: Intent) -> float:
    match intent:
        case "pricing":
            return _has_price(segment) + 0.5 * bool(INCLUDED.search(segment.text))
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
