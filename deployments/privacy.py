"""A person in every place where this house keeps anything: tables, cache and log files.

Composes; what a place knows of a person is each place's own business.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serving.needles import Needles
from serving.stores.cache import ContextCache
from serving.stores.privacy import Findings, Person, Privacy

# The simulator stands for Meta and the customers' phones: what it writes down is theirs.
NOT_OURS = ("simulator",)


class PersonalData:
    """Export, erasure and proof of absence."""

    def __init__(self, privacy: Privacy, cache: ContextCache, logs: Path) -> None:
        self._privacy = privacy
        self._cache = cache
        self._logs = logs

    async def find(self, identifier: str) -> Person:
        return await self._privacy.find(identifier)

    async def export(self, identifier: str) -> dict[str, Any]:
        person = await self._privacy.find(identifier)
        return {"contacts": _ids(person), "tables": await self._privacy.export(person)}

    async def erase(self, identifier: str) -> dict[str, Any]:
        """Remove the person everywhere, then look for what was known of them once more."""
        person = await self._privacy.find(identifier)
        removed = await self._privacy.erase(person)
        await self._cache.forget_mentions(person.needles)
        masked = await asyncio.to_thread(mask_logs, self._logs, person.needles)
        gone = Person((), person.needles)
        report = await self._report(gone)
        return {
            "contacts": _ids(person),
            "also_removed": removed.found,
            "masked_log_lines": masked,
            "verified": report,
        }

    async def verify(self, identifier: str) -> dict[str, Any]:
        """Look everywhere; `absent` when the person is nowhere and everything could be read."""
        return await self._report(await self._privacy.find(identifier))

    async def _report(self, person: Person) -> dict[str, Any]:
        findings: Findings = await self._privacy.verify(person)
        mentions = await self._cache.mentions(person.needles)
        logs = await asyncio.to_thread(look_into_logs, self._logs, person.needles)
        found = {"cache": mentions, "log_lines": logs.lines, "unreadable_logs": logs.unreadable}
        absent = findings.absent and not any(found.values())
        return {"absent": absent, **asdict(findings), **found}


def _ids(person: Person) -> list[str]:
    return [str(contact_id) for contact_id in person.contact_ids]


def log_files(folder: Path) -> Iterator[Path]:
    """Every file under the log folder, that of Ray included, which is a link.

    A folder that cannot be listed comes as itself: it cannot be read, and counts as that.
    """
    closed: list[OSError] = []
    seen: set[Path] = set()
    for place, _, names in os.walk(folder, followlinks=True, onerror=closed.append):
        for name in sorted(names):
            path = Path(place, name).resolve()
            if path.is_file() and path not in seen and not name.startswith(NOT_OURS):
                seen.add(path)
                yield path
    yield from (Path(error.filename) for error in closed)


@dataclass(frozen=True, slots=True)
class LogFindings:
    lines: int  # that mention the person
    unreadable: int  # files of which nothing can be said


def look_into_logs(folder: Path, needles: Needles) -> LogFindings:
    lines = unreadable = 0
    for path in log_files(folder):
        try:
            lines += sum(needles.within(line) for line in _lines(path))
        except FileNotFoundError:
            continue  # rotated away meanwhile
        except OSError:
            unreadable += 1
    return LogFindings(lines, unreadable)


def mask_logs(folder: Path, needles: Needles) -> int:
    """Overwrite every mention where it stands: whoever writes the file may go on writing.

    A file that cannot be written is left, and looking again will find it.
    """
    masked = 0
    for path in log_files(folder):
        with contextlib.suppress(OSError):
            masked += _mask_file(path, needles)
    return masked


def _mask_file(path: Path, needles: Needles) -> int:
    """One byte is one character in latin-1, so a masked line is as long as the line."""
    changed = at = 0
    for line in _lines(path):
        if needles.within(line):
            with path.open("r+b", buffering=0) as file:
                file.seek(at)
                file.write(needles.mask(line).encode("latin-1"))
            changed += 1
        at += len(line)
    return changed


def _lines(path: Path) -> Iterable[str]:
    with path.open("rb") as file:
        for line in file:
            yield line.decode("latin-1")
