"""How sure the product says it is, against how often it is right.

`python -m evals.confidence` fits the curves of `serving/confidence.py` to every second golden
question; the evaluation asks the others.
"""

import asyncio
import logging
import math
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from deployments.settings import Settings, load_settings
from evals.answering.judge import Golden, declines, golden
from evals.answering.knowledge import LocalKnowledge
from evals.answering.world import Answer, NoModel, World
from evals.frame.evaluation import Evaluation
from evals.frame.measure import Measure, Outcome, calibration, order
from serving.business import Business, load_business
from serving.confidence import BY_MEANING, BY_WORDS, Curve
from serving.steps.parse_message import ParseMessage
from serving.understanding import heads

FITTED, ASKED = golden()[::2], golden()[1::2]
MOST = 99.0  # percent: a curve never reaches certainty, but rounds to it


def run(settings: Settings) -> Iterator[Measure]:
    business = load_business(settings.business)
    by_meaning = outcomes(ASKED, _ask(by_meaning_world(settings, business), ASKED), business)
    yield Measure("calibrated", calibration, by_meaning, floor=0.9)
    yield Measure("tells_right_from_wrong", order, by_meaning, floor=0.6)
    by_words = outcomes(ASKED, _ask(by_words_world(settings, business), ASKED), business)
    yield Measure("calibrated_without_encoder", calibration, by_words, floor=0.85)


def by_meaning_world(settings: Settings, business: Business) -> World:
    knowledge = LocalKnowledge.open(settings)
    world = World(knowledge, NoModel(), business)
    world.parse = ParseMessage(knowledge, heads=heads.load(), embedder=knowledge.encoder)
    return world


def by_words_world(settings: Settings, business: Business) -> World:
    logging.getLogger("switchback.knowledge").setLevel(logging.ERROR)  # says so with every search
    return World(LocalKnowledge.open(settings, encoder_away=True), NoModel(), business)


def outcomes(
    asked: Sequence[Golden], answers: Sequence[Answer], business: Business
) -> list[Outcome]:
    """Whether each answer was right, and how sure the product was of it, 0 to 1."""
    return [
        Outcome(
            one.id,
            one.variety,
            is_right(one, got, business),
            got.validated.confidence / 100,
            text=f"{one.question} -> {got.text}",
        )
        for one, got in zip(asked, answers, strict=True)
    ]


def is_right(one: Golden, got: Answer, business: Business) -> bool:
    """An expected page is cited; or it declines what no page answers."""
    if declines(got, business):
        return not one.answerable
    return bool({citation.doc for citation in got.validated.citations} & one.docs)


def fit(found: Sequence[Outcome], before: Curve) -> Curve:
    """The curve under which these outcomes would have been likeliest; `before` made them."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # three seconds

    shares = np.array([min(one.got, MOST / 100) for one in found])
    scores = before.even + np.log(shares / (1 - shares)) / before.slope
    fitted = LogisticRegression(C=math.inf).fit(scores[:, None], [one.expected for one in found])
    slope = float(fitted.coef_[0, 0])
    return Curve(even=float(-fitted.intercept_[0]) / slope, slope=slope)


def _ask(world: World, asked: Sequence[Golden]) -> list[Answer]:
    async def ask() -> list[Answer]:
        await world.warm_up()
        return await world.answer_all([one.question for one in asked])

    return asyncio.run(ask())


def main() -> None:
    settings = load_settings()
    business = load_business(settings.business)
    for name, world, before in (
        ("BY_MEANING", by_meaning_world(settings, business), BY_MEANING),
        ("BY_WORDS", by_words_world(settings, business), BY_WORDS),
    ):
        answers = _ask(world, FITTED)
        pairs = zip(outcomes(FITTED, answers, business), answers, strict=True)
        told = [one for one, got in pairs if not declines(got, business)]
        curve = fit(told, before)
        sys.stdout.write(f"{name} = Curve(even={curve.even:.2f}, slope={curve.slope:.2f})\n")


EVALUATION = Evaluation("confidence", "how sure an answer is, against how often it is right", run)

if __name__ == "__main__":
    main()
