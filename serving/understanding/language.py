"""Which of the four languages a message is in, romanised Hindi included."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from serving.types import LANGUAGES, Language, Script
from serving.understanding.script import Token, fold, is_devanagari, plain, script_of
from serving.understanding.wordlists import word_list

if TYPE_CHECKING:
    from lingua import LanguageDetector

HINT_WEIGHT = 0.8  # under one clear word of another language
CLEAR = 1.5  # evidence from which the statistical model is not asked
SHORT = 3  # words; too few for the statistical model to be worth more than a known word
HINDI_SHARE = 0.18  # of the words; Hinglish borrows most of its nouns from English


@dataclass(frozen=True, slots=True)
class Hint:
    """What the conversation was held in so far."""

    language: Language | None = None
    script: Script = "latn"


def detect(text: str, words: Sequence[Token], hint: Hint) -> tuple[Language, Script]:
    """Language and script of the words; without words those of the hint, else `en`."""
    if script_of(words) == "deva" or (not words and is_devanagari(text)):
        return "hi", "deva"
    votes = _votes(text, words)
    if hint.language and not any(votes.values()):
        return hint.language, hint.script if hint.language == "hi" else "latn"
    if hint.language:
        votes[hint.language] += HINT_WEIGHT
    if words and votes["hi"] >= max(1.0, HINDI_SHARE * len(words)) and _mostly_hindi(votes):
        return "hi", "latn"
    return _latin(text, words, votes, hint.language), "latn"


def _mostly_hindi(votes: Mapping[Language, float]) -> bool:
    # English nouns and verbs inside a Hindi sentence are Hinglish, so English must lead clearly.
    return votes["hi"] * 2 >= votes["en"] and votes["hi"] > max(votes["es"], votes["fr"])


def _latin(
    text: str, words: Sequence[Token], votes: dict[Language, float], hint: Language | None
) -> Language:
    order: tuple[Language, ...] = ("en", "es", "fr")
    ranked = sorted(order, key=lambda language: -votes[language])
    lead = votes[ranked[0]] - votes[ranked[1]]
    if lead >= CLEAR or (lead > 0 and len(words) <= SHORT):
        return ranked[0]
    if len(words) <= 1:
        return hint or (ranked[0] if lead > 0 else "en")
    for language, confidence in _confidences(text):
        votes[language] += 2 * confidence
    return max(order, key=lambda language: votes[language])


def _votes(text: str, words: Sequence[Token]) -> dict[Language, float]:
    votes: dict[Language, float] = dict.fromkeys(LANGUAGES, 0.0)
    vocabulary = _vocabulary()
    spelt = [word.word for word in words]
    pairs = [f"{first}_{second}" for first, second in pairwise(spelt)]
    for word in (*spelt, *pairs):
        for language, weight in vocabulary.get(word, {}).items():
            votes[language] += weight
    letters: dict[Language, str] = word_list("language")["letters"]
    for language, marks in letters.items():
        votes[language] += min(2, sum(text.lower().count(mark) for mark in marks))
    return votes


@cache
def _vocabulary() -> dict[str, dict[Language, float]]:
    """Votes of each known word; one shared by several languages says less about each."""
    table: dict[str, dict[Language, float]] = {}
    for weight, lists in word_list("language")["words"].items():
        for language in LANGUAGES:
            for word in str(lists.get(language, "")).split():
                table.setdefault(plain(word), {})[language] = float(weight)
    for votes in table.values():
        for language in votes:
            votes[language] /= len(votes) ** 2
    return table


def known_words() -> Iterator[str]:
    """Words of any language that no typo correction may touch."""
    yield from map(fold, _vocabulary())


def _confidences(text: str) -> list[tuple[Language, float]]:
    codes: dict[str, Language] = {"EN": "en", "ES": "es", "FR": "fr"}
    found = _statistical_model().compute_language_confidence_values(text)
    return [(codes[value.language.iso_code_639_1.name], value.value) for value in found]


@cache
def _statistical_model() -> "LanguageDetector":
    # Low accuracy costs 11 MB instead of 115 and is only asked when known words do not decide.
    from lingua import Language as Lingua  # noqa: PLC0415  # opened at warm-up, not at import
    from lingua import LanguageDetectorBuilder  # noqa: PLC0415

    builder = LanguageDetectorBuilder.from_languages(Lingua.ENGLISH, Lingua.SPANISH, Lingua.FRENCH)
    return builder.with_low_accuracy_mode().with_preloaded_language_models().build()


def warm_up() -> None:
    _vocabulary()
    _statistical_model()
