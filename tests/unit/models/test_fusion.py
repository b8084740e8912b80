"""Reciprocal rank fusion, within one ranking pair and across shards."""

from hypothesis import given
from hypothesis import strategies as st

from models.fusion import fuse, merge, reciprocal_rank_fusion
from models.types import Hit
from tests.unit.models.samples import chunk

RANKINGS = st.lists(st.lists(st.integers(0, 20), unique=True, max_size=10), max_size=4)


def _hit(number: int, dense: float | None, lexical: float | None = None) -> Hit:
    return Hit(chunk(number), 0.0, dense, lexical)


def test_a_place_counts_one_over_sixty_plus_rank() -> None:
    """The formula of the paper, by hand."""
    scores = reciprocal_rank_fusion([["a", "b"], ["b"]])
    assert scores == {"a": 1 / 61, "b": 1 / 62 + 1 / 61}


def test_words_say_less_than_meaning_and_still_something() -> None:
    """High in both beats first by meaning alone, which beats first by words alone."""
    scores = fuse(["meaning", "both"], ["words", "both"])
    assert scores["both"] > scores["meaning"] > scores["words"] > 0


@given(RANKINGS)
def test_fusion_does_not_depend_on_the_order_of_rankings(rankings: list[list[int]]) -> None:
    """Both rankings have the same say, and every ranked key gets a score."""
    scores = reciprocal_rank_fusion(rankings)
    again = reciprocal_rank_fusion(rankings[::-1])
    assert scores.keys() == again.keys() == {key for ranking in rankings for key in ranking}
    assert all(abs(scores[key] - again[key]) < 1e-12 for key in scores)


def test_merge_ranks_all_shards_together() -> None:
    """The best of a weak shard does not pass the second of a strong one."""
    strong = [_hit(1, 0.9), _hit(2, 0.8)]
    weak = [_hit(3, 0.2)]
    merged = merge([weak, strong], 3)
    assert [hit.chunk.chunk_id for hit in merged] == ["c0001", "c0002", "c0003"]


def test_merge_keeps_a_hit_that_only_words_found() -> None:
    """A hit without a cosine is ranked by its words alone."""
    merged = merge([[_hit(1, 0.9), _hit(2, None, 7.0)]], 2)
    assert {hit.chunk.chunk_id for hit in merged} == {"c0001", "c0002"}


@given(st.lists(st.floats(-1, 1), max_size=12), st.integers(1, 5), st.integers(0, 12))
def test_merge_does_not_depend_on_how_hits_are_split(
    cosines: list[float], shards: int, k: int
) -> None:
    """One shard or several, the same hits give the same answer."""
    hits = [_hit(i, cosine) for i, cosine in enumerate(cosines)]
    split = [hits[start::shards] for start in range(shards)]
    assert merge(split, k) == merge([hits], k)
    assert len(merge([hits], k)) == min(k, len(hits))
