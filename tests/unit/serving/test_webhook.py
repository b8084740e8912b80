"""Reading webhook bodies: nothing raises, and each shape means what the contract says."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import wording
from serving.updates import Identity, Updates
from serving.webhook import handshake, is_signed, parse, sign

FIXTURES = Path(__file__).parents[2] / "fixtures" / "whatsapp"
BODIES = sorted(path for path in FIXTURES.iterdir() if path.suffix in {".json", ".txt"})
# Written by a customer to us, and of a type that the contract lets a bot answer.
TRIGGERING = {
    *("01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "12", "13", "14"),
    *("15", "16", "17", "18", "19", "38", "39", "70", "73", "75", "76", "85", "90"),
}
ESCAPED_SIGNATURE = "5ce9fe115409e5904c00f48857b542d5e1dc86527bbd861ab77ad1d812beb89d"


def fixture(number: str) -> Updates:
    (path,) = FIXTURES.glob(f"{number}_*")
    return parse(path.read_bytes())


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.stem)
def test_every_fixture_is_understood_or_kept(path: Path) -> None:
    """No body raises, none vanishes, and exactly the stated ones ask for a reply."""
    updates = parse(path.read_bytes())
    assert updates != Updates()
    triggers = any(message.triggers for message in updates.messages)
    assert triggers == (path.stem[:2] in TRIGGERING)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("01", "Hi, is the blue one back in stock?"),
        ("07", "broken on arrival"),
        ("10", "mon reçu"),
        ("12", "Example Coffee\n1 Example Ave, Springfield"),
        ("15", "Cancel"),
        ("16", "Express"),
        ("17", "rating: 4\ncomment: ok"),
        ("18", "Stop promotions"),
        ("19", "Leave at the door\n2 x sku-blue-01\n1 x sku-red-02"),
        ("90", "Café 50% <3 mail: dana@example.com http://a.b/c 😀"),
    ],
)
def test_words_of_each_type(number: str, words: str) -> None:
    """Body, caption, button text, list title and order lines become the turn's text."""
    assert fixture(number).messages[0].text == words


def test_the_words_of_an_advertisement_are_not_the_customers() -> None:
    """They stand beside the message."""
    (message,) = fixture("05").messages
    assert message.advert == "Chat with us\nAutumn sale is here"
    assert message.text == "Can I get more info on this?"
    assert fixture("01").messages[0].advert == ""


def test_an_edit_carries_its_new_words_and_a_revocation_none() -> None:
    """Both name the message they are about, and ask for no reply of their own."""
    edit, revoke = (fixture(number).messages[0] for number in ("28", "29"))
    assert edit.text
    assert not revoke.text
    for message in (edit, revoke):
        assert (message.amends or "").startswith("wamid.")
        assert not message.triggers
        assert not message.opens_window


NESTED = st.recursive(st.text(max_size=5), st.lists, max_leaves=8)


@given(st.dictionaries(st.text(max_size=5), NESTED, max_size=4))
def test_any_form_is_read(fields: dict[str, object]) -> None:
    """Whatever was filled in, and however deep, becomes lines or nothing."""
    part = {"body": "Sent", "response_json": json.dumps(fields)}
    assert wording.words("interactive", {"type": "nfm_reply", "nfm_reply": part})


def test_taps_carry_the_id_of_what_was_tapped() -> None:
    """Buttons, list rows and template buttons keep their payload."""
    assert fixture("15").messages[0].payload_id == "order:123:cancel"
    assert fixture("16").messages[0].payload_id == "ship_express"
    assert fixture("18").messages[0].payload_id == "Stop promotions"


def test_a_customer_without_a_number_has_an_identity() -> None:
    """Username users are known by their business-scoped id."""
    assert fixture("02").messages[0].identity == Identity(
        None, "FR.90000000000000000077", "Noe B.", "noe.b"
    )


def test_each_message_gets_the_profile_of_its_own_sender() -> None:
    """Two numbers and two customers in one body do not mix."""
    first, second = fixture("39").messages
    assert (first.phone_number_id, first.identity.name) == ("106500000000002", "Dana Reyes")
    assert (second.phone_number_id, second.identity.name) == ("106500000000003", "Ira")


def test_changes_of_number_and_of_id_name_both_identities() -> None:
    """System messages tell who the customer was and who they are now."""
    (number,) = fixture("22").changes
    assert number.previous == Identity("15550100123", "US.90000000000000000001")
    assert number.current == Identity("15550100777", "US.90000000000000000099")
    (bsuid,) = fixture("23").changes
    assert bsuid.previous == Identity(None, "US.90000000000000000002")
    assert bsuid.current == Identity(None, "US.90000000000000000098")


def test_statuses_keep_code_participant_and_callback() -> None:
    """What settling and counting need is read from every status."""
    assert fixture("30").statuses[0].callback_data == "t:acme|job:42"
    assert fixture("33").statuses[0].error_code == 131047
    assert {status.participant for status in fixture("37").statuses} == {
        "15550100123",
        "15550100456",
    }


def test_a_colleagues_message_is_a_takeover() -> None:
    """Echoes of the business app count, those of Meta's own bot do not."""
    (takeover,) = fixture("58").takeovers
    assert takeover.identity == Identity("15550100123", "US.90000000000000000001")
    assert takeover.text == "Replying from my phone"
    assert fixture("78").takeovers == ()


def test_marketing_preferences_are_read_and_kept() -> None:
    """The switch acts, and its wording stays as evidence."""
    updates = fixture("57")
    assert [preference.action for preference in updates.preferences] == ["stop"]
    assert [event.kind for event in updates.events] == ["user_preferences"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_raises(body: bytes) -> None:
    """Any bytes and any JSON end in updates."""
    assert parse(body) != Updates() or b"entry" in body


@given(st.data())
def test_a_damaged_message_does_not_raise(data: st.DataObject) -> None:
    """Any value in any place of a real body is survived, and its neighbours are read."""
    document = json.loads((FIXTURES / "01_text.json").read_bytes())
    value = document["entry"][0]["changes"][0]["value"]
    good = dict(value["messages"][0])
    place: Any = data.draw(st.sampled_from([value["messages"][0], value["contacts"][0]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    value["messages"].append(good)
    updates = parse(json.dumps(document).encode())
    assert "Hi, is the blue one back in stock?" in [m.text for m in updates.messages]


def test_deep_and_odd_json_is_an_event() -> None:
    """A nesting bomb, a huge number and lone surrogates are kept or cleaned, not raised."""
    assert parse(b"[" * 100_000).events[0].kind == "unreadable"
    assert parse(b"1" * 10_000).events
    body = (FIXTURES / "01_text.json").read_text().replace("Hi,", "\\ud83d\\u0000Hi,")
    assert parse(body.encode()).messages[0].text.startswith("?Hi,")


def test_a_missing_timestamp_is_the_time_of_reading() -> None:
    """Messages without a readable time are placed where they arrived."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    body = (FIXTURES / "01_text.json").read_text().replace('"1795420800"', '"soon"')
    assert parse(body.encode(), now).messages[0].sent_at == now


# ── signature ────────────────────────────────────────────────────────────────────────────────


def test_signature_of_the_bytes_as_they_came() -> None:
    """The published vectors verify; re-serialised JSON does not."""
    body = (FIXTURES / "90_raw_escaped_signed.json").read_bytes()
    assert is_signed(body, f"sha256={ESCAPED_SIGNATURE}", ["test_app_secret"])
    again = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    assert not is_signed(again, f"sha256={ESCAPED_SIGNATURE}", ["test_app_secret"])


def test_both_secrets_are_good_during_rotation() -> None:
    """Old and new sign; a third does not."""
    body = b"{}"
    for secret in ("new", "old"):
        assert is_signed(body, f"sha256={sign(body, secret)}", ["new", "old"])
    assert not is_signed(body, f"sha256={sign(body, 'other')}", ["new", "old"])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha1=" + hmac.new(b"s", b"{}", hashlib.sha1).hexdigest(),
        hmac.new(b"s", b"{}", hashlib.sha256).hexdigest(),
        "sha256=" + hmac.new(b"s", b"{}", hashlib.sha256).hexdigest().upper(),
        "sha256=" + hmac.new(b"s", b"{}", hashlib.sha256).hexdigest() + "\n",
        "sha256=" + "é" * 64,
    ],
)
def test_anything_but_a_proper_header_is_refused(header: str | None) -> None:
    """Missing, other algorithms, other spellings and trailing bytes do not pass."""
    assert not is_signed(b"{}", header, ["s"])


def test_handshake_answers_only_meta() -> None:
    """The challenge is returned for our token, and only a harmless one."""
    good = {"hub.mode": "subscribe", "hub.verify_token": "t", "hub.challenge": "1158201444"}
    assert handshake(good, "t") == "1158201444"
    assert handshake(good | {"hub.verify_token": "x"}, "t") is None
    assert handshake(good | {"hub.mode": "unsubscribe"}, "t") is None
    assert handshake(good | {"hub.challenge": "<script>"}, "t") is None
    assert handshake(good | {"hub.verify_token": ""}, "") is None
