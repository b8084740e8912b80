"""How likely an answer is right, from 0 to 100, as measured on golden questions.

An answer is right when a page that it stands on answers the question. How well the sentence fits
that the page was chosen for (`extract.rank`) tells how often it is: of those that fit badly few
are, of those that fit best all. `python -m evals.confidence` fits the curves again.
"""

import math
from dataclasses import dataclass

from serving.extract import Pick
from serving.types import Parsed

DECLINED = 70  # that nothing of ours answers, where we say so
UNSURE_BELOW = 50  # rather a person than an answer that is more likely wrong


@dataclass(frozen=True, slots=True)
class Curve:
    """A logistic curve over a sentence's score."""

    even: float  # the score at which every second answer is right
    slope: float

    def at(self, score: float) -> float:
        return 1 / (1 + math.exp(-self.slope * (score - self.even)))


BY_MEANING = Curve(even=2.16, slope=0.60)
BY_WORDS = Curve(even=-0.08, slope=0.54)  # without the encoder


def of_answer(best: Pick) -> int:
    """That the page of this sentence, the best one of an answer, answers the question."""
    curve = BY_WORDS if best.relevance is None else BY_MEANING
    return round(100 * curve.at(best.score))


def of_own_words(parsed: Parsed) -> int:
    """That words of ours fit what the customer wants: as likely as their intent."""
    return round(100 * parsed.intent_scores.get(parsed.intent, 0.0))
