"""Whole runs on a real Ray: incremental, refused, deleted, killed. The stub encoder embeds."""

import shutil
from collections.abc import Iterator
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
from pipelines.ingest.cluster import ray_session
from pipelines.ingest.config import ClusterSettings, IngestConfig
from pipelines.ingest.job import run
from pipelines.ingest.report import RunReport
from pipelines.ingest.search import EpochSearch
from pipelines.ingest.storage import Storage
from tests.unit.pipelines.samples import write_epoch

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


@pytest.fixture(scope="module", autouse=True)
def one_ray() -> Iterator[None]:
    """Started once; the runs of this module find it and leave it running."""
    with ray_session(ClusterSettings(max_tasks=1)):
        yield


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

    def run(self, *, run_id: str | None = None) -> RunReport:
        config = IngestConfig(
            corpus_uri=str(self.corpus),
            index_uri=str(self.index),
            encoder_id=ModelId(HASH_ENCODER),
            models_dir=self.root / "models",
            cluster=ClusterSettings(max_tasks=1, files_per_unit=4),
            run_id=Epoch(run_id) if run_id else None,
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


def test_only_what_changed_is_embedded_and_what_was_removed_is_gone(place: Place) -> None:
    """From nothing, unchanged, edited, and with one document less."""
    first = place.run()
    assert (first.status, first.documents, first.embedded) == ("published", 13, 13)
    again = place.run()
    assert (again.status, again.embedded, again.epoch) == ("unchanged", 0, first.epoch)

    place.write("3.md", "Camp 3 has moved to the far side of the glacier.")
    (place.corpus / "5.md").unlink()
    edited = place.run()
    assert (edited.status, edited.embedded) == ("published", 1)
    assert (edited.added, edited.changed, edited.removed) == (0, 1, 1)
    assert place.best("Camp 3 far side of the glacier") == "3.md"
    assert place.best("Camp 5 lies at 1555 metres") != "5.md"
    # The epoch before still holds the document, so that its tombstone stays.
    assert set(read_tombstones(place.index).documents) == {"5.md"}
    storage = Storage(str(place.index))
    assert prove_absent(storage, "Camp 5 lies at 1555 metres").ok
    assert not prove_absent(storage, "Camp 6 lies at").ok


def test_a_halved_corpus_a_lost_language_and_torn_documents_refuse_the_publish(
    place: Place,
) -> None:
    """All reasons in one line; the live epoch answers as before, and nothing is hidden."""
    live = place.run().epoch
    for number in range(6):
        (place.corpus / f"{number}.md").unlink()
    (place.corpus / "hola.md").unlink()
    (place.corpus / "torn.pdf").write_bytes(b"%PDF-1.4 torn")
    refused = place.run()
    assert refused.status == "refused"
    assert refused.reason is not None
    assert "6 passages instead of the 13" in refused.reason
    assert "1 of 7 documents could not be read" in refused.reason
    assert "torn.pdf" in refused.reason
    assert refused.epoch == live == EpochStore(place.index).current()
    assert not read_tombstones(place.index)
    assert place.best("Camp 2 lies at 622 metres") == "2.md"


def test_another_encoder_than_the_live_one_is_refused(tmp_path: Path) -> None:
    """Before anything is embedded; the live epoch stays."""
    place = Place(tmp_path)
    live = write_epoch(place.index, "20200101")
    store = EpochStore(place.index)
    store.publish(live)
    path = place.index / "epochs" / live / "manifest.json"
    path.write_text(path.read_text().replace(HashEncoder.fingerprint, "another-encoder"))
    refused = place.run()
    assert (refused.status, refused.embedded) == ("refused", 0)
    assert "another-encoder" in str(refused.reason)
    assert store.current() == live


@pytest.mark.parametrize(
    ("file", "victim"),
    [
        ("runs/{run}/staged/units/00003.json", "driver"),
        ("vectors/*/{run}/*.parquet:1", "worker"),
        ("epochs/{run}/manifest.json", "driver"),
    ],
)
def test_a_run_that_was_killed_ends_in_the_same_bytes(
    tmp_path: Path, file: str, victim: kill_points.Victim
) -> None:
    """`bench.kill_points` does it at thirty points; here are three of them."""
    rig = kill_points.Rig(tmp_path, ray.get_runtime_context().gcs_address)
    kill_points.write_corpus(tmp_path / "corpus")
    expected = _uninterrupted(tmp_path)
    outcome = kill_points.one_point(rig, file, victim, expected)
    assert outcome.same
    assert outcome.embedded_twice <= kill_points.BATCH_TOKENS


def _uninterrupted(work: Path) -> dict[str, str]:
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
    return expected
