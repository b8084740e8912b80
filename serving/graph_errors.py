"""What to do about each error code of the Graph API: one table for sync answers and for statuses.

Source: WhatsApp Cloud API error codes, Meta for Developers, state of 2026. The first action says
what becomes of the message, further ones what happens besides:

retry     repeat after a short backoff with jitter; after `retries` repetitions it is dropped
wait      not before `retry_after_s`; each further wait is `growth` times longer
template  free-form text is not allowed now: an approved template goes instead, or a person is told
hold      the whole sender stands still, and the message with it, until it may send again
drop      never again
suppress  the customer stopped marketing: so do we
alert     an operator has to see it
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Action = Literal["retry", "wait", "template", "hold", "drop", "suppress", "alert"]


@dataclass(frozen=True, slots=True)
class ErrorRule:
    codes: tuple[tuple[int, int], ...]  # inclusive ranges
    actions: tuple[Action, ...]
    meaning: str
    retry_after_s: float = 0.0
    retries: int | None = None  # None: until the message is too old to be answered
    growth: float = 2.0

    @property
    def action(self) -> Action:
        return self.actions[0]


def _rule(
    codes: str, actions: str, meaning: str, retry_after_s: float = 0.0, **more: Any
) -> ErrorRule:
    ranges = (part.split("-") for part in codes.split())
    spans = tuple((int(low[0]), int(low[-1])) for low in ranges)
    known: dict[str, Action] = {action: action for action in get_args(Action)}
    words = tuple(known[word] for word in actions.split())
    return ErrorRule(spans, words, meaning, retry_after_s, **more)


# fmt: off
TABLE: tuple[ErrorRule, ...] = (
    _rule("0 190", "hold alert", "access token refused or expired"),
    _rule("3 10 131005 200-299", "hold alert", "a capability or permission is missing"),
    _rule("1", "retry alert", "unknown API error or bad request", retries=2),
    _rule("2 131016 133004", "retry", "temporary outage", 30.0),
    _rule("4 17 613 80007", "wait", "API call rate of the app or account", 60.0),
    _rule("33", "hold alert", "the number was deleted, or no permission for it"),
    _rule("100", "drop alert", "a parameter is unsupported, misspelt or too large"),
    _rule("368 131031", "hold alert", "policy block or locked account"),
    _rule("130403", "drop", "we blocked this user"),
    _rule("130429", "wait", "throughput of the number exceeded", 2.0),
    _rule("130472", "drop", "the user is in a marketing holdback"),
    _rule("130497", "drop alert", "not allowed to message that country"),
    _rule("131000", "retry alert", "unknown send error", retries=3),
    _rule("131008 131009", "drop alert", "a parameter is missing or invalid"),
    _rule("131020 131041 131059 131201-131215", "drop", "groups"),
    _rule("131021", "drop", "recipient is the sender"),
    _rule("131026", "drop", "undeliverable: not on WhatsApp, or blocked us"),
    _rule("131030", "drop", "recipient is not in the test number's list"),
    _rule("131037", "hold alert", "display name not approved"),
    _rule("131042 131044", "hold alert", "payment or eligibility problem"),
    _rule("131045", "hold alert", "registration or certificate error"),
    _rule("131047", "template", "more than 24 hours since the customer wrote"),
    _rule("131048", "drop hold alert", "the number is restricted for spam"),
    _rule("131049", "drop", "limit of marketing messages per user"),
    _rule("131050", "drop suppress", "the user stopped marketing messages"),
    _rule("131051", "drop alert", "message type not supported"),
    _rule("131052", "drop", "inbound media cannot be downloaded"),
    _rule("131053", "drop alert", "media upload failed"),
    _rule("131055 134100 134102", "drop", "Marketing Messages API"),
    _rule("134101", "wait", "Marketing Messages API: template is being synced", 600.0),
    _rule("131056", "wait", "too many messages to this user", 4.0, growth=4.0),
    _rule("131057", "retry", "the account is in maintenance", 60.0),
    _rule("131060", "drop", "inbound message unavailable"),
    _rule("131062", "drop", "a username cannot receive this message"),
    _rule("131063", "drop alert", "marketing templates are disabled"),
    _rule("131064", "hold alert", "limit reached by misclassified templates"),
    _rule("132000 132008 132012 132018", "drop alert", "template parameters"),
    _rule("132001", "drop alert", "template missing or not approved"),
    _rule("132005", "drop alert", "template text too long"),
    _rule("132007", "drop alert", "template content violates policy"),
    _rule("132015", "drop alert", "template paused"),
    _rule("132016", "drop alert", "template disabled"),
    _rule("132068 132069", "drop alert", "Flow blocked or throttled"),
    _rule("133010", "hold alert", "the number is not registered"),
    _rule("133000 133005 133006 133008 133009 133015 133016", "drop alert", "registration or PIN"),
    _rule("134011", "drop alert", "payment terms not accepted"),
    _rule("135000", "retry alert", "generic parameter error", retries=1),
    _rule("137000", "drop", "the user's identity key changed"),
    _rule("138000-139999 147000-147999", "drop", "calling, Flows, blocking or usernames"),
)
# fmt: on

UNKNOWN = ErrorRule((), ("drop", "alert"), "a code that we do not know")
# Throttling or an outage in front of Graph: no JSON came with it, or it says that it will pass.
EDGE = ErrorRule((), ("retry",), "refused before it reached Graph", 1.0)
UNREACHED = ErrorRule((), ("retry",), "Graph could not be reached")

# A template that came back with one of these is not used again until Meta reports it approved.
TEMPLATE_STATES: Mapping[int, str] = {
    132001: "MISSING",
    132007: "REJECTED",
    132015: "PAUSED",
    132016: "DISABLED",
}


def _index(table: tuple[ErrorRule, ...]) -> Mapping[int, ErrorRule]:
    return {
        code: rule for rule in table for low, high in rule.codes for code in range(low, high + 1)
    }


BY_CODE = _index(TABLE)


def rule_for(code: int) -> ErrorRule:
    return BY_CODE.get(code, UNKNOWN)
