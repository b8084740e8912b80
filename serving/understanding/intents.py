"""What the customer wants, from phrase lists: eight intents with probabilities.

The trained head takes them as clues; without the encoder they stand alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp
from typing import cast

from serving.types import INTENTS, EntityType, Intent, Language
from serving.understanding.language import known_words
from serving.understanding.lexicon import SPOKEN, Lexicon, phrases
from serving.understanding.script import Token
from serving.understanding.wordlists import word_list

FOREIGN = 0.4  # a word of another language may be a loan, or only look like one
REPEAT = 0.5  # the second phrase for an intent says half as much as the first, and so on
MIN_PROBABILITY = 0.45  # below it the guess is unsure
MIN_LEAD = 0.12
SHORT = 3  # words; so short and about nothing we know, it is chat


@dataclass(frozen=True, slots=True)
class Clues:
    """What else is known of the message: the entity types it holds."""

    text: str
    words: Sequence[Token]
    language: Language
    entities: frozenset[EntityType] = frozenset()


def from_phrases(clues: Clues) -> dict[Intent, float]:
    """Phrases of four languages and romanised Hindi, weighted, through a softmax."""
    weights: dict[Intent, list[float]] = {intent: [] for intent in INTENTS}
    for match in _lexicon().find(clues.words):
        share = 1.0 if match.variety in SPOKEN[clues.language] else FOREIGN
        weights[cast("Intent", match.label)].append(share * match.weight)
    evidence = {intent: _diminishing(found) for intent, found in weights.items()}
    for intent, points in _from_entities(clues, evidence).items():
        evidence[intent] += points
    return _softmax(evidence)


def is_unsure(scores: Mapping[Intent, float]) -> bool:
    best, second = sorted(scores.values(), reverse=True)[:2]
    return best < MIN_PROBABILITY or best - second < MIN_LEAD


def best(scores: Mapping[Intent, float]) -> Intent:
    return max(INTENTS, key=lambda intent: scores[intent])


def _diminishing(weights: list[float]) -> float:
    ordered = sorted(weights, reverse=True)
    return sum(weight * REPEAT**place for place, weight in enumerate(ordered))


def _from_entities(clues: Clues, evidence: Mapping[Intent, float]) -> dict[Intent, float]:
    """What trek names, dates and group sizes say when the words say little."""
    table = word_list("intents")["entities"]
    points: dict[Intent, float] = {"trek_info": 0.2}
    topics = (value for intent, value in evidence.items() if intent != "smalltalk")
    silent = max(topics) < 1
    for kind in clues.entities:
        for intent, value in table[kind]["alone" if silent else "beside"].items():
            points[intent] = points.get(intent, 0.0) + float(value)
    if silent and not clues.entities:
        # A longer message about nothing that we know is more likely a question than chat.
        chat = len(clues.words) <= SHORT or evidence["smalltalk"] >= 1
        points["smalltalk" if chat else "trek_info"] = 1.5 if chat else 1.0
    return points


def _softmax(evidence: Mapping[Intent, float]) -> dict[Intent, float]:
    top = max(evidence.values())
    powers = {intent: exp(evidence[intent] - top) for intent in INTENTS}
    total = sum(powers.values())
    return {intent: power / total for intent, power in powers.items()}


@cache
def _lexicon() -> Lexicon:
    table = word_list("intents")["phrases"]
    found = [entry for intent in INTENTS for entry in phrases(intent, table[intent])]
    return Lexicon(found, known_words())


def warm_up() -> None:
    _lexicon()
