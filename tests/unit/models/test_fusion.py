"""Meaning and words as one score, within one shard and across shards."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fusion import SPREAD, Weights, fuse, merge
from models.types import Hit
from tests.unit.models.samples import chunk

NONE = float("nan")
SCORES = st.lists(st.tuples(*[st.floats(0.01, 1) | st.just(NONE)] * 2), max_size=20)


def _hit(number: int, dense: float | None, lexical: float | None = None) -> Hit:
    return Hit(chunk(number), 0.0, dense, lexical)


def test_the_best_counts_one_and_the_rest_by_distance() -> None:
    """Halfway to the fiftieth is worth half, and what is below it nothing."""
    cosines = 1.0 - np.arange(SPREAD + 10) / 100
    scores = fuse(cosines, np.full(len(cosines), NONE))
    assert scores[0] == pytest.approx(1.0)
    assert scores[SPREAD // 2] == pytest.approx(0.5)
    assert scores[SPREAD] == scores[SPREAD + 5] == 0.0


def test_words_say_less_than_meaning_and_still_something() -> None:
    """High in both beats first by meaning alone, which beats first by words alone."""
    cosines, bm25 = np.array([0.9, 0.89, 0.5, NONE]), np.array([NONE, 6.0, NONE, 7.0])
    meaning, both, neither, words = fuse(cosines, bm25)
    assert both > meaning > words > neither > 0


def test_a_weight_of_nothing_silences_a_ranking() -> None:
    """The parts can be measured alone."""
    cosines, bm25 = np.array([0.9, 0.8, NONE]), np.array([NONE, 3.0, 2.0])
    assert fuse(cosines, bm25, Weights(lexical=0.0))[2] == 0.0
    assert fuse(cosines, bm25, Weights(dense=0.0))[0] == 0.0


@given(SCORES)
def test_scores_are_bounded_and_cover_what_was_found(found: list[tuple[float, float]]) -> None:
    """Every passage of either ranking gets a score between nothing and both weights together."""
    cosines, bm25 = np.array(found).reshape(-1, 2).T
    scores = fuse(cosines, bm25)
    assert scores.shape == cosines.shape
    assert ((scores >= 0.0) & (scores <= 1.5 + 1e-9)).all()


def test_merge_ranks_all_shards_together() -> None:
    """The best of a weak shard does not pass the second of a strong one."""
    strong = [_hit(1, 0.9), _hit(2, 0.8)]
    weak = [_hit(3, 0.2)]
    merged = merge([weak, strong])
    assert [hit.chunk.chunk_id for _, hit in merged] == ["c0001", "c0002", "c0003"]


def test_merge_keeps_a_hit_that_only_words_found() -> None:
    """A hit without a cosine is ranked by its words alone."""
    merged = merge([[_hit(1, 0.9), _hit(2, None, 7.0)]])
    assert {hit.chunk.chunk_id for _, hit in merged} == {"c0001", "c0002"}


@given(st.lists(st.floats(-1, 1), max_size=12), st.integers(1, 5))
def test_merge_does_not_depend_on_how_hits_are_split(cosines: list[float], shards: int) -> None:
    """One shard or several, the same hits give the same answer."""
    hits = [_hit(i, cosine) for i, cosine in enumerate(cosines)]
    split = [hits[start::shards] for start in range(shards)]
    assert merge(split) == merge([hits])
