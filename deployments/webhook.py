"""Meta's webhook over HTTP: verify, commit, answer. Nothing slow happens before the 200."""

import logging

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from deployments.settings import Settings
from serving import signature, webhook
from serving.errors import SwitchbackError
from serving.ports import Wakeups
from serving.stores.inbox import Inbox

log = logging.getLogger("switchback.webhook")

MAX_BODY_BYTES = 3 * 1024 * 1024  # Meta's own limit


class Webhook:
    """Both verbs of the callback URL."""

    def __init__(self, settings: Settings, inbox: Inbox, wakeups: Wakeups) -> None:
        self._settings = settings
        self._inbox = inbox
        self._wakeups = wakeups

    async def handshake(self, request: Request) -> Response:
        """Meta's verification of the callback URL."""
        challenge = signature.handshake(request.query_params, self._settings.verify_token)
        if challenge is None:
            return PlainTextResponse("wrong verify token", 403)
        return PlainTextResponse(challenge)

    async def receive(self, request: Request) -> Response:
        """One delivery. 200 is answered only after all of it is committed."""
        body = await _read(request)
        if body is None:
            return PlainTextResponse("larger than 3 MiB", 413)
        header = request.headers.get("x-hub-signature-256")
        if not signature.is_signed(body, header, self._settings.app_secrets):
            return PlainTextResponse("wrong signature", 401)
        try:
            accepted = await self._inbox.accept(webhook.parse(body))
        except SwitchbackError as error:
            log.warning("a delivery could not be committed: %s", error)
            return PlainTextResponse("try again", 503, headers={"Retry-After": "2"})
        if accepted.new:
            await self._wakeups.notify()
        return PlainTextResponse("ok")


async def _read(request: Request) -> bytes | None:
    """The raw body, or None when it is larger than Meta's limit; never reads past it."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)
