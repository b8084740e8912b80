"""Deliveries: signed raw bytes, retries, duplicates, batches, and bodies made by hand."""

import json
from pathlib import Path

import httpx
import pytest

from tests.contract.simulator.rig import DANA, NUMBER, Rig, Until, signed

FIXTURES = Path(__file__).parents[2] / "fixtures" / "whatsapp"


def states(rig: Rig) -> list[str]:
    log = rig.client.get("/sim/webhooks").json()["deliveries"]
    return [delivery["state"] for delivery in log]


def test_delivery_is_escaped_and_signed(rig: Rig, until: Until) -> None:
    """The raw bytes are Meta's form, and the signature is right for them."""
    rig.says(text="Café 50% <3 mail: dana@example.com http://a.b/c 😀")
    post = until(lambda: rig.webhook.posts)[0]
    assert signed(post)
    assert post.headers["content-type"] == "application/json"
    escaped = (
        rb"Caf\u00e9 50\u0025 \u003C3 mail: dana\u0040example.com http:\/\/a.b\/c \ud83d\ude00"
    )
    assert escaped in post.content
    assert b'": ' not in post.content
    assert b'", ' not in post.content
    metadata = rig.webhook.values()[0]["metadata"]
    assert metadata == {"display_phone_number": "15550100001", "phone_number_id": NUMBER}


@pytest.mark.parametrize(
    "failure", [503, 500, 401, 204, httpx.ConnectError("down"), httpx.ReadTimeout("slow")]
)
def test_anything_but_200_is_repeated(
    rig: Rig, until: Until, failure: int | httpx.HTTPError
) -> None:
    """The same bytes come again until 200 is answered."""
    rig.webhook.answers = [failure] * 3
    rig.says(text="hi")
    until(lambda: states(rig) == ["delivered"])
    assert len({post.content for post in rig.webhook.posts}) == 1
    assert len(rig.webhook.posts) == 4
    attempts = rig.client.get("/sim/webhooks").json()["deliveries"][0]["attempts"]
    assert [a.get("status_code") for a in attempts][-1] == 200
    assert len(attempts) == 4


def test_retries_end_after_seven_days(rig: Rig, until: Until) -> None:
    """A webhook that never answers 200 loses the event in the end."""
    rig.webhook.answers = [503] * 500
    rig.says(text="hi")
    until(lambda: len(rig.webhook.posts) > 1)
    rig.clock.offset_s += 7 * 86_400 + 1
    until(lambda: states(rig) == ["gave up"])


def test_second_tick_comes_with_delivery(rig: Rig, until: Until) -> None:
    """A customer's message is delivered once the business has taken it."""
    rig.webhook.answers = [503]
    rig.says(text="hi")
    until(lambda: rig.chat()[0]["status"] == "delivered")


def test_duplicates_on_demand(rig: Rig, until: Until) -> None:
    """The same bytes arrive twice, though the first was answered 200."""
    rig.faults(webhooks={"duplicate_p": 1})
    rig.says(text="hi")
    until(lambda: len(rig.webhook.posts) == 2)
    assert rig.webhook.posts[0].content == rig.webhook.posts[1].content


def test_wrong_signature_on_demand(rig: Rig, until: Until) -> None:
    """A wrongly signed attempt is refused by the bot, and the repetition is right."""
    rig.faults(webhooks={"wrong_signature_p": 1})
    rig.webhook.strict = True
    rig.says(text="hi")
    until(lambda: rig.webhook.posts)
    rig.faults(webhooks={"wrong_signature_p": 0})
    until(lambda: any(signed(post) for post in rig.webhook.posts))
    assert not signed(rig.webhook.posts[0])


def test_batches_hold_many_updates(rig: Rig, until: Until) -> None:
    """Within the window updates share a POST, and one person's messages share a value."""
    rig.faults(webhooks={"batch_window_s": 0.3})
    for number in range(5):
        rig.says(text=f"part {number}")
    rig.says("15550100145", text="another")
    until(lambda: len(rig.webhook.messages()) == 6)
    assert len(rig.webhook.posts) == 1
    assert [len(value["messages"]) for value in rig.webhook.values()] == [5, 1]


def test_batch_size_is_bounded(rig: Rig, until: Until) -> None:
    """No POST has more updates than allowed."""
    rig.faults(webhooks={"batch_window_s": 0.2, "batch_max": 2})
    for number in range(5):
        rig.says(text=f"part {number}")
    until(lambda: len(rig.webhook.messages()) == 5)
    sizes = [len(json.loads(p.content)["entry"][0]["changes"]) for p in rig.webhook.posts]
    assert max(sizes) <= 2
    assert len(rig.webhook.posts) == 3


def test_large_bodies_on_demand(rig: Rig, until: Until) -> None:
    """A body can be made as large as Meta allows, and is signed as a whole."""
    rig.faults(webhooks={"pad_to_bytes": 2_900_000})
    rig.says(text="hi")
    post = until(lambda: rig.webhook.posts)[0]
    assert len(post.content) == 2_900_000
    assert signed(post)
    assert rig.webhook.messages()[0]["text"]["body"] == "hi"


def test_old_timestamps_on_demand(rig: Rig, until: Until) -> None:
    """A message can come from three days ago, and then the window is closed."""
    rig.faults(webhooks={"age_s": 3 * 86_400})
    rig.says(text="hi")
    age_s = rig.clock() - int(until(rig.webhook.messages)[0]["timestamp"])
    assert 3 * 86_400 <= age_s < 3 * 86_400 + 60
    wamid = rig.text().json()["messages"][0]["id"]
    assert until(lambda: rig.webhook.statuses(wamid))[0]["errors"][0]["code"] == 131047


def test_handshake(rig: Rig) -> None:
    """The GET with the verify token succeeds only if the challenge comes back."""
    assert rig.client.post("/sim/webhook/verify").json()["ok"] is True
    rig.webhook.challenge_prefix = "not "
    assert rig.client.post("/sim/webhook/verify").json()["ok"] is False
    changed = rig.client.put("/sim/webhook", json={"url": "http://other.test/"}).json()
    assert (changed["ok"], changed["url"]) == (False, "http://bot.test/webhook")
    rig.webhook.challenge_prefix = ""
    changed = rig.client.put("/sim/webhook", json={"url": "http://other.test/"}).json()
    assert (changed["ok"], changed["url"]) == (True, "http://other.test/")


def raw(rig: Rig, **body: object) -> dict[str, object]:
    answer = rig.client.post("/sim/webhooks/raw", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*_*.*")), ids=lambda path: path.name)
def test_any_fixture_can_be_delivered(rig: Rig, path: Path) -> None:
    """Every sample body, odd and malformed ones included, goes out as its own bytes, signed."""
    body = path.read_bytes().decode("utf-8")
    raw(rig, body=body)
    assert rig.webhook.posts[-1].content == body.encode()
    assert signed(rig.webhook.posts[-1])


def test_signature_of_raw_webhook(rig: Rig) -> None:
    """Hand-made bodies can be signed wrongly, not at all, or with a given header."""
    raw(rig, body="{}", signature="wrong")
    raw(rig, body="{}", signature="none")
    raw(rig, body="{}", signature="sha1=abc")
    headers = [post.headers.get("x-hub-signature-256") for post in rig.webhook.posts]
    assert not any(signed(post) for post in rig.webhook.posts)
    assert headers[0].startswith("sha256=")
    assert headers[1:] == [None, "sha1=abc"]


def test_raw_webhook_reports_its_attempt(rig: Rig) -> None:
    """The caller learns what the bot answered; nothing is repeated unless asked for."""
    rig.webhook.answers = [401]
    report = raw(rig, payload={"object": "page", "entry": []})
    delivery = report["deliveries"][0]  # type: ignore[index]  # a list of objects
    assert (delivery["state"], delivery["attempts"][0]["status_code"]) == ("gave up", 401)
    assert len(rig.webhook.posts) == 1


def test_messages_of_raw_webhooks_can_be_answered(rig: Rig) -> None:
    """The people in a hand-made body become customers; reading and replying to them works."""
    payload = json.loads((FIXTURES / "02_text_username_no_phone.json").read_text())
    contact = payload["entry"][0]["changes"][0]["value"]
    contact["contacts"][0]["user_id"] = contact["messages"][0]["from_user_id"] = "FR.77"
    contact["messages"][0]["timestamp"] = str(int(rig.clock()))
    added = raw(rig, payload=payload, copies=2)["registered"]
    assert added == [contact["messages"][0]["id"]]
    assert len(rig.webhook.posts) == 2
    assert rig.send({"status": "read", "message_id": added[0]}).status_code == 200
    reply = {"recipient": "FR.77", "type": "text", "text": {"body": "Oui"}}
    assert rig.send(reply).status_code == 200
    assert [m["text"] for m in rig.chat("FR.77")] == ["Do you ship to Lyon?", "Oui"]


def test_log_is_bounded_and_shows_bodies(rig: Rig, until: Until) -> None:
    """The log gives the latest deliveries, with bodies on request."""
    for number in range(3):
        rig.says(text=f"n{number}")
    until(lambda: states(rig) == ["delivered"] * 3)
    log = rig.client.get("/sim/webhooks?limit=1&body=true").json()
    assert log["counts"]["delivered"] == 3
    assert len(log["deliveries"]) == 1
    assert "n2" in log["deliveries"][0]["body"]
    last = log["deliveries"][0]["id"]
    assert rig.client.get(f"/sim/webhooks?after={last}").json()["deliveries"] == []


def test_without_a_webhook_chats_still_work(make_rig: object, until: Until) -> None:
    """No URL: messages stay in the chat and the log says why they went nowhere."""
    rig: Rig = make_rig()  # type: ignore[operator]  # the fixture is a function
    rig.client.put("/sim/webhook", json={"url": None, "verify": False})
    rig.says(DANA, text="hi")
    until(lambda: states(rig) == ["gave up"])
    assert rig.text().status_code == 200
