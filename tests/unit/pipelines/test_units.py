"""Reading in units: whole or again, and the same files every time."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.ingest.plan import (
    SCHEMA,
    batches_of,
    count_missing,
    cut_by_tokens,
    make_plan,
)
from pipelines.ingest.revisions import Choice, Withheld
from pipelines.ingest.sources import discover
from pipelines.ingest.staged import (
    divide,
    failures,
    passage_files,
    read_part,
    summarise,
    write_withheld,
)
from pipelines.ingest.storage import Storage
from pipelines.ingest.units import StagedUnit, Unit, stage_unit, staged_units, units_of
from pipelines.ingest.vectors import write_vectors
from tests.unit.pipelines.samples import READING, vectors_of

RUN = "runs/20260101T000000-000000Z"
STAGED = f"{RUN}/staged"
NOTHING = Choice((), None)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(9):
        text = " ".join(f"Day {day} of trek {number} climbs {day * 90} metres." for day in range(9))
        (folder / f"{number}.txt").write_text(text)
    (folder / "torn.pdf").write_bytes(b"%PDF-1.4 torn")
    return folder


def stage(storage: Storage, corpus: Path, size: int = 4) -> list[Unit]:
    units = units_of(discover(str(corpus)).files, size)
    for unit in units:
        list(stage_unit(storage, STAGED, unit, READING))
    return units


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_every_file_is_in_one_unit() -> None:
    """In order, the last unit being what is left."""
    assert [len(unit.files) for unit in units_of(range(10), 4)] == [4, 4, 2]  # type: ignore[arg-type]


def test_reading_a_unit_twice_writes_the_same_bytes(tmp_path: Path, corpus: Path) -> None:
    """A task that runs again, or outlives its run, changes nothing."""
    storage = Storage(str(tmp_path / "index"))
    stage(storage, corpus)
    before = content(tmp_path / "index")
    stage(storage, corpus)
    assert content(tmp_path / "index") == before


def test_a_unit_that_was_cut_short_is_not_done(tmp_path: Path, corpus: Path) -> None:
    """Nothing of it is seen before its last file; the others stand."""
    storage = Storage(str(tmp_path / "index"))
    first, second, third = units_of(discover(str(corpus)).files, 4)
    list(stage_unit(storage, STAGED, first, READING))
    reading = stage_unit(storage, STAGED, second, READING)
    next(reading)
    reading.close()
    assert staged_units(storage, STAGED) == {0: StagedUnit(0, 4, 4, 12, 0)}
    assert passage_files(storage, STAGED) == [
        f"{STAGED}/passages/shard={shard}/00000.parquet" for shard in (0, 1)
    ]
    assert not list((tmp_path / "index").rglob("*.part"))
    list(stage_unit(storage, STAGED, third, READING))
    assert [entry.doc for entry in failures(storage, STAGED)] == ["torn.pdf"]


def test_a_withheld_revision_has_no_passages(tmp_path: Path, corpus: Path) -> None:
    """It is missing from every part, and the other documents are all there."""
    storage = Storage(str(tmp_path / "index"))
    stage(storage, corpus)
    write_withheld(storage, RUN, NOTHING)
    every = [read_part(storage, part) for part in divide(storage, RUN, STAGED, 2)]
    docs = pa.concat_tables(every).select(["doc", "revision"]).to_pylist()
    [revision] = {row["revision"] for row in docs if row["doc"] == "3.txt"}
    write_withheld(storage, RUN, Choice((Withheld("3.txt", revision, "deleted", None),), None))
    parts = divide(storage, RUN, STAGED, 2)
    left = pa.concat_tables(read_part(storage, part) for part in parts)["doc"].to_pylist()
    assert sorted(left) == sorted(row["doc"] for row in docs if row["doc"] != "3.txt")
    assert sum(summarise(storage, part).num_chunks for part in parts) == len(left)


def test_more_shards_than_documents_are_divided_by_passage(tmp_path: Path) -> None:
    """No shard is empty; one passage gives one shard."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "one.txt").write_text("A single sentence.")
    storage = Storage(str(tmp_path / "index"))
    stage(storage, tmp_path / "corpus")
    write_withheld(storage, RUN, NOTHING)
    assert [part.of for part in divide(storage, RUN, STAGED, 4)] == [1]


def planned(storage: Storage) -> list[tuple[str, int]]:
    plan = make_plan(storage, RUN, STAGED, "e")
    found = [b for g in range(plan.groups) for b in batches_of(storage, RUN, g, "e", 200)]
    return [(batch.name, len(batch.keys)) for batch in found]


def test_a_plan_stands_while_its_run_embeds(tmp_path: Path, corpus: Path) -> None:
    """A run that goes on makes the same batches, though some have vectors by then."""
    storage = Storage(str(tmp_path / "index"))
    stage(storage, corpus)
    write_withheld(storage, RUN, NOTHING)
    before = planned(storage)
    (first, *_) = batches_of(storage, RUN, 0, "e", 200)
    write_vectors(storage, first.name, first.keys, vectors_of(first.texts))
    assert planned(storage) == before
    (tmp_path / "index" / RUN / "plan.parquet").unlink()  # killed before it was written
    assert planned(storage) == before
    assert sum(size for _, size in before) == 27


def test_the_next_run_plans_only_what_has_no_vector(tmp_path: Path, corpus: Path) -> None:
    """Each text once, however many passages say it."""
    storage = Storage(str(tmp_path / "index"))
    (corpus / "copy.md").write_text((corpus / "0.txt").read_text())
    stage(storage, corpus)
    write_withheld(storage, RUN, NOTHING)
    assert count_missing(storage, RUN, STAGED, "e") == 30  # a title of its own: other texts
    (first, *_) = batches_of(storage, RUN, _groups(storage), "e", 200)
    write_vectors(
        storage, f"vectors/e/older/{len(first.keys)}.parquet", first.keys, vectors_of(first.texts)
    )
    assert count_missing(storage, RUN, STAGED, "e") == 30 - len(first.keys)


def _groups(storage: Storage) -> int:
    return make_plan(storage, RUN, STAGED, "e").groups - 1


def test_batches_keep_to_their_budget() -> None:
    """Padded to its longest text, a batch is within the tokens; one longer text goes alone."""
    lengths = [1, 2, 2, 3, 5, 8, 30]
    ranges = list(cut_by_tokens(lengths, 12))
    assert [lengths[a:b] for a, b in ranges] == [[1, 2, 2, 3], [5], [8], [30]]
    assert list(cut_by_tokens([], 12)) == []


def test_an_empty_plan_is_a_plan(tmp_path: Path) -> None:
    """When everything has a vector there is nothing to do."""
    storage = Storage(str(tmp_path))
    storage.write_table(f"{RUN}/plan.parquet", SCHEMA.empty_table())
    assert make_plan(storage, RUN, STAGED, "e").passages == 0
