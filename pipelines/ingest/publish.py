"""Making an epoch live, and collecting what no epoch needs any more."""

from models.epochs import EpochStore
from models.errors import PointerMoved
from models.types import Epoch
from pipelines.ingest.errors import InputError, Refused
from pipelines.ingest.storage import Storage

KEEP_RUNS = 20
KEEP_MOVES = 200


def compare_and_publish(store: EpochStore, epoch: Epoch, expected: Epoch | None) -> None:
    """Move the pointer to `epoch` if it still is where this run began; raises Refused otherwise."""
    try:
        store.publish_if(epoch, expected)
    except PointerMoved as error:
        raise Refused(f"another run was faster: {error}. Run again") from error


def rollback(store: EpochStore, epoch: Epoch) -> Epoch | None:
    """Make an older (or newer) epoch live; returns the one that was live before."""
    known = store.epochs()
    if epoch not in known:
        raise InputError(f"no epoch {epoch!r}; there are: {', '.join(known) or 'none'}")
    live = store.live()
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
