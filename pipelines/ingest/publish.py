"""Making an epoch live, and collecting what no epoch needs any more."""

from models.epochs import EpochStore
from models.errors import PointerMoved
from models.types import Epoch
from pipelines.ingest import runs
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
    """Remove epochs beyond the newest `keep`, never the live one, and what dead runs left behind.

    Returns the epochs removed. A run that is under way keeps everything it has made.
    """
    live = store.live()
    if live is None:
        return []
    removed = _old_epochs(store, live, keep)
    for epoch in removed:
        store.delete(epoch)
    _collect_runs(storage, store, live)
    store.forget_moves(KEEP_MOVES)
    return removed


def _collect_runs(storage: Storage, store: EpochStore, live: Epoch) -> None:
    """Half-built epochs and staged passages of runs that nobody drives and nobody can go on with;
    reports beyond the newest.
    """
    busy = {run for run in storage.folders(runs.FOLDER) if _is_busy(storage, run)}
    with_manifest = set(store.epochs())
    for name in storage.folders("epochs"):
        if name not in with_manifest and name < live and name not in busy:
            storage.remove(f"epochs/{name}")
    known = [run for run in storage.folders(runs.FOLDER) if run not in busy and run != live]
    for run in known:
        storage.remove(f"{runs.FOLDER}/{run}/staged")
    for run in known[:-KEEP_RUNS]:
        storage.remove(f"{runs.FOLDER}/{run}")


def _is_busy(storage: Storage, run: str) -> bool:
    state = runs.read_state(storage, Epoch(run))
    return state is not None and runs.is_under_way(storage, state)


def _old_epochs(store: EpochStore, live: Epoch, keep: int) -> list[Epoch]:
    newest = store.epochs()[-keep:]
    return [epoch for epoch in store.epochs() if epoch != live and epoch not in newest]
