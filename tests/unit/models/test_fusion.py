"""Meaning and words as one score, within one shard and across shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fusion import SPREAD, Weights, fuse, merge
from models.types import Hit
from tests.unit.models.samples import chunk

SCORES = st.dictionaries(st.integers(0, 20), st.floats(0.01, 1), max_size=10)


def _hit(number: int, dense: float | None, lexical: float | None = None) -> Hit:
    return Hit(chunk(number), 0.0, dense, lexical)


def test_the_best_counts_one_and_the_rest_by_distance() -> None:
    """Halfway to the fiftieth is worth half, and what is below it nothing."""
    cosines = {number: 1.0 - number / 100 for number in range(SPREAD + 10)}
    scores = fuse(cosines, {})
    assert scores[0] == pytest.approx(1.0)
    assert scores[SPREAD // 2] == pytest.approx(0.5)
    assert scores[SPREAD] == scores[SPREAD + 5] == 0.0


def test_words_say_less_than_meaning_and_still_something() -> None:
    """High in both beats first by meaning alone, which beats first by words alone."""
    cosines = {"meaning": 0.9, "both": 0.89, "neither": 0.5}
    scores = fuse(cosines, {"words": 7.0, "both": 6.0})
    assert scores["both"] > scores["meaning"] > scores["words"] > scores["neither"] > 0


def test_a_weight_of_nothing_silences_a_ranking() -> None:
    """The parts can be measured alone."""
    cosines, bm25 = {"a": 0.9, "b": 0.8}, {"b": 3.0, "c": 2.0}
    assert fuse(cosines, bm25, Weights(lexical=0.0))["c"] == 0.0
    assert fuse(cosines, bm25, Weights(dense=0.0))["a"] == 0.0


@given(SCORES, SCORES)
def test_scores_are_bounded_and_cover_what_was_found(
    cosines: dict[int, float], bm25: dict[int, float]
) -> None:
    """Every key of either ranking gets a score between nothing and both weights together."""
    scores = fuse(cosines, bm25)
    assert scores.keys() == cosines.keys() | bm25.keys()
    assert all(0.0 <= score <= 1.5 + 1e-9 for score in scores.values())


def test_merge_ranks_all_shards_together() -> None:
    """The best of a weak shard does not pass the second of a strong one."""
    strong = [_hit(1, 0.9), _hit(2, 0.8)]
    weak = [_hit(3, 0.2)]
    merged = merge([weak, strong])
    assert [hit.chunk.chunk_id for hit in merged] == ["c0001", "c0002", "c0003"]


def test_merge_keeps_a_hit_that_only_words_found() -> None:
    """A hit without a cosine is ranked by its words alone."""
    merged = merge([[_hit(1, 0.9), _hit(2, None, 7.0)]])
    assert {hit.chunk.chunk_id for hit in merged} == {"c0001", "c0002"}


@given(st.lists(st.floats(-1, 1), max_size=12), st.integers(1, 5))
def test_merge_does_not_depend_on_how_hits_are_split(cosines: list[float], shards: int) -> None:
    """One shard or several, the same hits give the same answer."""
    hits = [_hit(i, cosine) for i, cosine in enumerate(cosines)]
    split = [hits[start::shards] for start in range(shards)]
    assert merge(split) == merge([hits])
