"""Making an epoch live, and collecting what no epoch needs any more."""

from pathlib import Path

from filelock import FileLock, Timeout

from models.epochs import EpochStore
from models.types import Epoch
from pipelines.ingest.errors import InputError, Refused
from pipelines.ingest.storage import Storage

# A publish takes milliseconds; whoever holds the lock longer has died on a network disk.
LOCK_DEADLINE_S = 30.0
KEEP_RUNS = 20


def compare_and_publish(store: EpochStore, epoch: Epoch, expected: Epoch | None) -> None:
    """Move the pointer to `epoch` if it still is where this run began; raises Refused otherwise.

    Between two runs on one file system a lock makes the comparison and the move one step. An object
    store has no lock: there the comparison narrows the race and does not close it.
    """
    if not store.is_local:
        _publish_if(store, epoch, expected)
        return
    root = Path(store.root.removeprefix("file://"))
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / ".publish.lock", timeout=LOCK_DEADLINE_S):
            _publish_if(store, epoch, expected)
    except Timeout as error:
        raise Refused(f"{root}/.publish.lock is held by another run") from error


def _publish_if(store: EpochStore, epoch: Epoch, expected: Epoch | None) -> None:
    live = store.current()
    if live != expected:
        raise Refused(
            f"another run published {live} meanwhile; this one began from {expected}. Run again"
        )
    store.publish(epoch)


def rollback(store: EpochStore, epoch: Epoch) -> Epoch | None:
    """Make an older (or newer) epoch live; returns the one that was live before."""
    known = store.epochs()
    if epoch not in known:
        raise InputError(f"no epoch {epoch!r}; there are: {', '.join(known) or 'none'}")
    live = store.current()
    if live != epoch:
        compare_and_publish(store, epoch, live)
    return live


def collect_garbage(storage: Storage, store: EpochStore, keep: int) -> list[Epoch]:
    """Remove epochs beyond the newest `keep`, never the live one, and what runs left behind.

    Returns the epochs removed. Folders without a manifest belong to runs that died or are still
    building; only those older than the live epoch are removed.
    """
    live = store.current()
    if live is None:
        return []
    removed = _old_epochs(store, live, keep)
    for epoch in removed:
        store.delete(epoch)
    with_manifest = set(store.epochs())
    for name in storage.folders("epochs"):
        if name not in with_manifest and name < live:
            storage.remove(f"epochs/{name}")
    runs = storage.folders("runs")
    for name in runs[:-KEEP_RUNS]:
        storage.remove(f"runs/{name}")
    return removed


def _old_epochs(store: EpochStore, live: Epoch, keep: int) -> list[Epoch]:
    newest = store.epochs()[-keep:]
    return [epoch for epoch in store.epochs() if epoch != live and epoch not in newest]
