"""`POST /{version}/{number}/messages` accepts and refuses what Meta does."""

import base64
from typing import Any

import pytest

from tests.contract.simulator.rig import Rig, Until

NUMBER = "106500000000002"
WAMID = "wamid.HBgLMTU1NTAxMDAxMjMVAgASGBQzQURBNEI5MjM3QkFDQ0NERjE5QwA="


def buttons(count: int = 2, title: str = "Yes") -> list[dict[str, Any]]:
    return [
        {"type": "reply", "reply": {"id": f"b{n}", "title": f"{title} {n}"}} for n in range(count)
    ]


def button(**changes: Any) -> dict[str, Any]:
    message = {"type": "button", "body": {"text": "Sure?"}, "action": {"buttons": buttons()}}
    return {"type": "interactive", "interactive": message | changes}


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": f"r{n}", "title": f"Row {n}", "description": "about it"} for n in range(count)]


def listing(sections: list[dict[str, Any]], label: str = "Choose", **more: Any) -> dict[str, Any]:
    action = {"button": label, "sections": sections}
    message = {"type": "list", "body": {"text": "Pick"}, "action": action} | more
    return {"type": "interactive", "interactive": message}


def named(kind: str, name: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    action = {"name": name} | ({"parameters": parameters} if parameters else {})
    return {
        "type": "interactive",
        "interactive": {"type": kind, "body": {"text": "b"}, "action": action},
    }


FLOW = {
    "flow_message_version": "3",
    "flow_token": "t",
    "flow_id": "9",
    "flow_cta": "Rate",
    "mode": "published",
    "flow_action": "navigate",
    "flow_action_payload": {"screen": "RATE"},
}
LINK = "https://example.com/a"
ACCEPTED: list[dict[str, Any]] = [
    {"type": "text", "text": {"body": "x" * 4096, "preview_url": True}},
    {"type": "text", "text": {"body": "hi"}, "context": {"message_id": WAMID}},
    {"text": {"body": "the type may be left out"}},
    {"type": "image", "image": {"link": LINK, "caption": "c" * 1024}},
    {"type": "video", "video": {"link": LINK}},
    {"type": "audio", "audio": {"link": LINK, "voice": True}},
    {"type": "document", "document": {"link": LINK, "filename": "preis läste.pdf"}},
    {"type": "sticker", "sticker": {"link": LINK}},
    {"type": "location", "location": {"latitude": 27.98, "longitude": "86.92", "name": "n"}},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": "A B"}}]},
    button(),
    button(header={"type": "image", "image": {"link": LINK}}, footer={"text": "f" * 60}),
    listing([{"title": "One", "rows": rows(5)}, {"title": "Two", "rows": rows(10)[5:]}]),
    listing([{"rows": rows(1)}], body={"text": "b" * 4096}),
    named("cta_url", "cta_url", {"display_text": "Open", "url": LINK}),
    named("location_request_message", "send_location"),
    named("request_contact_info", "request_contact_info"),
    named("flow", "flow", FLOW),
    {"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}},
]


@pytest.mark.parametrize("body", ACCEPTED, ids=lambda body: str(list(body.values())[-1])[:40])
def test_valid_message_is_accepted(rig: Rig, body: dict[str, Any]) -> None:
    """Every kind of message within its limits gets 200 and a message id."""
    rig.says(text="hello")
    answer = rig.send({"to": "+15550100123"} | body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["contacts"] == [{"input": "+15550100123", "wa_id": "15550100123"}]
    assert rig.chat()[-1]["id"] == answer.json()["messages"][0]["id"]


def test_message_id_has_the_observed_layout(rig: Rig) -> None:
    """An outgoing id holds the user's number, the direction byte and an ASCII id."""
    wamid = rig.text().json()["messages"][0]["id"]
    data = base64.b64decode(wamid.removeprefix("wamid."))
    assert data[:17] == b"\x1c\x18\x0b15550100123\x15\x02\x00"
    assert (data[17], data[18], data[19]) == (0x11, 0x18, 18)
    assert data[20:38].isalnum()
    assert data[38:] == b"\x00"


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"type": "text", "text": {"body": "x" * 4097}}, 100),
    ({"type": "text", "text": {"body": " "}}, 131008),
    ({"type": "text", "text": {}}, 131008),
    ({"type": "text"}, 131008),
    ({"type": "text", "text": "hi"}, 100),
    ({"type": "text", "text": {"body": "hi", "bdoy": 1}}, 100),
    ({"type": "text", "text": {"body": "hi"}, "contxt": {}}, 100),
    ({"type": "poem", "poem": {}}, 100),
    ({"type": "text", "text": {"body": "hi"}, "biz_opaque_callback_data": "x" * 513}, 100),
    ({"type": "text", "text": {"body": "hi"}, "context": {"message_id": "abc"}}, 131009),
    ({"type": "image", "image": {"link": LINK, "caption": "c" * 1025}}, 131009),
    ({"type": "image", "image": {"caption": "no file"}}, 131008),
    ({"type": "image", "image": {"id": "404"}}, 131009),
    ({"type": "image", "image": {"id": "1", "link": LINK}}, 100),
    ({"type": "audio", "audio": {"link": LINK, "caption": "no"}}, 100),
    ({"type": "document", "document": {"link": "ftp://a"}}, 131009),
    ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, 131009),
    ({"type": "location", "location": {"latitude": 1}}, 131008),
    ({"type": "location", "location": {"latitude": True, "longitude": 0}}, 100),
    ({"type": "contacts", "contacts": []}, 131009),
    ({"type": "contacts", "contacts": [{"name": {}}]}, 131008),
    ({"type": "reaction", "reaction": {"message_id": WAMID, "emoji": "👍"}}, 131009),
    ({"type": "reaction", "reaction": {"message_id": WAMID, "emoji": "ok"}}, 131009),
    (button(action={"buttons": buttons(4)}), 131009),
    (button(action={"buttons": buttons(1, "x" * 20)}), 131009),
    (button(action={"buttons": [*buttons(1), *buttons(1)]}), 131009),
    (button(body={"text": "b" * 1025}), 131009),
    (button(footer={"text": "f" * 61}), 131009),
    (button(header={"type": "text", "text": "h" * 61}), 131009),
    (button(action={}), 131008),
    (button(type="knob"), 100),
    (listing([{"title": "One", "rows": rows(11)}]), 131009),
    (listing([{"title": "A", "rows": rows(6)}, {"title": "B", "rows": rows(6)}]), 131009),
    (listing([{"rows": rows(1)}, {"rows": rows(1)}]), 131008),
    (listing([{"rows": [{"id": "a", "title": "t" * 25}]}]), 131009),
    (listing([{"rows": [{"id": "a", "title": "t", "description": "d" * 73}]}]), 131009),
    (listing([{"rows": rows(1)}], label="l" * 21), 131009),
    (listing([{"rows": rows(1)}], header={"type": "image", "image": {"link": LINK}}), 100),
    (named("cta_url", "cta_url", {"display_text": "d" * 21, "url": LINK}), 131009),
    (named("cta_url", "cta_url", {"display_text": "d", "url": "javascript:1"}), 131009),
    (named("cta_url", "wrong"), 100),
    (named("flow", "flow", FLOW | {"flow_cta": "c" * 21}), 131009),
    (named("flow", "flow", {**FLOW, "flow_id": None}), 131008),
    ({"type": "template", "template": {"name": "Bad Name", "language": {"code": "en"}}}, 131009),
    ({"type": "template", "template": {"name": "a"}}, 131008),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
def test_invalid_message_is_refused(rig: Rig, body: dict[str, Any], code: int) -> None:
    """Every broken rule gets its code in Graph's shape, and nothing reaches the chat."""
    answer = rig.send({"to": "+15550100123"} | body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (400, code, "OAuthException")
    assert error["fbtrace_id"]
    assert ("error_data" in error) is (code >= 1000)
    assert rig.chat() == []


def test_wrong_token_is_401_190(rig: Rig) -> None:
    """Without the right token nothing is looked at."""
    for value in ("Bearer wrong", "", "Basic abc"):
        answer = rig.send({"to": "+1"}, Authorization=value)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


def test_unknown_number_is_100_33(rig: Rig) -> None:
    """Another business number is an object that does not exist."""
    headers = {"Authorization": "Bearer test-token"}
    answer = rig.client.post("/v26.0/999/messages", json={}, headers=headers)
    error = answer.json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 33)


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"{}"])
def test_body_that_is_no_message_is_100(rig: Rig, content: bytes) -> None:
    """Broken JSON, and JSON that is no object, are refused and not a crash."""
    headers = {"Authorization": "Bearer test-token"}
    answer = rig.client.post(f"/v26.0/{NUMBER}/messages", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_recipient_is_needed_and_checked(rig: Rig) -> None:
    """No recipient, no phone number, the business itself, an unknown user id."""
    text = {"type": "text", "text": {"body": "hi"}}
    cases = [({}, 100), ({"to": "abc"}, 131009), ({"to": "+15550100001"}, 131021)]
    cases += [({"recipient": "nonsense"}, 131009), ({"recipient": "US.404"}, 131026)]
    for address, code in cases:
        assert rig.send(text | address).json()["error"]["code"] == code


def test_user_without_phone_is_reached_by_user_id(rig: Rig, until: Until) -> None:
    """A BSUID in `recipient` answers with `user_id` only, and statuses carry no phone."""
    rig.says("FR.90000000000000000077", text="Bonjour")
    bsuid = "FR.90000000000000000077"
    answer = rig.send({"recipient": bsuid, "type": "text", "text": {"body": "Oui"}})
    assert answer.json()["contacts"] == [{"input": bsuid, "user_id": bsuid}]
    wamid = answer.json()["messages"][0]["id"]
    status = until(lambda: rig.webhook.statuses(wamid))[0]
    assert status["recipient_user_id"] == bsuid
    assert "recipient_id" not in status
    inbound = rig.webhook.messages()[0]
    assert "from" not in inbound
    assert inbound["from_user_id"] == bsuid
    contact = rig.webhook.values()[0]["contacts"][0]
    assert contact == {"profile": {"name": "Noé B.", "username": "noe.b"}, "user_id": bsuid}


def test_phone_wins_over_user_id(rig: Rig) -> None:
    """With both addresses the phone is used and both are answered."""
    rig.says(text="hi")
    body = {"to": "+15550100123", "recipient": "FR.90000000000000000077"}
    contact = rig.send(body | {"type": "text", "text": {"body": "hi"}}).json()["contacts"][0]
    assert (contact["wa_id"], contact["user_id"]) == ("15550100123", "US.90000000000000000001")


def test_number_without_plus_is_taken_for_national(rig: Rig) -> None:
    """Without `+` the business's country code is put in front."""
    rig.says(text="hi")
    answer = rig.send({"to": "555 010-0123", "type": "text", "text": {"body": "hi"}})
    assert answer.json()["contacts"][0]["wa_id"] == "15550100123"


def test_template_rules_apply_once_templates_are_registered(rig: Rig, until: Until) -> None:
    """Unknown name, wrong parameter count, paused, authentication to a BSUID; then the text."""
    rig.client.put(
        "/sim/templates",
        json=[
            {"name": "due", "body": "Hi {{name}}, pay {{sum}}", "buttons": ["Stop"]},
            {"name": "old", "status": "PAUSED"},
            {"name": "code", "category": "authentication"},
        ],
    ).raise_for_status()

    def template(name: str, *values: dict[str, str], **address: str) -> Any:
        body = [{"type": "body", "parameters": [{"type": "text"} | value for value in values]}]
        content = {"name": name, "language": {"code": "en-US"}, "components": body}
        to = address or {"to": "+15550100123"}
        return rig.send({"type": "template", "template": content} | to).json()

    assert template("nope")["error"]["code"] == 132001
    assert template("due")["error"]["code"] == 132000
    assert template("old")["error"]["code"] == 132015
    assert template("code", recipient="FR.90000000000000000077")["error"]["code"] == 131062
    named = ({"parameter_name": "name", "text": "Dana"}, {"parameter_name": "sum", "text": "$5"})
    assert template("due", *named)["messages"][0]["message_status"] == "accepted"
    assert rig.chat()[-1]["text"] == "Hi Dana, pay $5"
    rig.says(type="quick_reply", text="Stop")
    tapped = until(rig.webhook.messages)[0]
    assert tapped["button"] == {"payload": "Stop", "text": "Stop"}
    assert tapped["context"]["id"] == rig.chat()[-2]["id"]


def test_mark_read_and_typing(rig: Rig) -> None:
    """Reading marks earlier messages too, typing shows until the reply, unknown ids are 131009."""
    first, second = rig.says(text="one"), rig.says(text="two")
    typing = {"status": "read", "message_id": second, "typing_indicator": {"type": "text"}}
    answer = rig.send(typing)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [m["read_by_business"] for m in rig.chat() if m["id"] in {first, second}] == [True] * 2
    assert rig.client.get("/sim/customers/15550100123").json()["typing"] is True
    sent = rig.text().json()["messages"][0]["id"]
    assert rig.client.get("/sim/customers/15550100123").json()["typing"] is False
    for wamid in ("wamid.unknown", sent):
        assert rig.send({"status": "read", "message_id": wamid}).json()["error"]["code"] == 131009


def test_typing_ends_after_25_seconds(rig: Rig) -> None:
    """The indicator vanishes by itself."""
    wamid = rig.says(text="hi")
    rig.send({"status": "read", "message_id": wamid, "typing_indicator": {"type": "text"}})
    rig.clock.offset_s += 25.1
    assert rig.client.get("/sim/customers/15550100123").json()["typing"] is False


def test_reaction_lands_on_its_message_and_is_only_sent(rig: Rig, until: Until) -> None:
    """A business reaction shows on the bubble, goes with an empty emoji, and is never delivered."""
    wamid = rig.says(text="hi")
    body = {"to": "+15550100123", "type": "reaction"}
    answer = rig.send(body | {"reaction": {"message_id": wamid, "emoji": "👍"}})
    assert rig.chat()[0]["reactions"] == {"business": "👍"}
    reaction = answer.json()["messages"][0]["id"]
    text = rig.text().json()["messages"][0]["id"]
    until(lambda: rig.webhook.statuses(text)[-1:] and rig.webhook.statuses(text)[2:])
    assert [status["status"] for status in rig.webhook.statuses(reaction)] == ["sent"]
    rig.send(body | {"reaction": {"message_id": wamid, "emoji": ""}})
    assert rig.chat()[0]["reactions"] == {}


def test_blocked_user_is_130403(rig: Rig) -> None:
    """A blocked user cannot be written to until unblocked."""
    rig.says(text="hi")
    path, headers = f"/v26.0/{NUMBER}/block_users", {"Authorization": "Bearer test-token"}
    users = {"block_users": [{"user": "+15550100123"}]}
    rig.client.post(path, json=users, headers=headers).raise_for_status()
    assert rig.text().json()["error"]["code"] == 130403
    assert rig.client.get(path, headers=headers).json()["data"][0]["wa_id"] == "15550100123"
    rig.client.request("DELETE", path, json=users, headers=headers).raise_for_status()
    assert rig.text().status_code == 200


def test_number_describes_itself(rig: Rig) -> None:
    """What a health check asks of the business number."""
    headers = {"Authorization": "Bearer test-token"}
    found = rig.client.get(f"/v26.0/{NUMBER}?fields=health_status", headers=headers).json()
    assert found["health_status"]["can_send_message"] == "AVAILABLE"
    assert found["display_phone_number"] == "15550100001"
