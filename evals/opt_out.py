"""Opt-out: whoever wants silence gets it in any wording, and nobody else does."""

from collections.abc import Iterator

from deployments.settings import Settings
from evals.frame.evaluation import Evaluation
from evals.frame.golden import rows
from evals.frame.measure import Measure, Outcome, accuracy, precision, recall
from serving.understanding.optout import OptOut, detect

MUST = "!"


def run(_settings: Settings) -> Iterator[Measure]:
    stops, asked = [], []
    for row in rows("opt_out.tsv", 3):
        mark, variety, text = row.fields
        asks, found = mark.rstrip(MUST), detect(text)
        is_stop = asks in {"stop", "marketing"}
        stops.append(Outcome(text, variety, is_stop, found.opt_out, text=text))
        asked.append(Outcome(text, variety, asks, _asks(found), mark.endswith(MUST), text))
    yield Measure("opt_out_precision", precision, stops, floor=0.97)
    yield Measure("opt_out_recall", recall, stops, floor=0.97)
    yield Measure("request", accuracy, asked, floor=0.95)


def _asks(found: OptOut) -> str:
    if found.resubscribe:
        return "start"
    if found.opt_out:
        return "marketing" if found.scope == "marketing" else "stop"
    return "none"


EVALUATION = Evaluation("opt_out", "who asks for silence, for less, or for more of us", run)
