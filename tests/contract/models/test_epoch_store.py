"""What an index root promises, on a local folder and behind a URI alike."""

import multiprocessing
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest

from models import small_files
from models.epochs import EpochStore, new_epoch_id, shard_entry, shard_folder
from models.errors import CorruptShard, ManifestError, PointerMoved
from models.manifest import Manifest
from models.shard import IndexShard
from models.shard_writer import write_shard
from models.types import EncoderFingerprint, Epoch, ShardId
from tests.unit.models.samples import chunks, unit_vectors

ENCODER = EncoderFingerprint("encoder-a")
OLD, NEW = Epoch("20260101T000000-000000Z"), Epoch("20260102T000000-000000Z")
FIRST = ShardId(0)


@pytest.fixture(params=["local", "uri"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> EpochStore:
    if request.param == "local":
        return EpochStore(tmp_path / "index")
    return EpochStore(f"memory://index-{uuid.uuid4().hex}")


def _add(store: EpochStore, epoch: Epoch, work: Path, count: int = 20) -> Manifest:
    folder = work / epoch / shard_folder(FIRST)
    write_shard(folder, unit_vectors(count), chunks(count), ENCODER)
    store.put_shard(folder, epoch)
    manifest = Manifest(
        epoch=epoch,
        created_at="2026-01-01T00:00:00+00:00",
        encoder=ENCODER,
        dim=32,
        chunker="chunker-1",
        shards=(shard_entry(folder),),
        document_count=4,
        chunk_count=count,
        languages=("en",),
    )
    store.write(manifest)
    return manifest


def test_an_empty_root_has_no_epoch(store: EpochStore) -> None:
    """Before the first build there is nothing, and that is not an error."""
    assert store.current() is None
    assert store.epochs() == []


def test_publishing_moves_the_pointer_and_rolling_back_moves_it_again(
    store: EpochStore, tmp_path: Path
) -> None:
    """Epochs are written first, become current later, and any of them may be current again."""
    old, new = _add(store, OLD, tmp_path / "w"), _add(store, NEW, tmp_path / "w")
    assert store.current() is None
    assert store.epochs() == [OLD, NEW]
    for manifest in (old, new, old):
        store.publish(manifest.epoch)
        assert store.current() == manifest.epoch
        assert store.manifest(manifest.epoch) == manifest


def test_an_epoch_without_manifest_is_not_published(store: EpochStore, tmp_path: Path) -> None:
    """A pointer never leads to an epoch that is not whole."""
    _add(store, OLD, tmp_path / "w")
    store.publish(OLD)
    with pytest.raises(ManifestError):
        store.publish(NEW)
    assert store.current() == OLD


def test_of_many_writers_with_one_expectation_one_moves_the_pointer(
    store: EpochStore, tmp_path: Path
) -> None:
    """Each of the others is told which epoch is live now; the pointer is the winner's."""
    epochs = [Epoch(f"2026010{number}") for number in range(1, 9)]
    for epoch in epochs:
        _add(store, epoch, tmp_path / "w")
    start, won, lost = threading.Barrier(len(epochs)), list[Epoch](), list[str]()

    def publish(epoch: Epoch) -> None:
        start.wait()
        try:
            EpochStore(store.root).publish_if(epoch, None)
            won.append(epoch)
        except PointerMoved as error:
            lost.append(str(error))

    threads = [threading.Thread(target=publish, args=(epoch,)) for epoch in epochs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [store.current()]
    assert [won[0] in reason for reason in lost] == [True] * 7
    assert [move.epoch for move in store.moves()] == won


def test_a_writer_with_a_stale_expectation_changes_nothing(
    store: EpochStore, tmp_path: Path
) -> None:
    """Also when its epoch is the newer one."""
    _add(store, OLD, tmp_path / "w")
    _add(store, NEW, tmp_path / "w")
    store.publish_if(OLD, None)
    with pytest.raises(PointerMoved, match=OLD):
        store.publish_if(NEW, None)
    store.publish_if(NEW, OLD)
    assert store.current() == NEW


def test_a_move_whose_writer_died_is_completed_by_the_next_one(
    store: EpochStore, tmp_path: Path
) -> None:
    """The record of moves decides; CURRENT follows it."""
    _add(store, OLD, tmp_path / "w")
    _add(store, NEW, tmp_path / "w")
    store.publish_if(OLD, None)
    store.publish_if(NEW, OLD)
    with fsspec.open(f"{store.root}/CURRENT", "w") as file:
        file.write(f"{OLD}\n")  # as if the second writer had died before it wrote
    assert store.live() == NEW
    assert store.current() == NEW


def test_the_record_of_moves_can_be_shortened(store: EpochStore, tmp_path: Path) -> None:
    """The newest stay, and numbering goes on where it was."""
    _add(store, OLD, tmp_path / "w")
    for _ in range(4):
        store.publish(OLD)
    store.forget_moves(2)
    store.publish(OLD)
    assert [move.number for move in store.moves()] == [3, 4, 5]


def test_a_storage_without_exclusive_creation_is_refused() -> None:
    """Better no publish than two that both believe they won."""
    with pytest.raises(ManifestError, match="plain://"):
        small_files.create(_NoConditions(), "x", "text")


class _NoConditions:
    protocol = "plain"


@pytest.mark.parametrize("epoch", ["../../etc", "", "a/b", ".hidden"])
def test_an_id_cannot_leave_the_root(store: EpochStore, epoch: str) -> None:
    """Ids come from the command line too."""
    with pytest.raises(ManifestError, match="no epoch id"):
        store.publish(Epoch(epoch))


def test_a_shard_reaches_the_machine_whole(store: EpochStore, tmp_path: Path) -> None:
    """The local folder opens, and asking again gives the same folder."""
    manifest = _add(store, OLD, tmp_path / "w")
    folder = store.local_shard(manifest, FIRST, tmp_path / "cache")
    assert IndexShard.load(folder, encoder=ENCODER).chunks() == chunks(20)
    assert store.local_shard(manifest, FIRST, tmp_path / "cache") == folder


def test_a_shard_that_the_manifest_does_not_mean_is_refused(
    store: EpochStore, tmp_path: Path
) -> None:
    """A shard folder replaced by another valid one is noticed."""
    manifest = _add(store, OLD, tmp_path / "w")
    other = replace(manifest.shards[0], sha256="0" * 64)
    with pytest.raises(CorruptShard, match="manifest names"):
        store.local_shard(replace(manifest, shards=(other,)), FIRST, tmp_path / "cache")


def test_a_manifest_in_the_wrong_folder_is_refused(store: EpochStore, tmp_path: Path) -> None:
    """An epoch that was copied by hand under another name does not pass for it."""
    manifest = _add(store, OLD, tmp_path / "w")
    store.write(replace(manifest, epoch=NEW))
    copied = EpochStore(store.root)
    fs_path = f"{copied.epoch_uri(OLD)}/manifest.json"
    _overwrite(fs_path, copied.epoch_uri(NEW) + "/manifest.json")
    with pytest.raises(ManifestError, match="is the manifest of"):
        copied.manifest(OLD)


def _overwrite(target: str, source: str) -> None:
    with fsspec.open(source, "rb") as read, fsspec.open(target, "wb") as write:
        write.write(read.read())


def test_the_current_epoch_cannot_be_deleted(store: EpochStore, tmp_path: Path) -> None:
    """Garbage collection takes old epochs and never the live one."""
    _add(store, OLD, tmp_path / "w")
    _add(store, NEW, tmp_path / "w")
    store.publish(NEW)
    with pytest.raises(ManifestError, match="is current"):
        store.delete(NEW)
    store.delete(OLD)
    assert store.epochs() == [NEW]


def test_epoch_ids_sort_by_time() -> None:
    """A later build has a larger id, in whatever zone the clock is."""
    start = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    times = [start + timedelta(seconds=i, microseconds=i) for i in range(5)]
    ids = [new_epoch_id(time) for time in times]
    assert ids == sorted(set(ids))


def _publish_in_turns(root: str, rounds: int) -> None:
    store = EpochStore(root)
    for i in range(rounds):
        store.publish((OLD, NEW)[i % 2])


def test_a_reader_never_sees_half_a_pointer(tmp_path: Path) -> None:
    """While another process publishes, every read gives one of the two epochs."""
    store = EpochStore(tmp_path / "index")
    _add(store, OLD, tmp_path / "w")
    _add(store, NEW, tmp_path / "w")
    store.publish(OLD)
    writer = multiprocessing.get_context("spawn").Process(
        target=_publish_in_turns, args=(store.root, 200)
    )
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(store.current())
    writer.join()
    assert writer.exitcode == 0
    assert seen == {OLD, NEW}
