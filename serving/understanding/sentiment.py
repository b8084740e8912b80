"""Pleasure, complaint or neither, from phrases and emoji."""

from collections.abc import Sequence
from functools import cache

from serving.types import Intent, Language, Sentiment
from serving.understanding.language import known_words
from serving.understanding.lexicon import SPOKEN, Lexicon, phrases
from serving.understanding.script import Token
from serving.understanding.wordlists import word_list

CLEAR = 1.0  # evidence from which a message is not neutral


def read(text: str, words: Sequence[Token], language: Language, intent: Intent) -> Sentiment:
    """A plain question is neutral, and so is a bare please."""
    points = {"positive": 0.0, "negative": 0.0, "neutral": 0.0}
    for match in _lexicon().find(words):
        if match.variety in SPOKEN[language]:
            points[match.label] += match.weight
    for label, emoji in word_list("sentiment")["emoji"].items():
        points[label] += 1.0 if any(sign in text for sign in emoji) else 0.0
    if intent == "support":
        points["negative"] += 1.0  # a trouble told flatly is still bad news
    negative = points["negative"] - points["neutral"]
    if negative >= CLEAR and negative >= points["positive"]:
        return "negative"
    return "positive" if points["positive"] >= CLEAR else "neutral"


@cache
def _lexicon() -> Lexicon:
    table = word_list("sentiment")["phrases"]
    found = [entry for label, by_language in table.items() for entry in phrases(label, by_language)]
    return Lexicon(found, known_words())


def warm_up() -> None:
    _lexicon()
