"""The whole reading of one text: what step 1 and the command line both call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from serving.types import INTENTS, Language, Parsed, Script
from serving.understanding import features, intents, language, optout, sentiment
from serving.understanding.entities import extract
from serving.understanding.features import Vector
from serving.understanding.heads import Heads
from serving.understanding.intents import Clues
from serving.understanding.language import Hint
from serving.understanding.script import Token, tokens
from serving.understanding.treks import TrekFinder


@dataclass(frozen=True, slots=True)
class Trained:
    """The heads, and the message's embedding by the encoder that they were trained on."""

    heads: Heads
    vector: Vector


def parse_text(
    text: str,
    timestamp: datetime,
    gazetteer: TrekFinder | Mapping[str, Sequence[str]],
    language_hint: Language | None = None,
    *,
    script_hint: Script = "latn",
    trained: Trained | None = None,
) -> Parsed:
    """Read one text. Relative dates resolve against `timestamp`'s own day.

    A `TrekFinder` is reused; a mapping of names to aliases is compiled for this call. Without
    `trained` the word lists alone decide on intent and sentiment.
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
    kinds = frozenset(entity.type for entity in entities)
    scores = intents.from_phrases(Clues(text, spoken, speech, kinds))
    feeling = sentiment.read(text, spoken, speech, intents.best(scores))
    parsed = Parsed(
        language=speech,
        script=script,
        intent=intents.best(scores),
        intent_scores=scores,
        sentiment=feeling,
        entities=entities,
        unsure=intents.is_unsure(scores),
    )
    if named and not spoken:
        certain = {intent: float(intent == "trek_info") for intent in INTENTS}
        return replace(parsed, intent="trek_info", intent_scores=certain, unsure=False)
    if trained is None:
        return parsed
    read = trained.heads.read(trained.vector, text, words, clues_of(text, words, parsed))
    return replace(
        parsed,
        intent=intents.best(read.intents),
        intent_scores=read.intents,
        sentiment=read.sentiment,
        unsure=intents.is_unsure(read.intents),
        request=read.request,
        request_share=read.request_share,
    )


def clues_of(text: str, words: Sequence[Token], lexical: Parsed) -> Vector:
    """What the heads are told of the reading by word lists; training calls it too."""
    kinds = frozenset(entity.type for entity in lexical.entities)
    asked = optout.detect(text).request
    return features.clues(lexical.intent_scores, kinds, lexical.sentiment, asked, len(words))


def warm_up() -> None:
    """Load every word list and model that `parse_text` uses."""
    parse_text("15 oct", datetime.now(tz=UTC), {"Everest Base Camp": ()})
    language.warm_up()
    intents.warm_up()
    sentiment.warm_up()
    optout.warm_up()
