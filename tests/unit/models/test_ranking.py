"""The last order: the trek that was named, and pages that vary."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from models.ranking import rank, trek_bonus
from models.types import Hit
from tests.unit.models.samples import chunk


def _hit(number: int, cosine: float, doc: str, trek: str | None = None) -> Hit:
    return Hit(replace(chunk(number), doc=doc, trek=trek), 0.0, cosine, None)


def _docs(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.chunk.doc for hit in hits]


def test_a_second_passage_of_a_page_waits_for_other_pages() -> None:
    """Five passages about equally good come from five pages before any page comes twice."""
    cosines = (0.90, 0.899, 0.898, 0.897, 0.5)
    hits = [_hit(n, c, doc) for n, (c, doc) in enumerate(zip(cosines, "aaabc", strict=True))]
    assert _docs(rank([hits], trek_bonus(()), 2)) == ["a", "b"]
    assert _docs(rank([hits], trek_bonus(()), 2, repeat_penalty=0.0)) == ["a", "a"]


def test_clearly_better_rows_of_one_table_come_together() -> None:
    """Variety does not push out what is far better."""
    hits = [_hit(1, 0.9, "table"), _hit(2, 0.89, "table"), _hit(3, 0.3, "other"), _hit(4, 0, "x")]
    assert _docs(rank([hits], trek_bonus(()), 2)) == ["table", "table"]


def test_the_named_trek_comes_first() -> None:
    """Of two pages that match about equally, the one about the trek in question is better."""
    hits = [_hit(1, 0.90, "b", "Beas Kund"), _hit(2, 0.899, "h", "Hampta Pass"), _hit(3, 0.2, "x")]
    assert _docs(rank([hits], trek_bonus(("Hampta Pass",)), 1)) == ["h"]
    assert _docs(rank([hits], trek_bonus(()), 1)) == ["b"]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abc")), max_size=15), st.integers(0, 20)
)
def test_no_passage_is_lost_or_doubled(found: list[tuple[float, str]], k: int) -> None:
    """The answer holds k different passages, or all there are, best first."""
    hits = [_hit(n, cosine, doc) for n, (cosine, doc) in enumerate(found)]
    ranked = rank([hits], trek_bonus(()), k)
    assert len({hit.chunk.chunk_id for hit in ranked}) == len(ranked) == min(k, len(hits))
    scores = [hit.score for hit in ranked]
    assert scores == sorted(scores, reverse=True)
