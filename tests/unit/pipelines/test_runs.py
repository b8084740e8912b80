"""Which run goes on, which begins anew, and when a corpus need not be read at all."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from models.tombstones import Tombstone, change_tombstones
from models.types import Epoch
from pipelines.ingest import runs
from pipelines.ingest.errors import InputError
from pipelines.ingest.keeping import state_of_newest
from pipelines.ingest.lineage import Lineage, write_lineage
from pipelines.ingest.publish import collect_garbage
from pipelines.ingest.runs import RunState
from pipelines.ingest.sources import discover
from pipelines.ingest.storage import Storage
from pipelines.ingest.unchanged import nothing_changed, source_state
from tests.unit.pipelines.samples import write_epoch

FIRST = RunState(Epoch("20260101T000000-000000Z"), "corpus", "key", None)
SECOND = replace(FIRST, run=Epoch("20260102T000000-000000Z"))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "index"))


def test_a_run_that_was_killed_goes_on_as_itself(storage: Storage) -> None:
    """The next command over the same corpus takes it up, until it has left its report."""
    assert runs.begin(storage, FIRST, named=False) == FIRST
    assert runs.begin(storage, SECOND, named=False) == FIRST
    storage.write_json(f"{FIRST.folder}/report.json", {})
    assert runs.begin(storage, SECOND, named=False) == SECOND


@pytest.mark.parametrize("change", [{"key": "another"}, {"previous": Epoch("someone-published")}])
def test_another_corpus_or_another_live_epoch_begins_anew(
    storage: Storage, change: dict[str, str]
) -> None:
    """What was staged of other files, or for another pointer, is of no use."""
    runs.begin(storage, FIRST, named=False)
    fresh = replace(SECOND, **change)  # type: ignore[arg-type]
    assert runs.begin(storage, fresh, named=False) == fresh


def test_a_run_that_published_and_died_is_taken_up(storage: Storage) -> None:
    """Its own epoch is live by then; only the report is missing."""
    runs.begin(storage, FIRST, named=False)
    fresh = replace(SECOND, previous=FIRST.run)
    assert runs.begin(storage, fresh, named=False) == FIRST


def test_a_run_under_way_is_left_alone(storage: Storage) -> None:
    """A second command makes a run of its own; by name it is refused."""
    runs.begin(storage, FIRST, named=False)
    with runs.held(storage, FIRST):
        assert runs.begin(storage, SECOND, named=False) == SECOND
        with pytest.raises(InputError, match="under way"), runs.held(storage, FIRST):
            pass
    assert not runs.is_under_way(storage, FIRST)


def test_a_name_stands_for_one_corpus(storage: Storage) -> None:
    """The same name with other files is a mistake of whoever gave it."""
    runs.begin(storage, FIRST, named=True)
    assert runs.begin(storage, FIRST, named=True) == FIRST
    with pytest.raises(InputError, match=FIRST.run):
        runs.begin(storage, replace(FIRST, key="another"), named=True)


def test_the_state_of_newest_tells_how_far_it_is(storage: Storage) -> None:
    """Under way, interrupted, or with its outcome."""
    assert state_of_newest(storage) is None
    runs.begin(storage, FIRST, named=False)
    storage.write_json(f"{FIRST.folder}/progress.json", {"stage": "embed", "done": 3})
    with runs.held(storage, FIRST):
        found = state_of_newest(storage)
    assert found is not None
    assert (found["state"], found["progress"]["stage"]) == ("under way", "embed")
    assert (state_of_newest(storage) or {})["state"] == "interrupted"
    storage.write_json(f"{FIRST.folder}/report.json", {"status": "published"})
    assert (state_of_newest(storage) or {})["state"] == "published"


def test_collection_spares_a_run_under_way_and_clears_a_dead_one(tmp_path: Path) -> None:
    """A slower run's half-built epoch is not pulled from under it."""
    from models.epochs import EpochStore

    storage = Storage(str(tmp_path))
    for state in (FIRST, SECOND):
        runs.begin(storage, replace(state, key=state.run), named=False)
        storage.write_text(f"epochs/{state.run}/shard-000/vectors.faiss", "half")
        storage.write_text(f"{state.folder}/staged/units/00000.json", "{}")
    store = EpochStore(tmp_path)
    store.publish(write_epoch(tmp_path, "20260103"))
    with runs.held(storage, SECOND):
        collect_garbage(storage, store, 3)
    assert storage.folders("epochs") == [SECOND.run, "20260103"]
    assert not storage.exists(f"{FIRST.folder}/staged")
    assert storage.exists(f"{SECOND.folder}/staged")


class Corpus:
    """A folder of two files that were written long ago, and the epoch made of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.storage = Storage(str(root / "index"))
        self.live = write_epoch(root / "index", "20260101")
        for name in ("a.md", "b.md"):
            self.write(name, "text")
        write_lineage(self.storage, self.live, self.seen())

    def write(self, name: str, text: str, age_s: int = 1_000_000_000) -> None:
        path = self.root / "corpus" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        os.utime(path, (age_s, age_s))

    def seen(self, *, readable: bool = True, good_until: str | None = None) -> Lineage:
        found = discover(str(self.root / "corpus"))
        source = source_state(
            self.storage, found, found.listed_at, good_until=good_until, readable=readable
        )
        return Lineage("run", "corpus", "digest", {"shards": 2}, source)

    def is_untouched(self, **settings: int) -> bool:
        now = self.seen()
        now = replace(now, settings={"shards": 2, **settings})
        return nothing_changed(self.storage, self.live, now.source, now)


def test_a_corpus_that_nobody_touched_need_not_be_read(tmp_path: Path) -> None:
    """Any sign of a change, and it is read."""
    corpus = Corpus(tmp_path)
    assert corpus.is_untouched()
    assert not corpus.is_untouched(shards=3)
    corpus.write("b.md", "next")  # of the same size
    assert not corpus.is_untouched()


@pytest.mark.parametrize("name", ["c.md", "a.md.meta.yaml", "treks.yaml"])
def test_a_new_file_sidecar_or_gazetteer_is_noticed(tmp_path: Path, name: str) -> None:
    """Whatever is read has a part in the comparison."""
    corpus = Corpus(tmp_path)
    corpus.write(name, "Chadar: []\n")
    assert not corpus.is_untouched()


def test_a_file_written_while_it_was_listed_is_read_again(tmp_path: Path) -> None:
    """It may have changed once more within the same tick of its clock."""
    corpus = Corpus(tmp_path)
    (tmp_path / "corpus" / "b.md").write_text("just now")
    write_lineage(corpus.storage, corpus.live, corpus.seen())
    assert not corpus.is_untouched()


def test_quarantined_documents_and_dates_make_it_be_read(tmp_path: Path) -> None:
    """A torn page may be whole by now; a price list may have become valid."""
    corpus = Corpus(tmp_path)
    write_lineage(corpus.storage, corpus.live, corpus.seen(readable=False))
    assert not corpus.is_untouched()
    write_lineage(corpus.storage, corpus.live, corpus.seen(good_until="2020-01-01"))
    assert not corpus.is_untouched()
    write_lineage(corpus.storage, corpus.live, corpus.seen(good_until="9999-01-01"))
    assert corpus.is_untouched()


def test_a_deletion_makes_it_be_read(tmp_path: Path) -> None:
    """By hand: the next epoch must not hold it. By a run: the document is back."""
    corpus = Corpus(tmp_path)
    change_tombstones(corpus.storage.root, add={"doc-1.md": Tombstone("1", "")})
    assert not corpus.is_untouched()
    change_tombstones(
        corpus.storage.root, add={"x.md": Tombstone(None, "")}, remove=frozenset({"doc-1.md"})
    )
    assert not corpus.is_untouched()
