"""What a customer does on the phone becomes the webhook that Meta would send."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.simulator.rig import DANA, NOE, Rig, Until

FIXTURES = Path(__file__).parents[2] / "fixtures" / "whatsapp"
MINTED = {"id", "timestamp", "sha256", "url", "message_id"}


def masked(node: Any) -> Any:
    """The same without what is minted anew each time."""
    if isinstance(node, dict):
        return {k: "*" if k in MINTED and k in node else masked(v) for k, v in node.items()}
    return [masked(item) for item in node] if isinstance(node, list) else node


def fixture(number: str) -> dict[str, Any]:
    path = next(FIXTURES.glob(f"{number}_*.json"))
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))["entry"][0]["changes"][0]["value"]
    return value


def offered(rig: Rig) -> str:
    """A list and two buttons that Dana can tap; the id of the buttons."""
    rig.says(text="hi")
    rows = [{"id": "ship_express", "title": "Express", "description": "1-2 days"}]
    action: dict[str, Any] = {"button": "Options", "sections": [{"title": "Fast", "rows": rows}]}
    menu = {"type": "list", "body": {"text": "Pick one"}, "action": action}
    rig.send({"to": f"+{DANA}", "type": "interactive", "interactive": menu}).raise_for_status()
    reply = {"id": "order:123:cancel", "title": "Cancel"}
    action = {"buttons": [{"type": "reply", "reply": reply}]}
    question = {"type": "button", "body": {"text": "Sure?"}, "action": action}
    answer = rig.send({"to": f"+{DANA}", "type": "interactive", "interactive": question})
    wamid: str = answer.json()["messages"][0]["id"]
    return wamid


ACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("01", {"text": "Hi, is the blue one back in stock?"}),
    ("03", {"text": "yes, that one", "reply_to": "OFFER"}),
    ("04", {"text": "TEXT", "frequently_forwarded": True}),
    ("08", {"type": "audio", "mime_type": "audio/ogg; codecs=opus"}),
    ("10", {"type": "document", "filename": "Reçu café №7.pdf", "caption": "mon reçu"}),
    ("15", {"type": "button", "button_id": "order:123:cancel"}),
    ("16", {"type": "list", "row_id": "ship_express"}),
    ("18", {"type": "quick_reply", "text": "Stop promotions", "reply_to": "OFFER"}),
    ("20", {"type": "reaction", "reply_to": "OFFER", "emoji": "👍"}),
    ("21", {"type": "reaction", "reply_to": "OFFER"}),
    ("24", {"type": "unsupported"}),
    ("26", {"type": "document", "size_bytes": 200_000_000}),
]


@pytest.mark.parametrize(("number", "action"), ACTIONS, ids=[number for number, _ in ACTIONS])
def test_webhook_has_the_documented_shape(
    rig: Rig, until: Until, number: str, action: dict[str, Any]
) -> None:
    """Key for key the same as the contract's sample, apart from minted ids and times."""
    wanted = fixture(number)
    offer = offered(rig)
    if number == "18":  # in the sample the context names a template of before
        wanted["messages"][0].pop("context")
    text = wanted["messages"][0].get("text", {}).get("body")
    changes = {"OFFER": offer, "TEXT": text}
    wamid = rig.says(**{key: changes.get(str(value), value) for key, value in action.items()})

    def arrived() -> list[dict[str, Any]]:
        return [v for v in rig.webhook.values() if v.get("messages", [{}])[0].get("id") == wamid]

    got = until(arrived)[0]
    if number == "18":
        got["messages"][0].pop("context", None)
    assert masked(got) == masked(wanted)


def test_user_without_phone_has_the_documented_shape(rig: Rig, until: Until) -> None:
    """A username user comes without `from` and `wa_id`."""
    rig.says(NOE, text="Do you ship to Lyon?")
    wanted = fixture("02")
    wanted["contacts"][0]["profile"]["name"] = "Noé B."
    assert masked(until(rig.webhook.values)[0]) == masked(wanted)


def test_tap_needs_a_message_that_offers_it(rig: Rig) -> None:
    """Tapping what nobody offered is refused, unless the title is given."""
    path = f"/sim/customers/{DANA}/messages"
    assert rig.client.post(path, json={"type": "button", "button_id": "x"}).status_code == 422
    assert rig.client.post(path, json={"type": "button"}).status_code == 422
    rig.says(type="button", button_id="x", title="Old button")


@pytest.mark.parametrize(
    "action", [{"type": "text"}, {"txt": "typo"}, {"type": "reaction"}, {"type": "raw"}]
)
def test_impossible_action_is_422(rig: Rig, action: dict[str, Any]) -> None:
    """What a phone cannot do leaves no trace."""
    assert rig.client.post(f"/sim/customers/{DANA}/messages", json=action).status_code == 422
    assert rig.chat() == []


def test_raw_message_goes_out_as_given(rig: Rig, until: Until) -> None:
    """Any type can be sent by hand; ids and names are filled in."""
    order = {"catalog_id": "7", "product_items": []}
    wamid = rig.says(type="raw", message={"type": "order", "order": order})
    message = until(rig.webhook.messages)[0]
    assert (message["id"], message["type"], message["order"]) == (wamid, "order", order)
    assert message["from"] == DANA


def test_reactions_show_and_go(rig: Rig) -> None:
    """A customer's reaction sits on the bubble until it is taken back."""
    offer = offered(rig)
    rig.says(type="reaction", reply_to=offer, emoji="🎉")
    by_id = {message["id"]: message for message in rig.chat()}
    assert by_id[offer]["reactions"] == {"customer": "🎉"}
    rig.says(type="reaction", reply_to=offer)
    by_id = {message["id"]: message for message in rig.chat()}
    assert by_id[offer]["reactions"] == {}


def test_own_bytes_arrive_unchanged(rig: Rig, until: Until) -> None:
    """A file that a customer attaches can be fetched through its link, with the token only."""
    data = bytes(range(256)) * 20
    rig.says(
        type="document",
        bytes_base64=base64.b64encode(data).decode(),
        mime_type="text/plain",
        filename="a.txt",
    )
    url = until(rig.webhook.messages)[0]["document"]["url"]
    assert rig.client.get(url).status_code == 401
    got = rig.client.get(url, headers={"Authorization": "Bearer test-token"})
    assert (got.status_code, got.content) == (200, data)


def test_new_customers(rig: Rig) -> None:
    """Someone new gets a user id; a taken number is refused; nobody is found by a wrong name."""
    added = rig.client.post("/sim/customers", json={"name": "Sam", "wa_id": "919876500100"})
    assert added.status_code == 201
    assert added.json()["bsuid"].startswith("IN.")
    again = rig.client.post("/sim/customers", json={"name": "Sam", "wa_id": "919876500100"})
    assert again.status_code == 409
    hidden = rig.client.post("/sim/customers", json={"name": "Kim", "username": "kim.l"}).json()
    assert (hidden["phone_hidden"], hidden["wa_id"]) == (True, None)
    assert rig.client.get("/sim/customers/404").status_code == 404
    listed = rig.client.get("/sim/customers").json()["customers"]
    assert [c["name"] for c in listed] == ["Dana Reyes", "Asha Rao", "Noé B.", "Sam", "Kim"]


def test_waiting_for_a_reply(rig: Rig) -> None:
    """`/sim/messages` gives what was sent after a sequence number, per customer."""
    rig.says(text="hi")
    start = rig.client.get("/sim/health").json()["last_seq"]
    rig.text(body="one")
    rig.text(body="two")
    path = f"/sim/messages?to={DANA}&after={start}&wait_s=5"
    found = rig.client.get(path).json()
    assert [message["text"] for message in found["messages"]] == ["one", "two"]
    later = rig.client.get(f"/sim/messages?to={DANA}&after={found['last_seq']}").json()
    assert later == {"messages": [], "last_seq": found["last_seq"]}
    assert rig.client.get(f"/sim/messages?to={NOE}").json()["messages"] == []


def test_conversations_survive_a_restart(make_rig: Any, tmp_path: Path) -> None:
    """With a state folder, chats, customers and files are there again."""
    first = make_rig(state_dir=tmp_path)
    first.client.post("/sim/customers", json={"name": "Sam", "wa_id": "15550100199"})
    first.says("15550100199", text="remember me")
    first.says("15550100199", type="image")
    media = first.chat("15550100199")[1]["content"]["id"]
    before = first.chat("15550100199")
    first.client.__exit__(None, None, None)
    second = make_rig(state_dir=tmp_path)
    strip = [{k: v for k, v in m.items() if k != "status"} for m in before]
    after = [{k: v for k, v in m.items() if k != "status"} for m in second.chat("15550100199")]
    assert after == strip
    assert second.client.get(f"/sim/media/{media}").content.startswith(b"\x89PNG")
    assert second.text("15550100199", "welcome back").status_code == 200


def test_reset_forgets_everything(rig: Rig) -> None:
    """Only the first customers are left, and the knobs are calm."""
    rig.says(text="hi")
    rig.client.post("/sim/customers", json={"name": "Sam", "wa_id": "15550100199"})
    rig.faults(webhooks={"duplicate_p": 1})
    rig.client.post("/sim/reset").raise_for_status()
    assert rig.chat() == []
    assert len(rig.client.get("/sim/customers").json()["customers"]) == 3
    assert rig.client.get("/sim/faults").json()["webhooks"]["duplicate_p"] == 0
    assert rig.client.get("/sim/webhooks").json()["deliveries"] == []


def test_customers_come_from_a_file(make_rig: Any, tmp_path: Path) -> None:
    """A JSON list seeds the customers; a bad one is an error that names the file."""
    path = tmp_path / "people.json"
    path.write_text('[{"name": "Léa", "wa_id": "33555010011", "language": "fr"}]', "utf-8")
    listed = make_rig(customers_file=path).client.get("/sim/customers").json()["customers"]
    assert [(c["name"], c["language"]) for c in listed] == [("Léa", "fr")]
    path.write_text('[{"nom": "Léa"}]', "utf-8")
    with pytest.raises(ValueError, match=r"people\.json"):
        make_rig(customers_file=path)
