"""Ban risk of our own drafts: the seven factors and the level they add up to."""

from collections.abc import Iterator

from deployments.settings import Settings
from evals.frame.evaluation import Evaluation
from evals.frame.golden import rows
from evals.frame.measure import Measure, Outcome, accuracy, set_f1
from serving.business import load_business
from serving.risk import level_of, score_risk

WEIGHTS = {
    "emoji": 15,
    "caps": 15,
    "repeated_keywords": 12,
    "links": 18,
    "spam": 20,
    "clickbait": 15,
    "other": 5,
}


def run(settings: Settings) -> Iterator[Measure]:
    own = load_business(settings.business).website.own_domains
    levels, factors = [], []
    for row in rows("ban_risk.tsv", 3):
        wanted = [] if row.fields[0] == "-" else sorted(row.fields[0].split(","))
        language, text = row.fields[1:]
        risk = score_risk(text, own)
        level = level_of(sum(WEIGHTS[name] for name in wanted))
        levels.append(Outcome(text, language, level, risk.level, must=not wanted, text=text))
        factors.append(Outcome(text, language, wanted, sorted(risk.factors), text=text))
    yield Measure("level", accuracy, levels, floor=0.9)
    yield Measure("factors", set_f1, factors, floor=0.9)


EVALUATION = Evaluation("ban_risk", "how risky our own drafts are, by factor", run)
