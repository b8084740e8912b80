"""The whole reading of one text: what step 1 and the command line both call."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from serving.types import Language, Parsed, Script
from serving.understanding import intents, language, sentiment
from serving.understanding.entities import extract
from serving.understanding.intents import Clues, IntentModel, PhraseIntents
from serving.understanding.language import Hint
from serving.understanding.script import tokens
from serving.understanding.treks import TrekFinder


def parse_text(
    text: str,
    timestamp: datetime,
    gazetteer: TrekFinder | Mapping[str, Sequence[str]],
    language_hint: Language | None = None,
    *,
    script_hint: Script = "latn",
    intent_model: IntentModel | None = None,
) -> Parsed:
    """Read one text. Relative dates resolve against `timestamp`'s own day.

    A `TrekFinder` is reused; a mapping of names to aliases is compiled for this call.
    """
    finder = gazetteer if isinstance(gazetteer, TrekFinder) else TrekFinder(gazetteer)
    words = tokens(text)
    entities = extract(text, words, timestamp, finder)
    named = {
        place
        for entity in entities
        if entity.type == "trek"
        for place, word in enumerate(words)
        if entity.start <= word.start < entity.end
    }
    # A trek's name says nothing of the language it is mentioned in.
    spoken = [word for place, word in enumerate(words) if place not in named]
    hint = Hint(language_hint, script_hint)
    speech, script = language.detect(text, spoken, hint)
    clues = Clues(text, spoken, speech, frozenset(entity.type for entity in entities))
    scores = (intent_model or PhraseIntents()).score(clues)
    intent = intents.best(scores)
    return Parsed(
        language=speech,
        script=script,
        intent=intent,
        intent_scores=scores,
        sentiment=sentiment.read(text, spoken, speech, intent),
        entities=entities,
        unsure=intents.is_unsure(scores),
    )


def warm_up() -> None:
    """Load every word list and model that `parse_text` uses."""
    parse_text("15 oct", datetime.now(tz=UTC), {"Everest Base Camp": ()})
    language.warm_up()
    intents.warm_up()
    sentiment.warm_up()
