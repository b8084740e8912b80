"""Scores of outcomes."""

import pytest

from evals.frame.measure import (
    Outcome,
    accuracy,
    calibration,
    macro_f1,
    order,
    precision,
    recall,
    set_f1,
)


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


def test_calibration_compares_what_is_said_with_how_often_it_comes_true() -> None:
    """Four said to be sure of which two came true are half a unit off."""
    right = [Outcome(str(n), "en", expected=n < 9, got=0.9) for n in range(10)]
    assert calibration(right) == pytest.approx(1.0)
    boastful = [Outcome(str(n), "en", expected=n < 2, got=1.0) for n in range(4)]
    assert calibration(boastful) == pytest.approx(0.5)


def test_order_is_blind_to_the_level() -> None:
    """Only which of two is surer counts."""
    pairs = [(True, 0.3), (True, 0.2), (False, 0.1), (False, 0.2)]
    outcomes = [Outcome(str(n), "en", came, said) for n, (came, said) in enumerate(pairs)]
    assert order(outcomes) == pytest.approx(3.5 / 4)
    assert order(outcomes[:2]) == 1.0
