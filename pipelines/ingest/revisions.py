"""Which documents answer, where several say the same or one takes the place of another.

The newest valid one answers. The others stay in the epoch's list of documents, with the name of the
one that won; they have no passages in its shards.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from models.tombstones import Tombstones
from pipelines.ingest.errors import Refused
from pipelines.ingest.sketch import Sketch, similarity, unpacked

Why = Literal["superseded", "duplicate", "deleted"]

# Two documents are one, edited, when nine in ten of their shingles agree.
MIN_SIMILARITY = 0.9
# Texts shorter than this differ by a word and mean something else; only equal ones are duplicates.
MIN_SHINGLES = 40
# The smallest hashes of each sketch under which its likes are looked for: of two texts that agree
# in nine of ten shingles, one in ten thousand pairs shares none of them.
_LOOKED_UNDER = 4
_MAX_COMPARED = 64

SCHEMA = pa.schema(
    [
        pa.field("doc", pa.string()),
        pa.field("revision", pa.string()),
        pa.field("why", pa.string()),
        pa.field("winner", pa.string()),
        pa.field("drops", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A document revision that is kept out of answers."""

    doc: str
    revision: str
    why: Why
    winner: str | None
    """The document that answers in its place; None for a deleted one."""
    drops: bool = True
    """Whether its passages are left out; not where the winner is the same revision, read twice."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is kept out, and until when that holds."""

    withheld: tuple[Withheld, ...]
    good_until: str | None
    """The last ISO date on which validity decides the same; None: it always will."""


def choose(documents: Sequence[Mapping[str, Any]], deleted: Tombstones, today: str) -> Choice:
    """Go through the documents, newest valid one first, and keep out what one of them replaces."""
    withheld = [
        Withheld(row["doc"], row["revision"], "deleted", None)
        for row in documents
        if deleted.hides(row["doc"], row["revision"])
    ]
    standing = [row for row in documents if not deleted.hides(row["doc"], row["revision"])]
    standing.sort(key=lambda row: _newness(row, today), reverse=True)
    found = _Chooser(today, _superseded_by_name(standing, today))
    for row in standing:
        found.take(row)
    return Choice((*withheld, *found.withheld), _next_date(found.contested, today))


def _newness(row: Mapping[str, Any], today: str) -> tuple[Any, ...]:
    """Valid before expired and before what is yet to come, then by validity, stated revision and
    time of change; ties go to the name that sorts first.
    """
    return (
        not _is_expired(row, today) and not _is_to_come(row, today),
        row["valid_from"] or "",
        _natural(row["stated_revision"] or ""),
        row["modified"] or "",
        _Descending(row["doc"]),
        row["digest"] or "",
    )


class _Descending(str):
    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str(self) > str(other)

    def __gt__(self, other: str) -> bool:
        return str(self) < str(other)


def _natural(revision: str) -> tuple[tuple[int, int, str], ...]:
    """`10` after `9`, `v2.10` after `v2.9`."""
    parts: list[tuple[int, int, str]] = []
    for part in revision.replace("-", ".").replace("_", ".").split("."):
        digits = part.lstrip("vVrR")
        parts.append((1, int(digits), "") if digits.isdecimal() else (0, 0, part))
    return tuple(parts)


def _is_expired(row: Mapping[str, Any], today: str) -> bool:
    return bool(row["valid_to"]) and row["valid_to"] < today


def _is_to_come(row: Mapping[str, Any], today: str) -> bool:
    return bool(row["valid_from"]) and row["valid_from"] > today


def _superseded_by_name(rows: Iterable[Mapping[str, Any]], today: str) -> dict[str, str]:
    """Documents that another names in `supersedes`, and which does; one that is not valid yet or
    any more replaces nothing. Of two that name each other the newer stays.
    """
    found: dict[str, str] = {}
    for row in rows:
        if _is_expired(row, today) or _is_to_come(row, today):
            continue
        for name in row["supersedes"] or ():
            if name != row["doc"] and name not in _line(row["doc"], found):
                found.setdefault(name, row["doc"])
    return found


def _line(doc: str, replaced: Mapping[str, str]) -> set[str]:
    """All that stand, directly or not, in the place of a document."""
    line: set[str] = set()
    while doc in replaced and replaced[doc] not in line:
        doc = replaced[doc]
        line.add(doc)
    return line


class _Chooser:
    """The documents kept so far, by what finds their likes."""

    def __init__(self, today: str, replaced: Mapping[str, str]) -> None:
        self._today = today
        self._replaced = replaced
        self._by_id: dict[str, Mapping[str, Any]] = {}
        self._by_text: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        self._by_hash: dict[tuple[Any, ...], list[tuple[Mapping[str, Any], Sketch]]] = {}
        self.withheld: list[Withheld] = []
        self.contested: list[Mapping[str, Any]] = []

    def take(self, row: Mapping[str, Any]) -> None:
        """Keep it, or keep it out of answers."""
        found = self._same_id(row) or self._named(row) or self._alike(row)
        if found is None:
            self._keep(row)
            return
        why, winner = found
        same = (row["doc"], row["revision"]) == (winner["doc"], winner.get("revision"))
        self.withheld.append(Withheld(row["doc"], row["revision"], why, winner["doc"], not same))
        self.contested += [row, winner]

    def _same_id(self, row: Mapping[str, Any]) -> tuple[Why, Mapping[str, Any]] | None:
        other = self._by_id.get(row["doc"])
        if other is None:
            return None
        if row["digest"] == other["digest"]:
            return "duplicate", other
        if row["revision"] == other["revision"] or _said(row) == _said(other):
            raise Refused(
                f"two documents have the id {row['doc']!r} and differ, and neither a revision nor "
                "a valid_from tells which is newer"
            )
        return "superseded", other

    def _named(self, row: Mapping[str, Any]) -> tuple[Why, Mapping[str, Any]] | None:
        name = self._replaced.get(row["doc"])
        return ("superseded", {**row, "doc": name, "revision": None}) if name is not None else None

    def _alike(self, row: Mapping[str, Any]) -> tuple[Why, Mapping[str, Any]] | None:
        """A kept document of the same kind that says the same. One whose time is still to come
        must be there when it comes.
        """
        if _is_to_come(row, self._today):
            return None
        other = self._by_text.get((_kind(row), row["digest"]))
        if other is not None and _overlap(row, other):
            return "duplicate", other
        sketch = unpacked(row["sketch"] or b"")
        if len(sketch) < MIN_SHINGLES:
            return None
        for candidate, of_candidate in self._candidates(row, sketch):
            if _overlap(row, candidate) and similarity(sketch, of_candidate) >= MIN_SIMILARITY:
                return "duplicate", candidate
        return None

    def _candidates(
        self, row: Mapping[str, Any], sketch: Sketch
    ) -> list[tuple[Mapping[str, Any], Sketch]]:
        lists = [
            self._by_hash.get((_kind(row), int(value)), []) for value in sketch[:_LOOKED_UNDER]
        ]
        found = {other["doc"]: (other, its) for kept in lists for other, its in kept}
        return list(found.values())[:_MAX_COMPARED]

    def _keep(self, row: Mapping[str, Any]) -> None:
        self._by_id[row["doc"]] = row
        if _is_to_come(row, self._today):
            return  # what is not valid yet takes nobody's place
        self._by_text.setdefault((_kind(row), row["digest"]), row)
        sketch = unpacked(row["sketch"] or b"")
        for value in sketch[:_LOOKED_UNDER]:
            self._by_hash.setdefault((_kind(row), int(value)), []).append((row, sketch))


def _said(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["stated_revision"], row["valid_from"]


def _kind(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Documents about two treks, or in two languages, are never each other's duplicates."""
    return row["language"], row["doc_type"], row["trek"]


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Last season's prices and this season's are both true, each in its time."""
    starts = max(one["valid_from"] or "", other["valid_from"] or "")
    ends = min(one["valid_to"] or "9999", other["valid_to"] or "9999")
    return starts <= ends


def _next_date(rows: Iterable[Mapping[str, Any]], today: str) -> str | None:
    """A document's time ends with its last day, and begins after the day before its first."""
    ends = {row["valid_to"] for row in rows if row["valid_to"]}
    begins = {_day_before(row["valid_from"]) for row in rows if row["valid_from"]}
    return min((date for date in ends | begins if date >= today), default=None)


def _day_before(date: str) -> str:
    return (dt.date.fromisoformat(date) - dt.timedelta(days=1)).isoformat()
