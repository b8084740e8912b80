"""Understanding: intent, language, sentiment and entities of messages nobody trained on."""

from collections.abc import Iterator
from typing import Any

from deployments.local.understanding import embed
from deployments.settings import Settings
from evals.frame.evaluation import Evaluation, Unavailable
from evals.frame.golden import rows
from evals.frame.measure import Measure, Outcome, accuracy, macro_f1, set_f1
from evals.labelled import NOW, messages, treks
from serving.types import Entity
from serving.understanding.reading import parse_text


def run(settings: Settings) -> Iterator[Measure]:
    held_out = messages("held_out")
    trained = embed([message.text for message in held_out], settings)
    if any(own is None for own in trained):
        raise Unavailable("the encoder of the heads is not there: run `switchback prepare`")
    finder = treks()
    read = [
        (message, parse_text(message.text, NOW, finder, trained=own))
        for message, own in zip(held_out, trained, strict=True)
    ]
    intents = [Outcome(m.text, m.variety, m.intent, p.intent, text=m.text) for m, p in read]
    feelings = [Outcome(m.text, m.variety, m.sentiment, p.sentiment, text=m.text) for m, p in read]
    languages = [
        Outcome(m.text, m.variety, [m.language, m.script], [p.language, p.script], text=m.text)
        for m, p in read
    ]
    yield Measure("intent", macro_f1, intents, floor=0.88, floor_each=0.80)
    yield Measure("language", accuracy, languages, floor=0.97)
    yield Measure("sentiment", macro_f1, feelings, floor=0.75)
    sure = [Outcome(m.text, m.variety, m.intent, p.intent) for m, p in read if not p.unsure]
    yield Measure("intent_when_sure", accuracy, sure, floor=0.9)
    yield Measure("entities", set_f1, list(entity_outcomes()), floor=0.85)


def entity_outcomes() -> Iterator[Outcome]:
    """What is found in the golden messages, by the same code with and without the encoder."""
    finder = treks()
    for row in rows("entities.tsv", 3):
        variety, text, listed = row.fields
        wanted = [] if listed == "-" else sorted(listed.split(" | "))
        found = sorted(map(_spelt, parse_text(text, NOW, finder).entities))
        yield Outcome(text, variety, wanted, found, text=text)


def _spelt(entity: Entity) -> str:
    value: Any = entity.value
    if entity.type == "price":
        value = f"{value['amount']} {value['currency'] or '?'}"
    return f"{entity.type}={value}"


EVALUATION = Evaluation(
    "understanding", "what customers want, feel and name, in which language", run
)
