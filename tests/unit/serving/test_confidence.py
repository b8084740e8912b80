"""How sure an answer is follows from how well its sentence fits."""

import pytest

from serving import confidence
from serving.extract import Pick
from tests.fakes.values import parsed


@pytest.mark.parametrize("relevance", [None, 0.9])
def test_what_fits_better_is_surer(relevance: float | None) -> None:
    """Never below 0, never above 100, and never less for a better sentence."""
    scores = (-50.0, 0.5, 2.0, 3.5, 6.0, 9.0, 50.0)
    sure = [confidence.of_answer(_pick(score, relevance)) for score in scores]
    assert sure == sorted(sure)
    assert (sure[0], sure[-1]) == (0, 100)


def test_weighed_sentences_score_higher_for_the_same_confidence() -> None:
    """By words alone a score holds no weight of meaning."""
    assert confidence.of_answer(_pick(2.0, None)) > confidence.of_answer(_pick(2.0, 0.5))


def test_own_words_are_as_sure_as_the_intent() -> None:
    """A greeting fits when a greeting was read rightly."""
    read = parsed("smalltalk", "en", "latn", "neutral")
    assert confidence.of_own_words(read) == round(100 * read.intent_scores["smalltalk"])


def _pick(score: float, relevance: float | None) -> Pick:
    return Pick(0, 0, "It costs ₹10,500.", score, relevance=relevance)
