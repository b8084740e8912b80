"""Which documents answer: the newest valid one of those that say the same."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.checksums import sha256_text
from models.tombstones import Tombstone, Tombstones
from pipelines.ingest.errors import Refused
from pipelines.ingest.revisions import Withheld, choose
from pipelines.ingest.sketch import similarity, sketch_of, unpacked

TODAY = "2026-06-15"
POLICY = " ".join(
    f"Rule {number} says that a booking which is cancelled {number} days before departure is "
    f"refunded in part, less the cost of permit number {number * 3}."
    for number in range(12)
)


def row(doc: str, text: str = POLICY, **said: Any) -> dict[str, Any]:
    return {
        "doc": doc,
        "revision": said.get("stated_revision") or sha256_text(text)[:12],
        "stated_revision": None,
        "doc_type": "policy",
        "language": "en",
        "trek": None,
        "valid_from": None,
        "valid_to": None,
        "supersedes": [],
        "modified": "",
        "digest": sha256_text(text),
        "sketch": sketch_of(text),
        **said,
    }


def kept_out(rows: Iterable[dict[str, Any]], deleted: Tombstones | None = None) -> dict[str, Any]:
    choice = choose(list(rows), deleted or Tombstones(), TODAY)
    return {w.doc: (w.why, w.winner) for w in choice.withheld}


EDITED = POLICY.replace("refunded in part", "refunded in full", 1)


def test_of_two_near_duplicates_the_later_valid_one_answers() -> None:
    """An edited copy with a later validity takes the place of the older one."""
    rows = [row("old.md", valid_from="2025-01-01"), row("new.md", EDITED, valid_from="2026-01-01")]
    assert kept_out(rows) == {"old.md": ("duplicate", "new.md")}


def test_an_expired_copy_does_not_answer_though_it_is_newer() -> None:
    """Valid comes before new."""
    rows = [
        row("plain.md"),
        row("offer.md", EDITED, valid_from="2026-05-01", valid_to="2026-06-01"),
    ]
    assert kept_out(rows) == {"offer.md": ("duplicate", "plain.md")}


def test_a_stated_revision_decides_by_number_and_not_by_letter() -> None:
    """Revision 10 is newer than revision 9."""
    rows = [row("a.md", stated_revision="9"), row("b.md", EDITED, stated_revision="10")]
    assert kept_out(rows) == {"a.md": ("duplicate", "b.md")}


def test_what_is_valid_in_another_season_is_no_duplicate() -> None:
    """Last season's and this season's prices are both true, each in its time."""
    rows = [
        row("2025.md", valid_from="2025-01-01", valid_to="2025-12-31"),
        row("2026.md", EDITED, valid_from="2026-01-01", valid_to="2026-12-31"),
    ]
    assert kept_out(rows) == {}


def test_what_becomes_valid_later_is_there_when_its_day_comes() -> None:
    """Until then the filter on validity keeps it from answers."""
    rows = [row("now.md"), row("july.md", EDITED, valid_from="2026-07-01")]
    assert kept_out(rows) == {}


@pytest.mark.parametrize("other", [{"language": "es"}, {"trek": "Chadar"}, {"doc_type": "faq"}])
def test_documents_about_other_things_are_never_duplicates(other: dict[str, str]) -> None:
    """The same words about another trek, or in another place, are other information."""
    assert kept_out([row("a.md"), row("b.md", **other)]) == {}


def test_texts_from_one_template_stay_apart() -> None:
    """Short texts that differ by a name or a price say different things."""
    one, other = (
        f"{trek} costs {price} and takes six days from the road to the pass and back."
        for trek, price in (("Hampta Pass", "12,500"), ("Rupin Pass", "17,900"))
    )
    assert kept_out([row("a.md", one), row("b.md", other)]) == {}


def test_equal_texts_answer_once() -> None:
    """Also short ones, of which no sketch could tell."""
    rows = [row("b.md", "Bring warm gloves."), row("a.md", "Bring warm gloves.")]
    assert kept_out(rows) == {"b.md": ("duplicate", "a.md")}


def test_two_revisions_under_one_id() -> None:
    """A table that keeps its history answers with the newest."""
    rows = [
        row("t.jsonl#1", "It costs 10.", stated_revision="1"),
        row("t.jsonl#1", "It costs 12.", stated_revision="2"),
    ]
    choice = choose(rows, Tombstones(), TODAY)
    assert choice.withheld == (Withheld("t.jsonl#1", "1", "superseded", "t.jsonl#1"),)


def test_two_texts_under_one_id_that_nothing_orders_are_refused() -> None:
    """An id used twice by mistake must not drop a document silently."""
    with pytest.raises(Refused, match=r"t\.jsonl#1"):
        choose([row("t.jsonl#1", "One."), row("t.jsonl#1", "Two.")], Tombstones(), TODAY)


def test_a_row_that_is_there_twice_is_no_loss() -> None:
    """Its passages are the winner's own, and are not left out."""
    choice = choose([row("t.jsonl#1"), row("t.jsonl#1")], Tombstones(), TODAY)
    assert [(w.why, w.drops) for w in choice.withheld] == [("duplicate", False)]


def test_a_document_may_name_what_it_supersedes() -> None:
    """However different the texts are; of two that name each other the newer stays."""
    rows = [
        row("a.md", "Alpha.", supersedes=["b.md"], stated_revision="1"),
        row("b.md", "Beta.", supersedes=["a.md"], stated_revision="2"),
        row("c.md", "Gamma.", supersedes=["old.md"], valid_to="2026-01-01"),
        row("old.md", "Delta."),
    ]
    assert kept_out(rows) == {"a.md": ("superseded", "b.md")}


def test_a_deleted_document_is_kept_out_and_takes_nobodys_place() -> None:
    """Its copy answers instead of it."""
    rows = [row("a.md", stated_revision="2"), row("b.md", stated_revision="1")]
    deleted = Tombstones({"a.md": Tombstone(None, "")})
    assert kept_out(rows, deleted) == {"a.md": ("deleted", None)}


def test_the_day_on_which_another_choice_may_be_due_is_told() -> None:
    """So that a run over an unchanged corpus looks again then."""
    rows = [row("a.md", valid_to="2026-09-30"), row("b.md", EDITED)]
    assert choose(rows, Tombstones(), TODAY).good_until == "2026-09-30"
    begins = [row("a.md"), row("a.md", EDITED, valid_from="2026-07-01")]
    assert choose(begins, Tombstones(), TODAY).good_until == "2026-06-30"
    assert choose([row("a.md", valid_to="2026-09-30")], Tombstones(), TODAY).good_until is None


@given(st.permutations([row(f"{n}.md", POLICY + f" Note {n}.", modified=str(n)) for n in range(5)]))
def test_the_choice_does_not_depend_on_the_order(rows: list[dict[str, Any]]) -> None:
    """Whichever way the documents were listed, the newest stays."""
    assert set(kept_out(rows)) == {"0.md", "1.md", "2.md", "3.md"}


words = st.lists(st.sampled_from(["peak", "pass", "lake", "camp", "snow", "ridge"]), min_size=1)


@given(words, words)
def test_similarity_is_symmetric_and_whole_for_equal_texts(
    one: list[str], other: list[str]
) -> None:
    """For short texts it is the Jaccard similarity of their shingles, exactly."""

    def shingles(of: list[str]) -> set[tuple[str, ...]]:
        return {tuple(of[i : i + 3]) for i in range(max(1, len(of) - 2))}

    a, b = (unpacked(sketch_of(" ".join(text))) for text in (one, other))
    exact = len(shingles(one) & shingles(other)) / len(shingles(one) | shingles(other))
    assert similarity(a, b) == similarity(b, a) == pytest.approx(exact)
    assert similarity(a, a) == 1.0
