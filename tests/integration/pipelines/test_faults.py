"""Runs that are killed, overtaken or damaged, and documents that must be gone."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray

from bench import kill_points
from models.epochs import EpochStore
from models.hash_encoder import HashEncoder
from models.open import HASH_ENCODER
from models.tombstones import read_tombstones
from models.types import Epoch, ModelId, SearchFilter
from pipelines.ingest.absent import prove_absent
from pipelines.ingest.config import ClusterSettings, Gates, IngestConfig
from pipelines.ingest.job import run
from pipelines.ingest.report import RunReport
from pipelines.ingest.search import EpochSearch
from pipelines.ingest.storage import Storage

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


class Place:
    """A corpus and an index beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.corpus = root / "corpus"
        self.index = root / "index"
        self.corpus.mkdir()
        for number in range(12):
            self.write(f"{number}.md", f"Camp {number} lies at {number * 311} metres by the lake.")
        self.write("hola.md", "---\nlanguage: es\n---\nEl campamento está cerca del lago azul.")

    def write(self, name: str, text: str) -> None:
        (self.corpus / name).write_text(text)

    def run(self, questions: Path | None = None) -> RunReport:
        config = IngestConfig(
            corpus_uri=str(self.corpus),
            index_uri=str(self.index),
            encoder_id=ModelId(HASH_ENCODER),
            models_dir=self.root / "models",
            cluster=ClusterSettings(max_tasks=1, files_per_unit=4),
            gates=Gates(questions=questions),
        )
        return run(config)

    def best(self, question: str) -> str:
        """The document that answers a question in the live epoch."""
        store = EpochStore(self.index)
        live = store.current()
        assert live is not None
        search = EpochSearch.open(store, live, self.root / "cache")
        [[hit, *_]] = search.query(HashEncoder(), [question], SearchFilter(), 3)
        return hit.chunk.doc


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_was_removed_at_the_source_is_gone(place: Place) -> None:
    """From answers, from the new epoch, and from what somebody may roll back to."""
    assert place.run().status == "published"
    place.write("3.md", "Camp 3 has moved to the far side of the glacier.")
    (place.corpus / "5.md").unlink()
    edited = place.run()
    assert (edited.status, edited.embedded, edited.removed) == ("published", 1, 1)
    assert place.best("Camp 3 far side of the glacier") == "3.md"
    assert place.best("Camp 5 lies at 1555 metres") != "5.md"
    # The epoch before still holds the document, so that its tombstone stays.
    assert set(read_tombstones(place.index).documents) == {"5.md"}
    storage = Storage(str(place.index))
    assert prove_absent(storage, "Camp 5 lies at 1555 metres").ok
    assert not prove_absent(storage, "Camp 6 lies at").ok


class Halt:
    """Holds a run where it reads its golden questions: after its build, before its checks."""

    def __init__(self, place: Place) -> None:
        self.file = place.root / "questions.jsonl"
        os.mkfifo(self.file)
        self.outcome: list[RunReport] = []
        self._run = threading.Thread(target=lambda: self.outcome.append(place.run(self.file)))

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self._run.start()
        with self.file.open("w") as questions:  # opens when the run opens it for reading
            yield
            questions.write('{"question": "Camp 2 lies at 622 metres", "doc": "2.md"}\n')
        self._run.join()


def test_a_shard_that_was_damaged_after_its_build_is_refused(place: Place) -> None:
    """The damaged file is named, and the live epoch answers."""
    live = place.run().epoch
    place.write("new.md", "Camp 99 lies behind the moraine.")
    halt = Halt(place)
    with halt():
        [built] = [epoch for epoch in place.index.glob("epochs/*") if epoch.name != live]
        path = built / "shard-001" / "vectors.faiss"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    [refused] = halt.outcome
    assert refused.status == "refused"
    assert "shard-001/vectors.faiss" in str(refused.reason)
    assert EpochStore(place.index).current() == live
    assert not (place.index / "epochs" / refused.run).exists()
    assert place.best("Camp 2 lies at 622 metres") == "2.md"


def test_of_two_runs_at_the_same_time_one_publishes(place: Place) -> None:
    """The slower one is refused by the name of the faster one's epoch."""
    place.run()
    place.write("new.md", "Camp 99 lies behind the moraine.")
    halt = Halt(place)
    with halt():
        place.write("newer.md", "Camp 77 lies under the ice fall.")
        faster = place.run()
    [slower] = halt.outcome
    assert (faster.status, slower.status) == ("published", "refused")
    assert str(faster.epoch) in str(slower.reason)
    assert EpochStore(place.index).current() == faster.epoch
    assert place.best("Camp 77 under the ice fall") == "newer.md"


@dataclass(frozen=True)
class Uninterrupted:
    """A corpus, where runs over it are killed, and what one that was not killed ends in."""

    rig: kill_points.Rig
    expected: dict[str, str]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    work = tmp_path_factory.mktemp("killed")
    kill_points.write_corpus(work / "corpus")
    config = IngestConfig(
        corpus_uri=str(work / "corpus"),
        index_uri=str(work / "reference"),
        encoder_id=ModelId(HASH_ENCODER),
        models_dir=work / "models",
        cluster=ClusterSettings(files_per_unit=8, batch_tokens=kill_points.BATCH_TOKENS),
        run_id=Epoch(kill_points.RUN),
    )
    assert run(config).status == "published"
    expected = kill_points.fingerprint(work / "reference")
    shutil.rmtree(work / "reference")
    return Uninterrupted(kill_points.Rig(work, ray.get_runtime_context().gcs_address), expected)


@pytest.mark.parametrize(
    ("file", "victim"),
    [
        ("runs/{run}/staged/units/00003.json", "driver"),
        ("vectors/*/{run}/*.parquet:1", "worker"),
        ("epochs/{run}/manifest.json", "driver"),
    ],
)
def test_a_run_that_was_killed_ends_in_the_same_bytes(
    uninterrupted: Uninterrupted, file: str, victim: kill_points.Victim
) -> None:
    """`bench.kill_points` does it at thirty points; here are three of them."""
    outcome = kill_points.one_point(uninterrupted.rig, file, victim, uninterrupted.expected)
    assert outcome.same
    assert outcome.embedded_twice <= kill_points.BATCH_TOKENS
