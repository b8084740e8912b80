"""What to do about each error code of the Graph API: one table for sync answers and for statuses.

Source: WhatsApp Cloud API error codes, Meta for Developers, state of 2026. Actions:
R repeat after a short backoff, W wait then repeat, T another message type would be needed, D drop,
A tell an operator, G hold the whole sender, F a defect of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["retry", "wait", "refused"]


@dataclass(frozen=True, slots=True)
class ErrorRule:
    codes: tuple[tuple[int, int], ...]  # inclusive ranges
    actions: str
    meaning: str
    retry_after_s: float = 0.0

    @property
    def outcome(self) -> Outcome:
        """The first action decides; A, G, F and T do not send this message again either."""
        return {"R": "retry", "W": "wait"}.get(self.actions[0], "refused")  # type: ignore[return-value]  # the dict's literals


def _rule(codes: str, actions: str, meaning: str, retry_after_s: float = 0.0) -> ErrorRule:
    ranges = (part.split("-") for part in codes.split())
    spans = tuple((int(low[0]), int(low[-1])) for low in ranges)
    return ErrorRule(spans, actions, meaning, retry_after_s)


# fmt: off
TABLE: tuple[ErrorRule, ...] = (
    _rule("0 190", "AG", "access token refused or expired"),
    _rule("3 10 131005 200-299", "AG", "a capability or permission is missing"),
    _rule("1", "R", "unknown API error or bad request"),
    _rule("2 131016 133004", "R", "temporary outage", 30.0),
    _rule("4 17 613 80007", "W", "API call rate of the app or account", 60.0),
    _rule("33", "AG", "the number was deleted, or no permission for it"),
    _rule("100", "FD", "a parameter is unsupported, misspelt or too large"),
    _rule("368 131031", "AG", "policy block or locked account"),
    _rule("130403", "D", "we blocked this user"),
    _rule("130429", "W", "throughput of the number exceeded", 2.0),
    _rule("130472", "D", "the user is in a marketing holdback"),
    _rule("130497", "DA", "not allowed to message that country"),
    _rule("131000", "R", "unknown send error"),
    _rule("131008 131009", "FD", "a parameter is missing or invalid"),
    _rule("131020 131041 131059 131201-131215", "D", "groups"),
    _rule("131021", "D", "recipient is the sender"),
    _rule("131026", "D", "undeliverable: not on WhatsApp, or blocked us"),
    _rule("131030", "D", "recipient is not in the test number's list"),
    _rule("131037", "AG", "display name not approved"),
    _rule("131042 131044", "AG", "payment or eligibility problem"),
    _rule("131045", "AG", "registration or certificate error"),
    _rule("131047", "T", "more than 24 hours since the customer wrote"),
    _rule("131048", "AG", "the number is restricted for spam"),
    _rule("131049", "D", "limit of marketing messages per user"),
    _rule("131050", "D", "the user stopped marketing messages"),
    _rule("131051", "FD", "message type not supported"),
    _rule("131052", "D", "inbound media cannot be downloaded"),
    _rule("131053", "FD", "media upload failed"),
    _rule("131055 134100 134102", "D", "Marketing Messages API"),
    _rule("134101", "W", "Marketing Messages API: template is being synced", 600.0),
    _rule("131056", "W", "too many messages to this user", 4.0),
    _rule("131057", "R", "the account is in maintenance", 60.0),
    _rule("131060", "D", "inbound message unavailable"),
    _rule("131062", "D", "a username cannot receive this message"),
    _rule("131063", "DA", "marketing templates are disabled"),
    _rule("131064", "AG", "limit reached by misclassified templates"),
    _rule("132000 132008 132012 132018", "FD", "template parameters"),
    _rule("132001", "DA", "template missing or not approved"),
    _rule("132005", "D", "template text too long"),
    _rule("132007", "DA", "template content violates policy"),
    _rule("132015", "D", "template paused"),
    _rule("132016", "DA", "template disabled"),
    _rule("132068 132069", "TA", "Flow blocked or throttled"),
    _rule("133010", "AG", "the number is not registered"),
    _rule("133000 133005 133006 133008 133009 133015 133016", "A", "registration or PIN"),
    _rule("134011", "A", "payment terms not accepted"),
    _rule("135000", "R", "generic parameter error"),
    _rule("137000", "D", "the user's identity key changed"),
    _rule("138000-139999 147000-147999", "D", "calling, Flows, blocking or usernames"),
)
# fmt: on

UNKNOWN = ErrorRule((), "D", "a code that we do not know")
# Throttling or an outage in front of Graph: no JSON came with it.
EDGE = ErrorRule((), "R", "refused before it reached Graph", 1.0)


def _index(table: tuple[ErrorRule, ...]) -> Mapping[int, ErrorRule]:
    return {
        code: rule for rule in table for low, high in rule.codes for code in range(low, high + 1)
    }


BY_CODE = _index(TABLE)


def rule_for(code: int) -> ErrorRule:
    return BY_CODE.get(code, UNKNOWN)
