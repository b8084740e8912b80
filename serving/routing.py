"""Which tier answers: a pure decision from features of the turn, recorded with its reason.

Simple questions go to the fast tier, complex ones to reasoning, live information to realtime and
what could cost the customer money or safety to quality. Knows no model and no price.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from models.types import Tier
from serving.types import (
    Candidate,
    GenerationQuery,
    Intent,
    JsonValue,
    RouteRecord,
    Sentiment,
)

HIGH_STAKES_INTENTS: frozenset[Intent] = frozenset({"cancellation_refund", "support"})

LIVE = re.compile(
    r"\b(?:weather|forecast|right now|current(?:ly)?|today|tonight|snowing|"
    r"road (?:open|closed|status)|clima|pronóstico|ahora mismo|hoy|actualmente|"
    r"météo|prévisions|aujourd'hui|actuellement|mausam|abhi|aaj)\b|मौसम|अभी|आज",
    re.IGNORECASE,
)
COMPLEX = re.compile(
    r"\b(?:compare|comparison|versus|vs|difference|better|which (?:one|trek)|recommend|suggest|"
    r"plan|itinerary for|comparar|diferencia|mejor|recomiend\w*|comparer|différence|meilleur\w*|"
    r"recommand\w*|antar|behtar|kaun ?sa|suggest karo)\b|तुलना|अंतर|बेहतर|कौन सा|सुझा",
    re.IGNORECASE,
)
LONG_WORDS = 45  # a question this long usually asks several things


@dataclass(frozen=True, slots=True)
class Features:
    """What the decision looks at; logged with it so that it can be replayed."""

    intent: Intent
    sentiment: Sentiment
    unsure: bool
    num_words: int
    num_questions: int
    num_treks: int
    has_booking: bool
    asks_live: bool
    asks_comparison: bool


@dataclass(frozen=True, slots=True)
class Route:
    tier: Tier
    reason: str
    features: Features

    def record(self, deadline_s: float, candidates: Sequence[Candidate] = ()) -> RouteRecord:
        """What is kept of the decision: `decide(Features(**record.features))` gives it again."""
        features: dict[str, JsonValue] = asdict(self.features)
        return RouteRecord(self.tier, self.reason, features, deadline_s, tuple(candidates))


def features_of(query: GenerationQuery) -> Features:
    text, parsed = query.turn.text, query.parsed
    return Features(
        intent=parsed.intent,
        sentiment=parsed.sentiment,
        unsure=parsed.unsure,
        num_words=len(text.split()),
        num_questions=text.count("?"),
        num_treks=len(set(map(str, parsed.values("trek")))),
        has_booking=bool(query.context.bookings),
        asks_live=LIVE.search(text) is not None,
        asks_comparison=COMPLEX.search(text) is not None,
    )


def decide(features: Features) -> Route:
    """The first rule that applies; its reason names it."""
    for tier, reason, applies in _rules(features):
        if applies:
            return Route(tier, f"{tier}: {reason}", features)
    return Route("fast", "fast: simple question", features)


def _rules(seen: Features) -> tuple[tuple[Tier, str, bool], ...]:
    # In this order: a wrong answer about money or a trip that goes badly costs more than a stale
    # one, and a stale one more than a shallow one.
    return (
        ("quality", f"high stakes, intent {seen.intent}", seen.intent in HIGH_STAKES_INTENTS),
        ("quality", "high stakes, unhappy customer with a booking",
         seen.sentiment == "negative" and seen.has_booking),
        ("realtime", "live information", seen.asks_live),
        ("realtime", "seats change by the hour", seen.intent == "availability"),
        ("reasoning", "comparison or recommendation", seen.asks_comparison),
        ("reasoning", f"{seen.num_treks} treks", seen.num_treks > 1),
        ("reasoning", f"{seen.num_questions} questions", seen.num_questions > 1),
        ("reasoning", f"{seen.num_words} words", seen.num_words >= LONG_WORDS),
    )  # fmt: skip
