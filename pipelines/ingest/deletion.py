"""Taking documents out of answers at once, and out of the index with the next epoch.

Two kinds of tombstone: by hand (`ingest delete`), which stands for every revision until it is
lifted, whatever the source says; and of a run, for the revision of a document that has gone from
the source, which the run that finds the document again lifts by itself.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from models.epochs import EpochStore
from models.tombstones import Tombstone, Tombstones, change_tombstones, read_tombstones
from models.types import Epoch
from pipelines.ingest.documents_table import answering_docs, documents_of
from pipelines.ingest.errors import InputError
from pipelines.ingest.storage import Storage


def delete(storage: Storage, docs: Iterable[str]) -> Tombstones:
    """Hide documents by hand; raises InputError naming one that no epoch holds."""
    names = list(docs)
    known = _known(storage, EpochStore(storage.root).epochs())
    for name in names:
        if name not in known:
            raise InputError(f"no epoch holds a document {name!r}; `ingest documents` lists them")
    return change_tombstones(storage.root, add={name: _stone(None) for name in names})


def restore(storage: Storage, docs: Iterable[str]) -> Tombstones:
    """Lift tombstones; raises InputError naming a document that has none."""
    names = frozenset(docs)
    missing = names - read_tombstones(storage.root).documents.keys()
    if missing:
        raise InputError(f"{min(missing)!r} was not deleted")
    return change_tombstones(storage.root, remove=names)


def by_hand(stones: Tombstones) -> Tombstones:
    """Those that a run obeys: it leaves such documents out, even where the source has them."""
    return Tombstones({d: stone for d, stone in stones.documents.items() if stone.revision is None})


def hide_removed(storage: Storage, removed: Mapping[str, str]) -> None:
    """Documents that a run no longer finds at the source leave answers before its epoch is built.

    `removed`: id and the revision that the live epoch holds.
    """
    known = read_tombstones(storage.root).documents
    add = {doc: _stone(revision) for doc, revision in removed.items() if doc not in known}
    if add:
        change_tombstones(storage.root, add=add)


def lift_found(storage: Storage, live: Epoch) -> None:
    """Lift a run's tombstones of documents that answer in the live epoch, which was built from the
    source as it is, and of documents that no epoch holds any more.
    """
    stones = read_tombstones(storage.root).documents
    of_runs = {doc for doc, stone in stones.items() if stone.revision is not None}
    if not of_runs:
        return
    held = _known(storage, EpochStore(storage.root).epochs())
    found = answering_docs(storage, live)
    change_tombstones(
        storage.root, remove=frozenset(doc for doc in of_runs if doc in found or doc not in held)
    )


def _known(storage: Storage, epochs: Iterable[Epoch]) -> set[str]:
    """Documents of some epochs; of a table's rows the file, too."""
    docs = {row["doc"] for epoch in epochs for row in documents_of(storage, epoch)}
    return docs | {doc.partition("#")[0] for doc in docs}


def _stone(revision: str | None) -> Tombstone:
    return Tombstone(revision, datetime.now(UTC).isoformat(timespec="seconds"))
