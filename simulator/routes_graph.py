"""The routes that Meta has: sending, media, and what a bot asks about its number."""

import hmac
import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from simulator.core import Simulator
from simulator.errors import GraphError, bad_parameter, unknown_object
from simulator.media import PATH
from simulator.sending import PlainError
from simulator.wire import Json

_VERSION = re.compile(r"^v\d{1,2}\.\d$")


def simulator_of(request: Request) -> Simulator:
    """The simulator behind this application."""
    found: Simulator = request.app.state.simulator
    return found


Sim = Annotated[Simulator, Depends(simulator_of)]


def _has_token(request: Request, sim: Simulator) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip() or request.query_params.get("access_token", "")
    good = hmac.compare_digest(token.encode(), sim.settings.access_token.encode())
    return good and scheme.lower() in {"bearer", "oauth", ""}


def authorised(request: Request, sim: Sim) -> None:
    """A known version and the right token."""
    version = str(request.path_params.get("version", ""))
    if not _VERSION.match(version):
        raise GraphError(100, message=f"Unknown path components: /{version}", subcode=2500)
    if not _has_token(request, sim):
        message = "Error validating access token: the token is missing, wrong or expired."
        raise GraphError(190, message=message)


router = APIRouter(include_in_schema=True, tags=["graph"])
_graph = APIRouter(dependencies=[Depends(authorised)])


def _number(sim: Simulator, node: str, verb: str = "post") -> None:
    if node != sim.settings.phone_number_id:
        raise unknown_object(node, verb)


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise bad_parameter("The request body is not valid JSON.") from error


@_graph.post("/{version}/{number}/messages")
async def send(number: str, request: Request, sim: Sim) -> Json:
    """Send a message, or mark one read."""
    _number(sim, number)
    return await sim.sending.handle(await _json(request), request.is_disconnected)


@_graph.post("/{version}/{number}/media")
async def upload(number: str, request: Request, sim: Sim) -> Json:
    """Store a file for sending."""
    _number(sim, number)
    async with request.form() as form:
        if form.get("messaging_product") != "whatsapp":
            raise bad_parameter("The parameter messaging_product is required.")
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise bad_parameter("The parameter file is required.")
        declared = form.get("type")
        mime_type = declared if isinstance(declared, str) else (file.content_type or "")
        media = sim.media.upload(await file.read(), mime_type, _filename(file))
    return {"id": media.id}


def _filename(file: UploadFile | Any) -> str | None:
    name = getattr(file, "filename", None)
    return name if isinstance(name, str) else None


def _users(body: Any) -> list[str]:
    entries = body.get("block_users") if isinstance(body, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise bad_parameter("The parameter block_users is required.")
    return [str(entry.get("user", "")) for entry in entries]


@_graph.api_route("/{version}/{number}/block_users", methods=["POST", "DELETE"])
async def block_users(number: str, request: Request, sim: Sim) -> Json:
    """Block or unblock users."""
    _number(sim, number)
    block = request.method == "POST"
    done: list[Json] = []
    for user in _users(await _json(request)):
        customer = sim.world.find(user)
        if customer is None:
            raise GraphError(131009, "block_users has an unknown user.")
        sim.world.set_blocked(customer, blocked=block)
        done.append({"input": user, "wa_id": customer.visible_wa_id, "user_id": customer.bsuid})
    key = "added_users" if block else "removed_users"
    return {"messaging_product": "whatsapp", "block_users": {key: done}}


@_graph.get("/{version}/{number}/block_users")
async def blocked_users(number: str, sim: Sim) -> Json:
    """Who is blocked."""
    _number(sim, number, "get")
    blocked = [customer for customer in sim.world.customers.values() if customer.blocked]
    data = [{"wa_id": c.visible_wa_id, "user_id": c.bsuid} for c in blocked]
    return {"data": [{"messaging_product": "whatsapp", **entry} for entry in data]}


@_graph.get("/{version}/{node}")
async def describe(node: str, sim: Sim) -> Json:
    """The business number, or a media object."""
    settings = sim.settings
    if node != settings.phone_number_id:
        return sim.media.describe(node)
    entity = {"entity_type": "PHONE_NUMBER", "id": node, "can_send_message": "AVAILABLE"}
    return {
        "id": node,
        "display_phone_number": settings.display_phone_number,
        "verified_name": settings.business_name,
        "quality_rating": "GREEN",
        "throughput": {"level": "STANDARD" if settings.throughput_mps <= 80 else "HIGH"},
        "health_status": {"can_send_message": "AVAILABLE", "entities": [entity]},
        "whatsapp_business_manager_messaging_limit": "TIER_250",
    }


@_graph.delete("/{version}/{node}")
async def delete(node: str, sim: Sim) -> Json:
    """Delete a media object."""
    if not sim.media.drop(node):
        raise unknown_object(node, "delete")
    return {"success": True}


@router.get(PATH)
async def download(
    mid: str, ext: str, digest: Annotated[str, Query(alias="hash")], request: Request, sim: Sim
) -> Response:
    """The bytes behind a media link: with the token, and while the link is young."""
    if not _has_token(request, sim):
        return Response("not authorised", 401)
    media = sim.media.open_link(mid, ext, digest)
    if media is None:
        return Response("not found", 404)
    return Response(sim.media.data(media.id), media_type=media.mime_type)


router.include_router(_graph)


async def on_graph_error(_request: Request, error: Exception) -> Response:
    """Graph's error shape."""
    assert isinstance(error, GraphError)
    challenge = {"WWW-Authenticate": 'OAuth "Facebook Platform"'} if error.http == 401 else {}
    return JSONResponse(error.body(), error.http, headers=challenge)


async def on_plain_error(_request: Request, error: Exception) -> Response:
    """An error without JSON."""
    assert isinstance(error, PlainError)
    return Response("", error.http, headers={"Retry-After": "1"} if error.http == 503 else {})
