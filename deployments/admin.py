"""/admin: what colleagues and their tools see and do. Each route names the scope it needs.

Identifiers of customers travel in bodies, never in paths: paths are logged.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from deployments.admin_access import AuditedRoute, InOffice, allows
from deployments.replaying import deployed_steps
from serving.replay import Replay, replay
from serving.stores.admin import Costs, Line, OptOut, Review, View
from serving.stores.alerts import OpenAlert
from serving.stores.audit import AuditEntry, Principal
from serving.stores.dead_letters import DeadLetter, Replayed
from serving.stores.handover import Change
from serving.types import Consent, ContactId, OptOutScope, Owner, Wamid

router = APIRouter(prefix="/admin", tags=["admin"], route_class=AuditedRoute)

MAX_REPLAYED = 1000  # in one call
Limit = Annotated[int, Query(ge=1, le=200)]

CanRead = Annotated[Principal, allows("read")]
CanHandOver = Annotated[Principal, allows("handover")]
CanConsent = Annotated[Principal, allows("consent")]
CanReplay = Annotated[Principal, allows("dlq")]
CanSeePeople = Annotated[Principal, allows("privacy")]
CanSeeCosts = Annotated[Principal, allows("costs")]
CanAudit = Annotated[Principal, allows("audit")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Someone(_Body):
    """A business-scoped user id, a wa_id or a contact id."""

    identifier: str = Field(min_length=5, max_length=200)


class OptOutOrder(Someone):
    action: Literal["opt_out", "resubscribe"]
    scope: OptOutScope = "all"


class ReplayOrder(_Body):
    """Dead letters by the ids of their turns."""

    turn_ids: list[uuid.UUID] = Field(min_length=1, max_length=MAX_REPLAYED)


class Changed(BaseModel):
    outcome: Change


class Resolved(BaseModel):
    resolved: int


# ── conversations ────────────────────────────────────────────────────────────────────────────


@router.get("/conversations")
async def conversations(
    office: InOffice,
    _who: CanRead,
    owner: Owner | None = None,
    limit: Limit = 50,
    before: uuid.UUID | None = None,
) -> list[Line]:
    """Latest first; `before` is the id of the last one of the page before."""
    return await office.desk.conversations(limit, before, owner)


@router.post("/conversations/find")
async def find(someone: Someone, office: InOffice, _who: CanRead) -> list[Line]:
    """The conversations of a customer."""
    person = await office.personal_data.find(someone.identifier)
    return await office.desk.conversations(contact_ids=person.contact_ids)


@router.get("/conversations/{conversation_id}")
async def conversation(conversation_id: uuid.UUID, office: InOffice, _who: CanRead) -> View:
    """What was said, and, in a person's hands, why, with a summary and its sources."""
    view = await office.desk.conversation(conversation_id)
    if view is None:
        raise HTTPException(404, f"no conversation {conversation_id}")
    return view


@router.post("/conversations/{conversation_id}/take-over")
async def take_over(conversation_id: uuid.UUID, office: InOffice, who: CanHandOver) -> Changed:
    """The bot is silent from here on, also where a reply was just being written."""
    change = await office.handover.take_over(conversation_id, who.name)
    await office.parts.wakeups.notify()  # routers look, and stop a turn that is under way
    return _known(conversation_id, change)


@router.post("/conversations/{conversation_id}/hand-back")
async def hand_back(conversation_id: uuid.UUID, office: InOffice, who: CanHandOver) -> Changed:
    """The bot answers what is written from now on; what was said meanwhile is context."""
    return _known(conversation_id, await office.handover.hand_back(conversation_id, who.name))


@router.post("/conversations/{conversation_id}/close")
async def close(conversation_id: uuid.UUID, office: InOffice, who: CanHandOver) -> Changed:
    """Over, until the customer writes again."""
    return _known(conversation_id, await office.handover.close(conversation_id, who.name))


def _known(conversation_id: uuid.UUID, change: Change) -> Changed:
    if change == "unknown":
        raise HTTPException(404, f"no conversation {conversation_id}")
    return Changed(outcome=change)


# ── the review queue ─────────────────────────────────────────────────────────────────────────


@router.get("/reviews")
async def reviews(
    office: InOffice, _who: CanRead, limit: Limit = 50, offset: Annotated[int, Query(ge=0)] = 0
) -> list[Review]:
    """What a person should look at, oldest first, one line for each conversation and kind."""
    return await office.desk.reviews(limit, offset)


@router.post("/reviews/{conversation_id}/resolve")
async def resolve(conversation_id: uuid.UUID, office: InOffice, _who: CanHandOver) -> Resolved:
    """Tick off everything open of a conversation."""
    return Resolved(resolved=await office.desk.resolve_reviews(conversation_id))


# ── consent ──────────────────────────────────────────────────────────────────────────────────


@router.get("/opt-outs")
async def opt_outs(
    office: InOffice, _who: CanConsent, limit: Limit = 50, after: uuid.UUID | None = None
) -> list[OptOut]:
    """Whoever may not be written to, and since when."""
    return await office.desk.opt_outs(limit, after)


@router.post("/opt-outs", status_code=204)
async def set_consent(
    order: OptOutOrder, request: Request, office: InOffice, _who: CanConsent
) -> None:
    """Record what a customer said elsewhere: on the telephone, by mail."""
    person = await office.personal_data.find(order.identifier)
    if not person.contact_ids:
        raise HTTPException(404, "nobody is known by this identifier")
    request.state.target = ",".join(map(str, person.contact_ids))
    consent = Consent(
        opted_out=order.action == "opt_out", action=order.action, scope=order.scope, rule="admin"
    )
    said = Wamid(f"admin:{uuid.uuid4()}")  # no message said it, but each saying is one
    for contact_id in person.contact_ids:
        await office.parts.consent.record(ContactId(str(contact_id)), consent, said)


# ── dead letters and past turns ──────────────────────────────────────────────────────────────


@router.get("/dead-letters")
async def dead_letters(
    office: InOffice,
    _who: CanReplay,
    limit: Limit = 50,
    before: uuid.UUID | None = None,
    replayed: bool = False,  # noqa: FBT001, FBT002  # a query parameter
) -> list[DeadLetter]:
    """Newest first; with `replayed` also those that were replayed."""
    return await office.letters.page(limit, before, replayed=replayed)


@router.get("/dead-letters/{turn_id}")
async def dead_letter(turn_id: uuid.UUID, office: InOffice, _who: CanReplay) -> DeadLetter:
    """Reason, attempts, and the messages as Meta sent them."""
    letter = await office.letters.show(turn_id)
    if letter is None:
        raise HTTPException(404, f"no dead letter {turn_id}")
    return letter


@router.post("/dead-letters/replay")
async def replay_dead_letters(
    order: ReplayOrder, request: Request, office: InOffice, who: CanReplay
) -> dict[uuid.UUID, Replayed]:
    """Answer the messages after all; asking again has no effect."""
    request.state.target = ",".join(map(str, order.turn_ids))
    outcomes = await office.letters.replay(order.turn_ids, who.name)
    await office.parts.wakeups.notify()
    return outcomes


@router.post("/turns/{turn_id}/replay")
async def replay_turn(turn_id: uuid.UUID, office: InOffice, _who: CanReplay) -> Replay:
    """Run a past turn again with today's steps, without side effects; see what differs."""
    record = await office.desk.record(turn_id)
    if record is None:
        raise HTTPException(404, f"no answered turn {turn_id}")
    return await replay(record, deployed_steps())


# ── personal data ────────────────────────────────────────────────────────────────────────────


@router.post("/privacy/export")
async def export(someone: Someone, office: InOffice, _who: CanSeePeople) -> dict[str, Any]:
    """Everything that is kept of a person."""
    return await office.personal_data.export(someone.identifier)


@router.post("/privacy/erase")
async def erase(
    someone: Someone, request: Request, office: InOffice, _who: CanSeePeople
) -> dict[str, Any]:
    """Remove a person from tables, cache and this machine's logs, and look again."""
    report = await office.personal_data.erase(someone.identifier)
    request.state.target = ",".join(report["contacts"])
    return report


@router.post("/privacy/verify")
async def verify(someone: Someone, office: InOffice, _who: CanSeePeople) -> dict[str, Any]:
    """Look everywhere for a person; `absent` when they are nowhere."""
    return await office.personal_data.verify(someone.identifier)


# ── costs, alerts, audit ─────────────────────────────────────────────────────────────────────


@router.get("/costs")
async def costs(
    office: InOffice,
    _who: CanSeeCosts,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Costs:
    """Models and messages by day; the last thirty days by default."""
    end = _utc(until or datetime.now(UTC))
    begin = _utc(since) if since else end - timedelta(days=30)
    return await office.desk.costs(begin, end)


def _utc(instant: datetime) -> datetime:
    """A time without an offset is taken as UTC."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@router.get("/alerts")
async def alerts(office: InOffice, _who: CanRead, limit: Limit = 100) -> list[OpenAlert]:
    """What is wrong now, each thing once, latest first."""
    return await office.alerts.open(limit)


@router.get("/audit")
async def audit(
    office: InOffice, _who: CanAudit, limit: Limit = 50, before: int | None = None
) -> list[AuditEntry]:
    """Every call of this API, newest first."""
    return await office.audit.page(limit, before)
