"""What Meta says about the account, the number and the templates, and what follows from it.

One function from a webhook field and its value to what has to happen. Knows no store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from serving.graph_errors import rule_for
from serving.types import TemplateRef

NoticeKind = Literal["graph", "account", "quality", "template"]

FOREVER = timedelta(days=3650)  # until somebody lifts it
THROUGHPUT_MPS = 80  # Meta's default for a number
UPGRADED_MPS = 1000
CAREFUL_MPS = 20  # of a number whose quality is in question: fewer messages, fewer complaints

_GONE = {"ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED", "PARTNER_REMOVED", "PARTNER_APP_UNINSTALLED"}
_BACK = {"ACCOUNT_RECONNECTED"}
_USABLE = {"APPROVED", "REINSTATED", "UNARCHIVED", "UNPAUSED"}
_UNREMARKABLE = {"PENDING", "IN_APPEAL"}
_MPS: Mapping[str, int] = {
    "THROUGHPUT_UPGRADE": UPGRADED_MPS,
    "FLAGGED": CAREFUL_MPS,
    "DOWNGRADE": CAREFUL_MPS,
    "UNFLAGGED": THROUGHPUT_MPS,
    "UPGRADE": THROUGHPUT_MPS,
}
_OWNERS = {
    *("account_alerts", "account_review_update", "security", "phone_number_name_update"),
    *("business_username_update", "business_username_updates", "business_capability_update"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something an operator may have to know, and what we do about it at once."""

    kind: NoticeKind
    subject: str  # event or code; never personal data
    meaning: str
    alert: bool = True
    hold_until: datetime | None = None  # nothing is sent before
    release: bool = False  # an earlier hold is over
    throughput_mps: int | None = None
    template: tuple[TemplateRef, str] | None = None  # and its state


def read(field: str, value: Mapping[str, Any], now: datetime) -> tuple[Notice, ...]:
    """What a change of this field asks for; nothing for those that are only kept."""
    # Meta's own samples give the wrong field for some of these; the keys tell.
    if "new_quality_score" in value:
        return _template_quality(value)
    if field in _OWNERS:
        event = _word(value.get("event")) or _word(value.get("decision")) or field
        return (Notice("account", f"{field}: {event}", "Meta asks the owner to look at this"),)
    reader = _READERS.get(field)
    return reader(value, now) if reader else ()


def _account(value: Mapping[str, Any], now: datetime) -> tuple[Notice, ...]:
    event = _word(value.get("event"))
    if event in _GONE:
        return (
            Notice("account", event, "the account is no longer ours", hold_until=now + FOREVER),
        )
    if event in _BACK:
        return (Notice("account", event, "the account is back", release=True),)
    match event:
        case "ACCOUNT_VIOLATION":
            kind = _word(_object(value.get("violation_info")).get("violation_type"))
            return (Notice("account", f"{event}: {kind}", "a policy was violated"),)
        case "ACCOUNT_RESTRICTION":
            found = value.get("restriction_info")
            rows = found if isinstance(found, list) else []
            return tuple(_restriction(_object(row), now) for row in rows)
        case "DISABLED_UPDATE":
            return (_ban(_word(_object(value.get("ban_info")).get("waba_ban_state")), now),)
    return ()


def _restriction(row: Mapping[str, Any], now: datetime) -> Notice:
    kind = _word(row.get("restriction_type"))
    # Answers are customer-initiated; the other kinds leave them alone.
    stops_answers = kind == "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
    until = _time(row.get("expiration")) or now + timedelta(days=7)
    return Notice(
        "account",
        f"ACCOUNT_RESTRICTION: {kind}",
        "the account is restricted",
        hold_until=until if stops_answers else None,
    )


def _ban(state: str, now: datetime) -> Notice:
    subject = f"DISABLED_UPDATE: {state}"
    if state == "REINSTATE":
        return Notice("account", subject, "the account may send again", release=True)
    if state == "SCHEDULE_FOR_DISABLE":
        return Notice("account", subject, "the account will be disabled")
    return Notice("account", subject, "the account is disabled", hold_until=now + FOREVER)


def _number(value: Mapping[str, Any], _now: datetime) -> tuple[Notice, ...]:
    event = _word(value.get("event"))
    mps = _MPS.get(event)
    better = event in {"THROUGHPUT_UPGRADE", "UNFLAGGED", "UPGRADE", "ONBOARDING"}
    meaning = "the quality of the number has changed"
    return (Notice("quality", event, meaning, alert=not better, throughput_mps=mps),)


def _template_status(value: Mapping[str, Any], _now: datetime) -> tuple[Notice, ...]:
    event = _word(value.get("event"))
    title = _word(_object(value.get("other_info")).get("title"))
    ref = _template_ref(value)
    state = "APPROVED" if event in _USABLE or title == "UNPAUSED" else event
    quiet = state == "APPROVED" or event in _UNREMARKABLE
    subject = f"{_word(ref.name)} {_word(ref.language)}: {event}"
    meaning = "the state of a message template has changed"
    return (Notice("template", subject, meaning, alert=not quiet, template=(ref, state)),)


def _template_quality(value: Mapping[str, Any]) -> tuple[Notice, ...]:
    score, ref = _word(value.get("new_quality_score")), _template_ref(value)
    subject = f"{_word(ref.name)} {_word(ref.language)}: {score}"
    meaning = "the quality of a message template has changed"
    return (Notice("template", subject, meaning, alert=score in {"RED", "YELLOW"}),)


def _template_changed(value: Mapping[str, Any], _now: datetime) -> tuple[Notice, ...]:
    ref = _template_ref(value)
    meaning = "Meta has changed a message template"
    return (Notice("template", f"{_word(ref.name)} {_word(ref.language)}: changed", meaning),)


def _errors(value: Mapping[str, Any], now: datetime) -> tuple[Notice, ...]:
    """`value.errors` beside no message: something is wrong with the number or the app."""
    found = value.get("errors")
    rows = found if isinstance(found, list) else []
    return tuple(_error(_object(row).get("code"), now) for row in rows)


def _error(code: object, now: datetime) -> Notice:
    number = int(code) if isinstance(code, int | str) and str(code).isdigit() else -1
    rule = rule_for(number)
    until = now + timedelta(minutes=5) if "hold" in rule.actions else None
    return Notice("graph", str(number), rule.meaning, hold_until=until)


_READERS: Mapping[str, Callable[[Mapping[str, Any], datetime], tuple[Notice, ...]]] = {
    "account_update": _account,
    "phone_number_quality_update": _number,
    "message_template_status_update": _template_status,
    "template_category_update": _template_changed,
    "message_template_components_update": _template_changed,
    "errors": _errors,
}


def _template_ref(value: Mapping[str, Any]) -> TemplateRef:
    """Webhooks write en-US where sends write en_US."""
    language = str(value.get("message_template_language") or "")[:16].replace("-", "_")
    return TemplateRef(str(value.get("message_template_name") or "")[:512], language)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _word(value: object) -> str:
    """One of Meta's own words: anything else could be somebody's text."""
    word = str(value) if isinstance(value, str) else ""
    return word[:64] if word.replace("_", "").isalnum() and word.isascii() else ""


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value), UTC)  # type: ignore[call-overload]  # guarded
    except (TypeError, ValueError, OverflowError, OSError):
        return None
