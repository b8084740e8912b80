"""Opt-out: whoever wants silence gets it in any wording, and nobody else does."""

from collections.abc import Iterator

from deployments.local.understanding import embed
from deployments.settings import Settings
from evals.frame.evaluation import Evaluation, Unavailable
from evals.frame.measure import Measure, Outcome, accuracy, precision, recall
from evals.labelled import NOW, messages, requests
from serving.understanding import optout
from serving.understanding.reading import parse_text
from serving.understanding.treks import TrekFinder

STOPS = ("stop", "marketing")


def run(settings: Settings) -> Iterator[Measure]:
    cases = [(one.text, one.variety, one.request, one.must) for one in requests("opt_out.tsv")]
    cases += [(one.text, one.variety, "none", False) for one in messages("held_out")]
    trained = embed([text for text, *_ in cases], settings)
    if any(own is None for own in trained):
        raise Unavailable("the encoder of the heads is not there: run `switchback prepare`")
    stops, asked = [], []
    for (text, variety, wanted, must), own in zip(cases, trained, strict=True):
        parsed = parse_text(text, NOW, TrekFinder({}), trained=own)
        found = optout.detect(text)
        got = optout.settle(found, parsed.request, parsed.request_share).request
        stops.append(Outcome(text, variety, wanted in STOPS, got in STOPS, text=text))
        asked.append(Outcome(text, variety, wanted, got, must, text))
    yield Measure("opt_out_precision", precision, stops, floor=0.97)
    yield Measure("opt_out_recall", recall, stops, floor=0.97)
    yield Measure("request", accuracy, asked, floor=0.95)


EVALUATION = Evaluation("opt_out", "who asks for silence, for less, or for messages again", run)
