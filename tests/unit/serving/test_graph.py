"""The Graph adapter: what it sends, and how it reads every kind of answer."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from serving.graph import GraphApi
from serving.graph_errors import TABLE, rule_for
from serving.ports import GraphResult, OutgoingMessage, Recipient
from serving.types import TemplateRef, Wamid

pytestmark = pytest.mark.anyio
BSUID = "FR.90000000000000000077"
# Every code of the error table in the contract, and what becomes of the message.
CODES = {
    "retry": (1, 2, 131016, 133004, 131000, 131057, 135000),
    "wait": (4, 17, 613, 80007, 130429, 131056, 134101),
    "template": (131047,),
    "hold": (
        *(0, 190, 3, 10, 131005, 200, 250, 299, 33, 368, 131031, 131037, 131042, 131044, 131045),
        *(131064, 133010),
    ),
    "drop": (
        *(100, 130403, 130472, 130497, 131008, 131009, 131020, 131041, 131059, 131201, 131215),
        *(131021, 131026, 131030, 131048, 131049, 131050, 131051, 131052, 131053, 131055, 134100),
        *(134102, 131060, 131062, 131063, 132000, 132008, 132012, 132018, 132001, 132005),
        *(132007, 132015, 132016, 132068, 132069, 133000, 133005, 133006, 133008, 133009),
        *(133015, 133016, 134011, 137000, 138000, 139001, 147000, 999999),
    ),
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def message(recipient: Recipient | None = None, **more: Any) -> OutgoingMessage:
    fields: dict[str, Any] = {"text": "Hello", "buttons": (), "callback_data": "t1:0"} | more
    return OutgoingMessage("1065", recipient or Recipient("15550100123", None), **fields)


async def send(
    answer: httpx.Response | Callable[[httpx.Request], httpx.Response],
    what: OutgoingMessage | None = None,
) -> GraphResult:
    handler = answer if callable(answer) else lambda _request: answer
    graph = GraphApi("https://graph.test", "v26.0", "token", httpx.MockTransport(handler))
    try:
        return await graph.send(what or message(), 5.0)
    finally:
        await graph.close()


async def body(what: OutgoingMessage) -> dict[str, Any]:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"messages": [{"id": "wamid.X"}]})

    assert (await send(handler, what)).outcome == "accepted"
    assert seen[0].url == "https://graph.test/v26.0/1065/messages"
    assert seen[0].headers["authorization"] == "Bearer token"
    loaded: dict[str, Any] = json.loads(seen[0].content)
    return loaded


async def test_a_text_goes_to_a_number_with_its_plus_sign() -> None:
    """Callback data comes along, a preview does not."""
    sent = await body(message())
    assert sent["to"] == "+15550100123"
    assert sent["text"] == {"preview_url": False, "body": "Hello"}
    assert sent["biz_opaque_callback_data"] == "t1:0"


async def test_a_username_user_is_addressed_by_bsuid() -> None:
    """Without a number the recipient field is used."""
    sent = await body(message(Recipient(None, BSUID)))
    assert sent["recipient"] == BSUID
    assert "to" not in sent


async def test_buttons_make_it_interactive_and_a_quote_gives_context() -> None:
    """The shape of a reply-button message."""
    sent = await body(message(buttons=(("human", "A person"),), reply_to=Wamid("wamid.IN")))
    assert sent["interactive"]["action"]["buttons"] == [
        {"type": "reply", "reply": {"id": "human", "title": "A person"}}
    ]
    assert sent["context"] == {"message_id": "wamid.IN"}


async def test_a_label_makes_a_list_of_the_choices() -> None:
    """The shape of a list message with one section, which then needs no title."""
    sent = await body(message(buttons=(("a", "Chadar"), ("b", "Goechala")), list_label="Choose"))
    assert sent["interactive"]["type"] == "list"
    assert sent["interactive"]["action"] == {
        "button": "Choose",
        "sections": [{"rows": [{"id": "a", "title": "Chadar"}, {"id": "b", "title": "Goechala"}]}],
    }


@pytest.mark.parametrize(
    ("action", "code"), [(action, code) for action, codes in CODES.items() for code in codes]
)
async def test_every_code_of_the_contract_has_its_action(action: str, code: int) -> None:
    """Branching is by code; proxies may turn it into text and the HTTP status varies."""
    error = {"code": str(code), "message": "(#x) no", "error_data": {"details": "because"}}
    result = await send(httpx.Response(400, json={"error": error}))
    assert (result.outcome, result.rule.action, result.code) == ("refused", action, code)
    assert "because" in result.detail


def test_no_code_is_listed_twice() -> None:
    """One row decides about a code."""
    listed = [span for rule in TABLE for span in rule.codes]
    overlaps = [
        (one, other)
        for place, one in enumerate(listed)
        for other in listed[place + 1 :]
        if one[0] <= other[1] and other[0] <= one[1]
    ]
    assert overlaps == []


def test_a_deleted_number_is_recognised_by_its_subcode() -> None:
    """Code 100 alone is a defect of ours."""
    assert rule_for(33).actions == ("hold", "alert")
    assert rule_for(100).actions == ("drop", "alert")


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (httpx.Response(503, text="<html>"), "retry"),
        (httpx.Response(429, text="slow down"), "retry"),
        (httpx.Response(400, json={"error": {"code": 999, "is_transient": True}}), "retry"),
        (httpx.Response(404, text="nothing here"), "drop"),
        (httpx.Response(200, text="not json"), "ambiguous"),
        (httpx.Response(200, json={"messages": []}), "ambiguous"),
    ],
)
async def test_answers_that_are_not_graphs_are_classified_too(
    response: httpx.Response, outcome: str
) -> None:
    """An edge in front of Graph may answer instead of it, and Graph may say that it will pass."""
    result = await send(response)
    assert outcome in {result.outcome, result.rule.action}
    assert (result.outcome == "refused") == (outcome != "ambiguous")


async def test_retry_after_is_honoured() -> None:
    """The header wins over the table."""
    answer = httpx.Response(429, text="", headers={"Retry-After": "7"})
    assert (await send(answer)).rule.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.ConnectError("refused"), "refused"),
        (httpx.ConnectTimeout("slow"), "refused"),
        (httpx.PoolTimeout("full"), "refused"),
        (httpx.ReadTimeout("slow"), "ambiguous"),
        (httpx.WriteError("broke"), "ambiguous"),
        (httpx.RemoteProtocolError("closed"), "ambiguous"),
    ],
)
async def test_only_a_request_that_never_left_may_be_repeated(
    error: Exception, outcome: str
) -> None:
    """Everything after the connection is unclear."""

    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    result = await send(fail)
    assert result.outcome == outcome
    assert outcome == "ambiguous" or result.rule.action == "retry"


async def test_a_template_is_sent_by_name_with_the_payloads_of_its_buttons() -> None:
    """Its words are Meta's; ours are only kept."""
    template = TemplateRef("resume_conversation", "en_US")
    sent = await body(message(template=template, buttons=(("CONTINUE", "Continue"),)))
    assert sent["type"] == "template"
    assert "text" not in sent
    assert sent["template"]["language"] == {"code": "en_US"}
    (button,) = sent["template"]["components"]
    assert button["parameters"] == [{"type": "payload", "payload": "CONTINUE"}]


async def test_a_failed_typing_bubble_is_told_and_forgotten() -> None:
    """It is a courtesy; the turn goes on."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(500))
    graph = GraphApi("https://graph.test", "v26.0", "token", transport)
    assert not await graph.show_typing("1065", Wamid("wamid.IN"))
    await graph.close()
