"""Who may use /admin, and the log of every call. Fails closed: what cannot be checked or written
down is not done.

A call is written to the audit log before it does anything, and completed afterwards; one that
never ended keeps status 0.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from deployments.parts import Parts
from deployments.privacy import PersonalData
from deployments.settings import Settings, load_settings
from serving.errors import Rejected, SwitchbackError
from serving.stores.admin import Desk
from serving.stores.alerts import PostgresAlerts
from serving.stores.audit import SCOPES, AuditLog, Keys, Principal, Scope
from serving.stores.dead_letters import DeadLetters
from serving.stores.handover import Handover
from serving.stores.privacy import Privacy

log = logging.getLogger("switchback.admin")

LOCAL = "local"  # name of the generated key of a laptop


@dataclass(frozen=True, slots=True)
class Office:
    """Everything the administration's routes use, over one pool."""

    settings: Settings
    parts: Parts
    keys: Keys
    audit: AuditLog
    desk: Desk
    alerts: PostgresAlerts
    handover: Handover
    letters: DeadLetters
    personal_data: PersonalData

    @classmethod
    async def open(cls, settings: Settings) -> "Office":
        parts = Parts(settings)
        database = parts.database
        await parts.open()
        privacy = Privacy(database, parts.cache)
        return cls(
            settings,
            parts,
            Keys(database),
            AuditLog(database),
            Desk(database),
            PostgresAlerts(database),
            Handover(database),
            DeadLetters(database),
            PersonalData(privacy, parts.cache, settings.data_dir / "logs"),
        )

    async def close(self) -> None:
        await self.parts.database.close()
        await self.parts.redis.aclose()


_opening = asyncio.Lock()


async def office_of(app: FastAPI) -> Office:
    """The office of one process, opened when first needed; 503 while it cannot be."""
    async with _opening:
        office: Office | None = getattr(app.state, "office", None)
        if office is None:
            try:
                office = await Office.open(load_settings())
            except SwitchbackError as error:
                raise HTTPException(503, f"administration is not available: {error}") from error
            app.state.office = office
        return office


async def _office(request: Request) -> Office:
    return await office_of(request.app)


InOffice = Annotated[Office, Depends(_office)]

_bearer = HTTPBearer(auto_error=False, description="A key made with `switchback keys add`.")


async def _principal(
    request: Request,
    office: InOffice,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Whose key the request carries; 401 when it is nobody's."""
    key = credentials.credentials if credentials is not None else ""
    principal = await _known(office, key) if key else None
    if principal is None:
        raise HTTPException(401, "missing or wrong API key (Authorization: Bearer ...)")
    request.state.actor = principal.name
    return principal


async def _known(office: Office, key: str) -> Principal | None:
    settings = office.settings
    # Where secrets are generated for one machine, its owner's key opens everything on it.
    if settings.embedded and hmac.compare_digest(key.encode(), settings.api_key.encode()):
        return Principal(LOCAL, frozenset(SCOPES))
    return await office.keys.principal(key)


def allows(scope: Scope) -> Any:
    """A dependency: the principal, if its key has this scope; 403 otherwise."""

    async def check(principal: Annotated[Principal, Depends(_principal)]) -> Principal:
        if scope not in principal.scopes:
            raise HTTPException(403, f"the key {principal.name!r} lacks the scope {scope!r}")
        return principal

    return Depends(check)


class AuditedRoute(APIRoute):
    """Writes down every call, and turns our errors into answers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def audited(request: Request) -> Response:
            office = await office_of(request.app)
            request.state.actor, request.state.target = "", _target(request)
            try:
                audit_id = await office.audit.begin(f"{request.method} {self.path}")
            except SwitchbackError as error:
                raise HTTPException(503, f"the audit log cannot be written: {error}") from error
            status = 500
            try:
                response = await _answered(handle, request)
                status = response.status_code
            except HTTPException as error:
                status = error.status_code
                raise
            except RequestValidationError:
                status = 422
                raise
            finally:
                await _finish(office, audit_id, request, status)
            return response

        return audited


async def _answered(
    handle: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
) -> Response:
    try:
        return await handle(request)
    except Rejected as error:
        raise HTTPException(400, str(error)) from error
    except SwitchbackError as error:
        raise HTTPException(503, str(error), headers={"Retry-After": "2"}) from error


def _target(request: Request) -> str:
    return ",".join(map(str, request.path_params.values()))


async def _finish(office: Office, audit_id: int, request: Request, status: int) -> None:
    """The call is over either way: a log entry that cannot be completed keeps status 0."""
    try:
        state = request.state
        await office.audit.finish(audit_id, state.actor, state.target[:200], status)
    except SwitchbackError as error:
        log.warning("audit entry %d could not be completed: %s", audit_id, error)
