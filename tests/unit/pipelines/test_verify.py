"""A published epoch that is no longer what was published is found out."""

from pathlib import Path

import pytest

from models.epochs import EpochStore
from pipelines.ingest.documents_table import name_in
from pipelines.ingest.storage import Storage
from pipelines.ingest.verify import Verdict, verify_epoch
from tests.unit.pipelines.samples import write_epoch


def verdict_after(root: Path, damage: str | None) -> Verdict:
    epoch = write_epoch(root, "20260101")
    folder = Path(EpochStore(root).epoch_uri(epoch)) / "shard-000"
    if damage is not None:
        path = folder / damage
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    return verify_epoch(Storage(str(root)), epoch)


def test_a_whole_epoch_is_found_good(tmp_path: Path) -> None:
    """Counts and recall are told."""
    verdict = verdict_after(tmp_path, None)
    assert verdict.problems == ()
    assert verdict.ok
    assert (verdict.chunks, verdict.recall) == (5, {"shard-000": 1.0})


@pytest.mark.parametrize("name", ["vectors.faiss", "chunks.parquet", "shard.json"])
def test_one_flipped_byte_is_found(tmp_path: Path, name: str) -> None:
    """Whichever file is damaged, the verdict names it."""
    verdict = verdict_after(tmp_path, name)
    assert not verdict.ok
    assert name in verdict.problems[0]


def test_passages_of_an_unlisted_document_are_orphans(tmp_path: Path) -> None:
    """Lineage holds both ways: every passage belongs to a document of the epoch's list."""
    epoch = write_epoch(tmp_path, "20260101")
    storage = Storage(str(tmp_path))
    listed = storage.read_table(name_in(epoch))
    storage.write_table(name_in(epoch), listed.slice(1))
    assert verify_epoch(storage, epoch).problems == (
        "passages of 'doc-0.md', which is not in the list of documents",
    )
