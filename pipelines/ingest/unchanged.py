"""Telling from a corpus's listing alone that a run would change nothing."""

from datetime import datetime

from models.tombstones import read_tombstones
from models.types import Epoch
from pipelines.ingest.deletion import by_hand
from pipelines.ingest.documents_table import answering_docs
from pipelines.ingest.lineage import Lineage, SourceState, read_lineage
from pipelines.ingest.sources import Corpus
from pipelines.ingest.storage import Storage

# A file written in the moment in which it was listed may change again without another time.
_RACY = 2


def source_state(
    storage: Storage, corpus: Corpus, listed_at: str, *, good_until: str | None, readable: bool
) -> SourceState:
    """What to remember of a corpus beside the epoch that is made of it."""
    return SourceState(
        signature=corpus.signature(),
        newest=corpus.newest(),
        listed_at=listed_at,
        shows_changes=corpus.shows_changes and readable,
        good_until=good_until,
        deleted=tuple(sorted(by_hand(read_tombstones(storage.root)).documents)),
    )


def nothing_changed(
    storage: Storage, live: Epoch | None, now: SourceState, made_by: Lineage
) -> bool:
    """Whether the live epoch was made of these very files, by the same settings, and no date, and
    no deletion, makes another choice of documents necessary.
    """
    made = read_lineage(storage, live)
    if made is None or not (made.source.shows_changes and now.shows_changes):
        return False
    same_making = (made.corpus, made.settings) == (made_by.corpus, made_by.settings)
    same_source = made.source.signature == now.signature and made.source.deleted == now.deleted
    return (
        same_making
        and same_source
        and not _written_while_listed(made.source)
        and (made.source.good_until is None or now.listed_at[:10] <= made.source.good_until)
        and not _hides_what_is_back(storage, live)
    )


def _written_while_listed(source: SourceState) -> bool:
    return seconds(source.newest) >= seconds(source.listed_at) - _RACY


def seconds(time: str) -> float:
    """ISO 8601 as seconds since 1970; endless for an unknown time."""
    return datetime.fromisoformat(time).timestamp() if time else float("inf")


def _hides_what_is_back(storage: Storage, live: Epoch | None) -> bool:
    stones = read_tombstones(storage.root)
    found = answering_docs(storage, live) if stones else {}
    return any(stones.hides(doc, revision) for doc, revision in found.items())
