"""What Meta says of the account: alerts, holds, throughput and template states."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.notices import Notice, read
from serving.types import TemplateRef
from serving.webhook import parse

FIXTURES = Path(__file__).parents[2] / "fixtures" / "whatsapp"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def notices(number: str) -> tuple[Notice, ...]:
    (path,) = FIXTURES.glob(f"{number}_*")
    return tuple(
        notice for event in parse(path.read_bytes(), NOW).events for notice in event.notices
    )


def test_a_violation_alerts_and_holds_nothing() -> None:
    """The operator sees its kind."""
    (notice,) = notices("50")
    assert (notice.kind, notice.subject) == ("account", "ACCOUNT_VIOLATION: SCAM")
    assert notice.alert
    assert notice.hold_until is None


def test_restrictions_hold_only_if_they_concern_answers() -> None:
    """Each restriction is an alert of its own; answers stop until the stated time."""
    assert [notice.hold_until for notice in notices("51")] == [None, None]
    row = {"restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "expiration": 1795680000}
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": [row]}
    (notice,) = read("account_update", value, NOW)
    assert notice.hold_until == datetime.fromtimestamp(1795680000, UTC)


def test_a_disabled_account_sends_nothing_until_it_is_reinstated() -> None:
    """The hold has no end of its own."""
    (notice,) = notices("52")
    assert notice.hold_until is not None
    back = {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}}
    (lifted,) = read("account_update", back, NOW)
    assert lifted.release


@pytest.mark.parametrize(
    ("number", "template", "state"),
    [
        ("53", TemplateRef("order_update", "en_US"), "PAUSED"),
        ("54", TemplateRef("abandoned_cart", "en"), "REJECTED"),
    ],
)
def test_templates_change_their_state(number: str, template: TemplateRef, state: str) -> None:
    """What Meta stops is not sent any more."""
    (notice,) = notices(number)
    assert notice.template == (template, state)
    assert notice.alert


def test_an_approved_template_is_usable_again_without_an_alert() -> None:
    """Webhooks write en-US where sends write en_US."""
    value = {
        "event": "APPROVED",
        "message_template_name": "resume_conversation",
        "message_template_language": "en-US",
    }
    (notice,) = read("message_template_status_update", value, NOW)
    assert notice.template == (TemplateRef("resume_conversation", "en_US"), "APPROVED")
    assert not notice.alert


def test_quality_decides_how_fast_we_send() -> None:
    """More after an upgrade, fewer when the number is flagged, with an alert."""
    (up,) = notices("55")
    assert (up.throughput_mps, up.alert) == (1000, False)
    (down,) = read("phone_number_quality_update", {"event": "FLAGGED"}, NOW)
    assert (down.throughput_mps, down.alert) == (20, True)


def test_an_error_of_the_number_itself_is_an_alert() -> None:
    """Beside no message and no status: fixture 40; those that hold a sender hold it."""
    (notice,) = notices("40")
    assert (notice.kind, notice.subject, notice.hold_until) == ("graph", "130429", None)
    (locked,) = read("errors", {"errors": [{"code": 131031}]}, NOW)
    assert locked.hold_until == NOW + timedelta(minutes=5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["event", "restriction_info", "ban_info", "violation_info", "errors", "other_info", "reason"]
)
FIELDS = st.sampled_from(
    [
        *("account_update", "phone_number_quality_update", "message_template_status_update"),
        *("template_category_update", "errors", "security", "something_new"),
    ]
)


@given(FIELDS, st.dictionaries(KEYS, JSON))
def test_no_shape_raises_and_no_text_of_strangers_becomes_a_subject(
    field: str, value: dict[str, Any]
) -> None:
    """Subjects are shown and exported: Meta's own words, or nothing."""
    for notice in read(field, value, NOW):
        assert all(letter.isascii() and letter.isprintable() for letter in notice.subject)
