"""Statuses, limits, and misfortune on demand."""

from typing import Any

import pytest

from simulator.faults import PRESETS
from tests.contract.simulator.rig import DANA, QUICK, Rig, Until


def sent(rig: Rig, **more: Any) -> str:
    """Dana writes, the business answers; the id of the answer."""
    rig.says(text="hi")
    wamid: str = rig.text(**more).json()["messages"][0]["id"]
    return wamid


def names(rig: Rig, wamid: str) -> list[str]:
    return [status["status"] for status in rig.webhook.statuses(wamid)]


def test_statuses_come_in_order_with_all_they_carry(rig: Rig, until: Until) -> None:
    """sent, delivered, read, with the callback data, both recipient ids, and a price."""
    wamid = sent(rig, biz_opaque_callback_data="t:acme|job:42")
    until(lambda: len(names(rig, wamid)) == 3)
    assert names(rig, wamid) == ["sent", "delivered", "read"]
    first, second, third = rig.webhook.statuses(wamid)
    assert {first["biz_opaque_callback_data"], third["biz_opaque_callback_data"]} == {
        "t:acme|job:42"
    }
    assert (first["recipient_id"], first["recipient_user_id"]) == (
        DANA,
        "US.90000000000000000001",
    )
    price = {
        "billable": False,
        "pricing_model": "PMP",
        "type": "free_customer_service",
        "category": "service",
    }
    assert (first["pricing"], second["pricing"], third.get("pricing")) == (price, price, None)
    chat = rig.chat()[-1]
    assert (chat["status"], chat["callback_data"]) == ("read", "t:acme|job:42")


def test_duplicate_statuses(rig: Rig, until: Until) -> None:
    """Every status can come twice."""
    rig.faults(statuses={"duplicate_p": 1})
    wamid = sent(rig)
    until(lambda: len(names(rig, wamid)) == 6)
    assert sorted(names(rig, wamid)) == ["delivered"] * 2 + ["read"] * 2 + ["sent"] * 2
    assert rig.chat()[-1]["status"] == "read"


def test_statuses_out_of_order(rig: Rig, until: Until) -> None:
    """`read` can come first; the page still shows the furthest."""
    rig.faults(
        statuses=QUICK | {"out_of_order_p": 1, "delivered_delay_s": 0.2, "read_delay_s": 0.4}
    )
    wamid = sent(rig)
    until(lambda: len(names(rig, wamid)) == 3)
    assert names(rig, wamid) == ["read", "delivered", "sent"]
    assert rig.chat()[-1]["status"] == "read"


def test_read_without_delivered(rig: Rig, until: Until) -> None:
    """`delivered` may never come; the price is then on `read`."""
    rig.faults(statuses={"read_without_delivered_p": 1})
    wamid = sent(rig)
    until(lambda: len(names(rig, wamid)) == 2)
    assert names(rig, wamid) == ["sent", "read"]
    assert "pricing" in rig.webhook.statuses(wamid)[1]


def test_status_overtakes_the_answer(rig: Rig) -> None:
    """`sent` can be delivered before the send call has answered."""
    rig.faults(statuses={"before_response_p": 1})
    wamid = sent(rig)
    assert names(rig, wamid)[:1] == ["sent"]


def test_read_when_the_chat_is_opened(rig: Rig, until: Until) -> None:
    """With `on_open` a message is read when the customer looks at it."""
    rig.faults(statuses={"read": "on_open"})
    wamid = sent(rig)
    until(lambda: names(rig, wamid) == ["sent", "delivered"])
    assert rig.client.get(f"/sim/customers/{DANA}").json()["unread"] == 1
    rig.client.post(f"/sim/customers/{DANA}/open")
    until(lambda: names(rig, wamid) == ["sent", "delivered", "read"])
    assert rig.client.get(f"/sim/customers/{DANA}").json()["unread"] == 0


def test_free_messages_run_out(rig: Rig, until: Until) -> None:
    """After the month's free service messages they are billed."""
    rig.faults(limits={"free_service_messages": 1})
    first, second = sent(rig), sent(rig)
    until(lambda: names(rig, first) and names(rig, second))
    kinds = [rig.webhook.statuses(wamid)[0]["pricing"]["type"] for wamid in (first, second)]
    assert kinds == ["free_customer_service", "regular"]


# Meta's limits -------------------------------------------------------------------------------


def template(rig: Rig) -> Any:
    content = {"name": "hello", "language": {"code": "en"}}
    return rig.send({"to": f"+{DANA}", "type": "template", "template": content})


def test_window_closes_after_24_hours(rig: Rig, until: Until) -> None:
    """Free-form text then fails later with 131047; templates still go."""
    rig.clock.stop()
    rig.says(text="hi")
    rig.clock.offset_s += 86_390
    inside = rig.text().json()["messages"][0]["id"]
    until(lambda: names(rig, inside)[:1] == ["sent"])
    rig.clock.offset_s += 20
    wamid = rig.text().json()["messages"][0]["id"]
    status = until(lambda: rig.webhook.statuses(wamid))[0]
    assert (status["status"], status["errors"][0]["code"]) == ("failed", 131047)
    assert status["errors"][0]["title"] == status["errors"][0]["message"]
    assert "recipient_user_id" not in status
    assert rig.chat()[-1]["status"] == "failed"
    delivered = template(rig).json()["messages"][0]["id"]
    until(lambda: "delivered" in names(rig, delivered))


def test_window_is_closed_before_the_first_message(rig: Rig, until: Until) -> None:
    """A stranger can only be written to with a template."""
    wamid = rig.text("15550100177").json()["messages"][0]["id"]
    assert until(lambda: rig.webhook.statuses(wamid))[0]["errors"][0]["code"] == 131047


def test_reaction_does_not_open_the_window(rig: Rig, until: Until) -> None:
    """Only a message does."""
    wamid = template(rig).json()["messages"][0]["id"]
    rig.says(type="reaction", reply_to=wamid, emoji="👍")
    text = rig.text().json()["messages"][0]["id"]
    assert until(lambda: names(rig, text)) == ["failed"]


def test_window_can_refuse_at_once_or_be_off(rig: Rig) -> None:
    """The synchronous form, and none."""
    rig.faults(limits={"window": "sync"})
    assert rig.text().json()["error"]["code"] == 131047
    rig.faults(limits={"window": "off"})
    assert rig.text().status_code == 200


def test_pair_limit(rig: Rig) -> None:
    """After a burst of 45 the same user is refused, another is not."""
    rig.clock.stop()
    rig.faults(limits={"pair": "bucket", "throughput": False})
    rig.says(text="hi")
    codes = [rig.text().status_code for _ in range(45)]
    assert codes == [200] * 45
    refused = rig.text()
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 131056)
    rig.says("15550100145", text="hi")
    assert rig.text("15550100145").status_code == 200
    rig.clock.offset_s += 6.1
    assert rig.text().status_code == 200


def test_strict_pair_limit_waits_for_the_borrowed_time(rig: Rig) -> None:
    """After a burst of 20 the user cannot be written to for two minutes."""
    rig.clock.stop()
    rig.faults(limits={"pair": "strict", "throughput": False})
    rig.says(text="hi")
    assert [rig.text().status_code for _ in range(20)] == [200] * 20
    rig.clock.offset_s += 60
    assert rig.text().json()["error"]["code"] == 131056
    rig.clock.offset_s += 61
    assert rig.text().status_code == 200


def test_throughput_of_the_number(make_rig: Any) -> None:
    """More messages per second than allowed are refused with 130429, whoever they go to."""
    rig: Rig = make_rig(throughput_mps=5)
    rig.clock.stop()
    rig.faults(limits={"window": "off"})
    codes = [rig.text(f"155501002{n:02d}").json().get("error", {}).get("code") for n in range(7)]
    assert codes == [None] * 5 + [130429] * 2
    rig.clock.offset_s += 1
    assert rig.text().status_code == 200


# Misfortune on demand ------------------------------------------------------------------------


def test_next_sends_fail_and_then_work(rig: Rig) -> None:
    """A counted error strikes so often, and is used up."""
    rig.says(text="hi")
    rig.faults(sends=[{"kind": "error", "code": 131016, "times": 2}])
    assert [rig.text().status_code for _ in range(3)] == [500, 500, 200]
    assert rig.client.get("/sim/faults").json()["sends"] == []


def test_error_for_one_recipient(rig: Rig) -> None:
    """Only the named customer is struck, as often as it takes."""
    rig.says(text="hi")
    rig.says("15550100145", text="hi")
    rig.faults(sends=[{"kind": "error", "code": 190, "to": f"+{DANA}", "times": None}])
    assert [rig.text().status_code for _ in range(2)] == [401, 401]
    assert rig.text("15550100145").status_code == 200


def test_error_in_a_status(rig: Rig, until: Until) -> None:
    """An asynchronous error is accepted first and fails later, for good."""
    rig.faults(sends=[{"kind": "error", "code": 131026, "mode": "async"}])
    wamid = sent(rig)
    until(lambda: names(rig, wamid) == ["failed"])
    assert rig.webhook.statuses(wamid)[0]["errors"][0]["code"] == 131026


def test_http_error_without_json(rig: Rig) -> None:
    """An edge error has no body to parse, and nothing was accepted."""
    rig.faults(sends=[{"kind": "http", "http_status": 503}])
    answer = rig.text()
    assert (answer.status_code, answer.content) == (503, b"")
    assert answer.headers["retry-after"] == "1"
    assert rig.chat() == []


def test_timeout_after_accept(rig: Rig, until: Until) -> None:
    """The message is processed, and statuses come, while the caller still waits."""
    rig.says(text="hi")
    rig.faults(sends=[{"kind": "timeout_after_accept", "hold_s": 1.5}])
    answer = rig.text(biz_opaque_callback_data="turn:1")
    settled = list(rig.webhook.statuses())  # before the answer was here
    wamid = rig.chat()[-1]["id"]
    assert settled[0]["biz_opaque_callback_data"] == "turn:1"
    assert settled[0]["id"] == answer.json()["messages"][0]["id"] == wamid
    until(lambda: len(names(rig, wamid)) == 3)


def test_timeout_before_accept(rig: Rig) -> None:
    """The caller waits for nothing: the message was never accepted."""
    rig.says(text="hi")
    rig.faults(sends=[{"kind": "timeout_before_accept", "hold_s": 0.1}])
    assert rig.text().status_code == 503
    assert len(rig.chat()) == 1


def test_magic_numbers(rig: Rig, until: Until) -> None:
    """A number that ends in a code asks for it: at once, or in a status."""
    assert rig.text("155501031026").json()["error"]["code"] == 131026
    assert rig.text("155501000190").json()["error"]["code"] == 190
    later = rig.text("155501131048").json()["messages"][0]["id"]
    assert until(lambda: rig.webhook.statuses(later))[0]["errors"][0]["code"] == 131048


@pytest.mark.parametrize(
    "knobs",
    [
        {"statuses": {"dupliacte_p": 1}},
        {"statuses": {"duplicate_p": 1.5}},
        {"sends": [{"kind": "explode"}]},
        {"nonsense": {}},
    ],
)
def test_misspelt_knobs_are_refused(rig: Rig, knobs: dict[str, Any]) -> None:
    """A knob that does not exist, or an impossible value, changes nothing."""
    before = rig.client.get("/sim/faults").json()
    assert rig.client.patch("/sim/faults", json=knobs).status_code == 422
    assert rig.client.put("/sim/faults", json=knobs).status_code == 422
    assert rig.client.get("/sim/faults").json() == before


def test_put_replaces_and_patch_merges(rig: Rig) -> None:
    """PUT sets what is left out to calm; PATCH leaves it."""
    rig.client.put("/sim/faults", json={"statuses": {"late_p": 0.5}})
    rig.client.patch("/sim/faults", json={"webhooks": {"duplicate_p": 0.5}})
    now = rig.client.get("/sim/faults").json()
    assert (now["statuses"]["late_p"], now["webhooks"]["duplicate_p"]) == (0.5, 0.5)
    rig.client.put("/sim/faults", json={})
    assert rig.client.get("/sim/faults").json() == PRESETS["calm"].model_dump()


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_can_be_started_with(make_rig: Any, preset: str) -> None:
    """Every preset is a valid start, and the page can fetch it."""
    rig: Rig = make_rig(preset=preset)
    assert preset in rig.client.get("/sim/faults/presets").json()
