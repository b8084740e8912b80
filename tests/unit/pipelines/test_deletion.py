"""Deleted documents: hidden at once, gone with the next epoch, and proved to be gone."""

from pathlib import Path

import pytest

from models.epochs import EpochStore
from models.tombstones import read_tombstones
from pipelines.ingest import deletion
from pipelines.ingest.absent import prove_absent
from pipelines.ingest.errors import InputError
from pipelines.ingest.storage import Storage
from pipelines.ingest.tracing import trace
from tests.unit.pipelines.samples import write_epoch

OLD, NEW = "20260101", "20260102"
SECRET = "passage number 3 about camp 21"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Two epochs with the same five documents; the second is live."""
    write_epoch(tmp_path, OLD)
    EpochStore(tmp_path).publish(write_epoch(tmp_path, NEW, OLD))
    return Storage(str(tmp_path))


def test_a_deletion_by_hand_hides_every_revision_until_it_is_lifted(storage: Storage) -> None:
    """Whatever the source says meanwhile."""
    deletion.delete(storage, ["doc-3.md"])
    assert read_tombstones(storage.root).hides("doc-3.md", "any")
    assert deletion.by_hand(read_tombstones(storage.root)).hides("doc-3.md", "any")
    deletion.lift_found(storage, EpochStore(storage.root).live() or pytest.fail("none"))
    assert read_tombstones(storage.root).hides("doc-3.md", "any")
    assert not deletion.restore(storage, ["doc-3.md"])


@pytest.mark.parametrize("change", [deletion.delete, deletion.restore])
def test_an_unknown_document_is_an_input_error(storage: Storage, change: object) -> None:
    """A mistyped id must not look like a deletion."""
    with pytest.raises(InputError, match="nosuch"):
        change(storage, ["nosuch.md"])  # type: ignore[operator]


def test_what_has_gone_from_the_source_is_hidden_in_that_revision(storage: Storage) -> None:
    """A run does not obey such a tombstone: the document may come back."""
    deletion.hide_removed(storage, {"doc-1.md": "1", "doc-2.md": "1"})
    stones = read_tombstones(storage.root)
    assert stones.hides("doc-1.md", "1")
    assert not stones.hides("doc-1.md", "2")
    assert not deletion.by_hand(stones)


def test_a_document_that_came_back_is_answered_from_again(storage: Storage) -> None:
    """The run that finds it in the epoch it made lifts the tombstone."""
    deletion.hide_removed(storage, {"doc-1.md": "1"})
    live = EpochStore(storage.root).live()
    assert live is not None
    deletion.lift_found(storage, live)
    assert not read_tombstones(storage.root)


def test_a_tombstone_stays_while_an_epoch_to_roll_back_to_holds_its_document(
    tmp_path: Path,
) -> None:
    """A rollback must not answer from what was deleted."""
    write_epoch(tmp_path, OLD)
    live = write_epoch(tmp_path, NEW, OLD, documents=3)
    EpochStore(tmp_path).publish(live)
    storage = Storage(str(tmp_path))
    deletion.hide_removed(storage, {"doc-4.md": "1"})
    deletion.lift_found(storage, live)
    assert read_tombstones(tmp_path).hides("doc-4.md", "1")
    EpochStore(tmp_path).delete(EpochStore(tmp_path).epochs()[0])
    deletion.lift_found(storage, live)
    assert not read_tombstones(tmp_path)


def test_a_text_that_is_there_is_found_wherever_it_is(storage: Storage) -> None:
    """In passages, in other white space and case, in JSON, in the quarantine, in a cache."""
    assert prove_absent(storage, "a text that nobody wrote").ok
    found = prove_absent(storage, SECRET.upper().replace(" ", "\n"))
    assert not found.ok
    assert {finding.doc for finding in found.findings} == {"doc-3.md"}
    storage.write_json("quarantine.json", {"reason": "Ünlesbar: geheime Zeile"})
    assert not prove_absent(storage, "ünlesbar: GEHEIME zeile").ok


def test_a_copy_that_serving_keeps_is_looked_into(storage: Storage, tmp_path: Path) -> None:
    """Also where it lies outside the index."""
    cache = tmp_path.parent / "cache" / NEW
    cache.mkdir(parents=True)
    (cache / "notes.txt").write_text("only the cache knows this")
    assert prove_absent(storage, "only the cache knows this").ok
    assert not prove_absent(storage, "only the cache knows this", [cache.parent]).ok


def test_a_long_text_is_found_by_its_sentences(storage: Storage) -> None:
    """Passages are shorter than what somebody may want gone."""
    storage.write_text(
        "runs/x/note.txt", "The guide lives at 12 Lake Road in Manali, near the pass."
    )
    letter = (
        "Dear team, please forget me and everything that I have ever written to you about it. "
        "The guide lives at 12 Lake Road in Manali, near the pass. Many thanks and regards."
    )
    assert not prove_absent(storage, letter).ok


def test_an_epoch_to_roll_back_to_is_told_but_no_fault_where_a_tombstone_hides_it(
    tmp_path: Path,
) -> None:
    """It cannot be answered from; removing the epoch removes it."""
    write_epoch(tmp_path, OLD)
    EpochStore(tmp_path).publish(write_epoch(tmp_path, NEW, OLD, documents=3))
    storage = Storage(str(tmp_path))
    assert not prove_absent(storage, SECRET).ok
    deletion.hide_removed(storage, {"doc-3.md": "1"})
    proof = prove_absent(storage, SECRET)
    assert proof.ok
    assert {finding.hidden for finding in proof.findings} == {True}
    EpochStore(tmp_path).delete(EpochStore(tmp_path).epochs()[0])
    assert prove_absent(storage, SECRET).findings == ()


def test_lineage_goes_both_ways(storage: Storage) -> None:
    """From a chunk to its document, and from a document to its chunks."""
    live = EpochStore(storage.root).live()
    assert live is not None
    of_document = trace(storage, live, "doc-3.md")
    [chunk] = of_document["chunks"]
    of_chunk = trace(storage, live, chunk["chunk_id"])
    assert of_chunk["chunks"] == of_document["chunks"]
    assert [row["doc"] for row in of_chunk["documents"]] == ["doc-3.md"]
    with pytest.raises(InputError, match="nosuch"):
        trace(storage, live, "nosuch")
