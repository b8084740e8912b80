"""One winner per publish, instant rollback, and never fewer than two epochs to go back to."""

import threading
from pathlib import Path

import pytest

from models.epochs import EpochStore
from models.types import Epoch
from pipelines.ingest.errors import InputError, Refused
from pipelines.ingest.publish import collect_garbage, compare_and_publish, rollback
from pipelines.ingest.storage import Storage
from tests.unit.pipelines.samples import write_epoch


def test_of_two_runs_that_race_exactly_one_wins(tmp_path: Path) -> None:
    """Both began from the same epoch; the pointer moves once and the loser is told who won."""
    store = EpochStore(tmp_path)
    runners = [write_epoch(tmp_path, f"2026010{n}") for n in range(1, 7)]
    start, outcomes = threading.Barrier(len(runners)), list[str]()

    def publish(epoch: Epoch) -> None:
        start.wait()
        try:
            compare_and_publish(EpochStore(tmp_path), epoch, None)
            outcomes.append(epoch)
        except Refused as error:
            outcomes.append(f"refused: {error}")

    threads = [threading.Thread(target=publish, args=(epoch,)) for epoch in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if not outcome.startswith("refused")]
    assert winners == [store.current()]
    losers = [outcome for outcome in outcomes if outcome.startswith("refused")]
    assert len(losers) == len(runners) - 1
    assert all(winners[0] in loser for loser in losers)


def test_a_run_that_began_from_an_older_epoch_is_refused(tmp_path: Path) -> None:
    """The live epoch stays what the faster run made it."""
    store = EpochStore(tmp_path)
    first, second, third = (write_epoch(tmp_path, f"2026010{n}") for n in (1, 2, 3))
    compare_and_publish(store, first, None)
    compare_and_publish(store, second, first)
    with pytest.raises(Refused, match=second):
        compare_and_publish(store, third, first)
    assert store.current() == second


def test_rollback_moves_the_pointer_and_says_where_it_was(tmp_path: Path) -> None:
    """Nothing is rebuilt: the older epoch is live at once."""
    store = EpochStore(tmp_path)
    first, second = (write_epoch(tmp_path, f"2026010{n}") for n in (1, 2))
    store.publish(second)
    assert rollback(store, first) == second
    assert store.current() == first


def test_rollback_to_an_unknown_epoch_names_the_known_ones(tmp_path: Path) -> None:
    """A mistyped id changes nothing."""
    store = EpochStore(tmp_path)
    first = write_epoch(tmp_path, "20260101")
    store.publish(first)
    with pytest.raises(InputError, match=first):
        rollback(store, Epoch("20269999"))
    assert store.current() == first


def test_garbage_collection_keeps_the_live_epoch_and_the_newest(tmp_path: Path) -> None:
    """Older ones go; a rolled-back live epoch stays however old it is."""
    store, storage = EpochStore(tmp_path), Storage(str(tmp_path))
    names = [write_epoch(tmp_path, f"2026010{n}") for n in range(1, 7)]
    store.publish(names[0])
    assert collect_garbage(storage, store, keep=3) == [names[1], names[2]]
    assert store.epochs() == [names[0], *names[3:]]


def test_garbage_collection_leaves_an_epoch_that_is_being_built(tmp_path: Path) -> None:
    """A folder without a manifest that is newer than the live epoch belongs to a running job."""
    store, storage = EpochStore(tmp_path), Storage(str(tmp_path))
    store.publish(write_epoch(tmp_path, "20260105"))
    for name in ("20260101", "20260109"):
        (tmp_path / "epochs" / name / "shard-000").mkdir(parents=True)
    collect_garbage(storage, store, keep=3)
    assert storage.folders("epochs") == ["20260105", "20260109"]
