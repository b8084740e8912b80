"""Dead letters, personal data, API keys and past turns of the instance that runs here.

Works on the stores themselves, so that it also works while the applications do not. Every call is
written into the audit log, as those of the API are.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from rich.console import Console

from deployments.local import apps, instance
from deployments.local.errors import LocalError, UsageError
from deployments.settings import Settings
from serving.errors import Rejected, SwitchbackError

if TYPE_CHECKING:
    from deployments.admin_access import Office

T = TypeVar("T")

ACTOR = "command line"
REPLAY_BATCH = 200
# Six steps, one of them a model's.
REPLAY_DEADLINE_S = 90.0


def dead_letters(settings: Settings, limit: int, *, replayed: bool) -> dict[str, Any]:
    async def work(office: "Office") -> dict[str, Any]:
        letters = await office.letters.page(limit, replayed=replayed)
        return {"dead_letters": [_letter(asdict(letter)) for letter in letters]}

    return _run(settings, "dlq list", "", work)


def dead_letter(settings: Settings, turn_id: str) -> dict[str, Any]:
    wanted = _uuid(turn_id, "TURN_ID")

    async def work(office: "Office") -> dict[str, Any]:
        letter = await office.letters.show(wanted)
        if letter is None:
            raise UsageError(f"no dead letter {turn_id}; `switchback dlq list` names them")
        return asdict(letter)

    return _run(settings, "dlq show", turn_id, work)


def replay_dead_letters(
    settings: Settings, turn_ids: Sequence[str], *, everything: bool
) -> dict[str, Any]:
    """Put letters into the queue again; all that were not replayed yet with `everything`."""
    if bool(turn_ids) == everything:
        raise UsageError("name the TURN_IDs of dead letters, or --all")
    wanted = [_uuid(turn_id, "TURN_ID") for turn_id in turn_ids]

    async def work(office: "Office") -> dict[str, Any]:
        outcomes: dict[str, str] = {}
        async for batch in _batches(office, wanted, everything=everything):
            done = await office.letters.replay(batch, ACTOR)
            outcomes |= {str(turn_id): outcome for turn_id, outcome in done.items()}
        await office.parts.wakeups.notify()
        counts = {outcome: list(outcomes.values()).count(outcome) for outcome in outcomes.values()}
        return {"counts": counts, "turns": outcomes}

    return _run(settings, "dlq replay", ",".join(turn_ids), work)


async def _batches(
    office: "Office", wanted: list[uuid.UUID], *, everything: bool
) -> AsyncIterator[list[uuid.UUID]]:
    if not everything:
        yield wanted
        return
    before = None
    while letters := await office.letters.page(REPLAY_BATCH, before):
        # Those of this page are gone from the list once replayed; the last one still marks it.
        before = letters[-1].turn_id
        yield [letter.turn_id for letter in letters]


def export(settings: Settings, identifier: str) -> dict[str, Any]:
    return _run(settings, "privacy export", "", lambda o: o.personal_data.export(identifier))


def erase(settings: Settings, identifier: str) -> dict[str, Any]:
    return _run(settings, "privacy erase", "", lambda o: o.personal_data.erase(identifier))


def verify(settings: Settings, identifier: str) -> dict[str, Any]:
    return _run(settings, "privacy verify", "", lambda o: o.personal_data.verify(identifier))


def add_key(settings: Settings, name: str, scopes: Sequence[str]) -> dict[str, Any]:
    async def work(office: "Office") -> dict[str, Any]:
        key = await office.keys.add(name, scopes)
        return {"name": name, "scopes": sorted(set(scopes)), "key": key}

    return _run(settings, "keys add", name, work)


def keys(settings: Settings) -> dict[str, Any]:
    async def work(office: "Office") -> dict[str, Any]:
        return {"keys": [asdict(key) for key in await office.keys.all()]}

    return _run(settings, "keys list", "", work)


def revoke_key(settings: Settings, name: str) -> dict[str, Any]:
    async def work(office: "Office") -> dict[str, Any]:
        if not await office.keys.revoke(name):
            raise UsageError(f"no key named {name!r} is in use; `switchback keys list` names them")
        return {"revoked": name}

    return _run(settings, "keys revoke", name, work)


def replay_turn(settings: Settings, turn_id: str) -> dict[str, Any]:
    """Ask the running instance to run a past turn again, with the steps that are deployed."""
    wanted = _uuid(turn_id, "TURN_ID")

    async def work(office: "Office") -> dict[str, Any]:
        async with _own_key(office) as key:
            return await _ask_for_replay(office.settings, wanted, key)

    return _run(settings, "replay", turn_id, work)


@asynccontextmanager
async def _own_key(office: "Office") -> AsyncIterator[str]:
    """A key that exists for as long as it is used."""
    name = f"{ACTOR} {uuid.uuid4()}"
    key = await office.keys.add(name, ["dlq"])
    try:
        yield key
    finally:
        await office.keys.discard(name)


async def _ask_for_replay(settings: Settings, turn_id: uuid.UUID, key: str) -> dict[str, Any]:
    address = apps.address(settings)
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with httpx.AsyncClient(timeout=REPLAY_DEADLINE_S) as http:
            answer = await http.post(f"{address}/admin/turns/{turn_id}/replay", headers=headers)
    except httpx.HTTPError as error:
        raise LocalError(
            f"the applications at {address} do not answer ({type(error).__name__});"
            " start with `switchback up`"
        ) from error
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise UsageError(f"no answered turn {turn_id}; `switchback ask --json` prints turn ids")
    if answer.is_error:
        raise LocalError(f"the replay failed ({answer.status_code}): {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found


def show_replay(report: Mapping[str, Any]) -> None:
    """The steps, and of those that differ what was and what is."""
    out = Console(highlight=False, soft_wrap=True)
    for step in report["steps"]:
        detail = f" ({step['detail']})" if step["detail"] else ""
        out.print(f"{step['name']:20} {step['outcome']}{detail}", markup=False)
        for difference in step["differences"]:
            out.print(f"    {difference['field']}", markup=False)
            out.print(f"      then: {difference['then']}", markup=False)
            out.print(f"      now:  {difference['now']}", markup=False)
    out.print(f"first difference: {report['first_difference'] or 'none'}", markup=False)


def _run(
    settings: Settings, action: str, target: str, work: "Callable[[Office], Awaitable[T]]"
) -> T:
    return asyncio.run(_in_office(instance.connected(settings), action, target, work))


async def _in_office(
    settings: Settings, action: str, target: str, work: "Callable[[Office], Awaitable[T]]"
) -> T:
    from deployments.admin_access import Office  # noqa: PLC0415  # imports FastAPI

    try:
        office = await Office.open(settings)
    except SwitchbackError as error:
        raise LocalError(f"{error}; start with `switchback up`") from error
    status = 500
    try:
        audit_id = await office.audit.begin(action, ACTOR)
        try:
            result = await work(office)
            status = 200
        finally:
            await office.audit.finish(audit_id, ACTOR, target[:200], status)
    except Rejected as error:
        raise UsageError(str(error)) from error
    except SwitchbackError as error:
        raise LocalError(str(error)) from error
    finally:
        await office.close()
    return result


def _letter(letter: dict[str, Any]) -> dict[str, Any]:
    """In a list, without the messages: `show` has them."""
    return {name: value for name, value in letter.items() if name != "messages"}


def _uuid(text: str, what: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise UsageError(f"{what} {text!r} is not the id of a turn") from None
