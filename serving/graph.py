"""The Graph API over HTTP: one call in, one classified outcome out.

Whether a message left decides everything: a connection that was never made may be tried again, a
request that was sent and not answered is ambiguous. It stores nothing and never repeats a call.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.graph_errors import BY_CODE, EDGE, UNKNOWN, UNREACHED, ErrorRule, rule_for
from serving.ports import GraphResult, OutgoingMessage
from serving.types import TemplateRef, Wamid

TYPING_DEADLINE_S = 3.0
MAX_CONNECTIONS = 64
SERVER_ERROR, TOO_MANY, OK = 500, 429, 200
GONE_SUBCODE = 33  # with code 100: the number was deleted, or is not ours


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class _ErrorData(_Model):
    details: str = ""


class _Error(_Model):
    code: int
    message: str = ""
    error_subcode: int | None = None
    is_transient: bool = False
    error_data: _ErrorData | str | None = None

    @property
    def detail(self) -> str:
        if isinstance(self.error_data, _ErrorData) and self.error_data.details:
            return self.error_data.details
        return self.message


class _Accepted(_Model):
    id: str


class _Answer(_Model):
    error: _Error | None = None
    messages: list[_Accepted] = Field(default_factory=list)


class GraphApi:
    """Implements `serving.ports.Graph`. `transport` lets a test answer in-process."""

    def __init__(
        self,
        base_url: str,
        version: str,
        access_token: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/{version}",
            headers={"Authorization": f"Bearer {access_token}", "User-Agent": "switchback"},
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            transport=transport,
        )

    async def send(self, message: OutgoingMessage, deadline_s: float) -> GraphResult:
        try:
            response = await self._client.post(
                f"/{message.phone_number_id}/messages", json=body_of(message), timeout=deadline_s
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return GraphResult(
                "refused", detail=f"not sent: {type(error).__name__}", rule=UNREACHED
            )
        except httpx.HTTPError as error:
            return GraphResult("ambiguous", detail=f"no answer: {type(error).__name__}")
        return classify(response)

    async def show_typing(self, phone_number_id: str, wamid: Wamid) -> bool:
        """Marks the message read and shows the bubble, for 25 s or until the reply."""
        body = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": wamid,
            "typing_indicator": {"type": "text"},
        }
        try:
            response = await self._client.post(
                f"/{phone_number_id}/messages", json=body, timeout=TYPING_DEADLINE_S
            )
        except httpx.HTTPError:
            return False
        return response.is_success

    async def close(self) -> None:
        await self._client.aclose()


def body_of(message: OutgoingMessage) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": message.callback_data,
        **_addressee(message),
        **_content(message),
    }
    if message.reply_to:
        body["context"] = {"message_id": message.reply_to}
    return body


def _addressee(message: OutgoingMessage) -> dict[str, str]:
    """A number needs its plus sign, else Graph adds the business's own country code."""
    if message.recipient.wa_id:
        return {"to": f"+{message.recipient.wa_id.lstrip('+')}"}
    return {"recipient": message.recipient.bsuid or ""}


def _content(message: OutgoingMessage) -> dict[str, Any]:
    if message.template is not None:
        return {"type": "template", "template": _template(message.template, message.buttons)}
    if not message.buttons:
        return {"type": "text", "text": {"preview_url": False, "body": message.text}}
    interactive = {"body": {"text": message.text}, **_choices(message.buttons, message.list_label)}
    return {"type": "interactive", "interactive": interactive}


def _choices(buttons: Sequence[tuple[str, str]], list_label: str) -> dict[str, Any]:
    replies = [{"id": button, "title": title} for button, title in buttons]
    if list_label:
        return {"type": "list", "action": {"button": list_label, "sections": [{"rows": replies}]}}
    found = [{"type": "reply", "reply": reply} for reply in replies]
    return {"type": "button", "action": {"buttons": found}}


def _template(template: TemplateRef, buttons: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Of a template's buttons only the payloads are sent; their titles are part of its approval."""
    components = [
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": str(place),
            "parameters": [{"type": "payload", "payload": payload}],
        }
        for place, (payload, _) in enumerate(buttons)
    ]
    return {
        "name": template.name,
        "language": {"code": template.language},
        **({"components": components} if components else {}),
    }


def classify(response: httpx.Response) -> GraphResult:
    """Graph's answer, whatever came instead of it included."""
    try:
        answer = _Answer.model_validate_json(response.content)
    except ValidationError:
        answer = None
    if answer and answer.error:
        return _refused(answer.error, response)
    if response.status_code == OK:
        if answer and answer.messages:
            return GraphResult("accepted", Wamid(answer.messages[0].id))
        return GraphResult("ambiguous", detail="200 without a message id")
    passing = response.status_code == TOO_MANY or response.status_code >= SERVER_ERROR
    rule = EDGE if passing else UNKNOWN
    return _result(rule, response, None, f"HTTP {response.status_code} without a Graph error")


def _refused(error: _Error, response: httpx.Response) -> GraphResult:
    code = GONE_SUBCODE if _is_gone(error) else error.code
    rule = EDGE if error.is_transient and code not in BY_CODE else rule_for(code)
    return _result(rule, response, error.code, f"{rule.meaning} ({error.detail})"[:300])


def _is_gone(error: _Error) -> bool:
    return error.code == 100 and error.error_subcode == GONE_SUBCODE  # noqa: PLR2004  # code 100


def _result(
    rule: ErrorRule, response: httpx.Response, code: int | None, detail: str
) -> GraphResult:
    retry_after_s = _retry_after(response) or rule.retry_after_s
    return GraphResult("refused", None, code, detail, replace(rule, retry_after_s=retry_after_s))


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0
