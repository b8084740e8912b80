"""Scores of outcomes."""

import pytest

from evals.frame.measure import Outcome, accuracy, macro_f1, precision, recall, set_f1


def outcomes(*pairs: tuple[object, object]) -> list[Outcome]:
    return [Outcome(str(at), "all", want, got) for at, (want, got) in enumerate(pairs)]


def test_macro_f1_weighs_rare_labels_like_common_ones() -> None:
    """Nine right of a common label do not hide that the rare one is never found."""
    found = outcomes(*[("a", "a")] * 9, ("b", "a"))
    assert accuracy(found) == pytest.approx(0.9)
    assert macro_f1(found) == pytest.approx((2 * 9 / 19 + 0) / 2)


def test_set_f1_counts_items_and_not_cases() -> None:
    """Two of three items found and one too many: precision and recall of two thirds."""
    assert set_f1(outcomes((["x", "y"], ["x", "z"]), (["u"], ["u"]))) == pytest.approx(2 / 3)
    assert set_f1(outcomes(([], []))) == 1.0


def test_precision_and_recall_look_from_either_side() -> None:
    """One false alarm costs precision, one miss costs recall."""
    found = outcomes((True, True), (False, True), (True, True), (True, False))
    assert precision(found) == pytest.approx(2 / 3)
    assert recall(found) == pytest.approx(2 / 3)
