"""Graph's errors: one table from code to HTTP status and wording, and the exception for one.

HTTP statuses are those of Meta's table of December 2025; throttles answer 400 as they do since.
"""

from dataclasses import dataclass

from simulator import ids
from simulator.wire import Json

HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


@dataclass(frozen=True, slots=True)
class Spec:
    """What one code looks like. `title` is used in statuses, and in the message after `(#code)`."""

    http: int
    title: str
    details: str
    type: str = "OAuthException"


_GROUPS = "The request concerns a group that cannot take it."
TABLE: dict[int, Spec] = {
    0: Spec(401, "AuthException", "We were unable to authenticate the app user."),
    1: Spec(400, "API Unknown", "The request is invalid, or the server failed to read it."),
    2: Spec(503, "API Service", "The service is overloaded or down for the moment."),
    3: Spec(500, "API Method", "The app lacks the capability for this call."),
    4: Spec(400, "API Too Many Calls", "The app has reached its call rate limit."),
    10: Spec(403, "Permission Denied", "The permission is not granted or was removed."),
    17: Spec(400, "User request limit reached", "Too many calls for this user."),
    33: Spec(400, "Parameter value is not valid", "The business number was deleted."),
    100: Spec(400, "Invalid parameter", "A parameter is unsupported, misspelt or too large."),
    190: Spec(401, "Access token has expired", "The access token is invalid or has expired."),
    200: Spec(403, "API Permission", "The permission is not granted or was removed."),
    368: Spec(403, "Temporarily blocked for policies violations", "The account broke a policy."),
    613: Spec(400, "Calls to this api have exceeded the rate limit", "Too many calls."),
    80007: Spec(400, "Rate limit issues", "The account has reached its call rate limit."),
    130403: Spec(400, "User is blocked", "You blocked this user."),
    130429: Spec(400, "Rate limit hit", "The number's message throughput has been reached."),
    130472: Spec(400, "User's number is part of an experiment", "The message was not sent."),
    130497: Spec(403, "Business account is restricted", "Not allowed in the user's country."),
    131000: Spec(500, "Something went wrong", "The message was not sent for an unknown reason."),
    131005: Spec(403, "Access denied", "The permission is not granted or was removed."),
    131008: Spec(400, "Required parameter is missing", "A required parameter is missing."),
    131009: Spec(400, "Parameter value is not valid", "One or more values are not valid."),
    131016: Spec(500, "Service unavailable", "A service is temporarily unavailable."),
    131020: Spec(400, "Invalid group", _GROUPS),
    131021: Spec(400, "Recipient cannot be sender", "Sender and recipient are the same number."),
    131026: Spec(400, "Message undeliverable", "Message Undeliverable."),
    131030: Spec(400, "Recipient phone number not in allowed list", "Add it to the test list."),
    131031: Spec(403, "Business Account locked", "The account is locked."),
    131037: Spec(400, "Display name approval needed", "The display name is not approved."),
    131041: Spec(400, "Group is unknown", _GROUPS),
    131042: Spec(400, "Business eligibility payment issue", "A payment method problem."),
    131045: Spec(500, "Incorrect certificate", "The number is not registered correctly."),
    131047: Spec(
        400,
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last "
        "replied to this number.",
    ),
    131048: Spec(400, "Spam rate limit hit", "Too many messages were blocked or flagged as spam."),
    131049: Spec(400, "Meta chose not to deliver", "Kept back for healthy ecosystem engagement."),
    131050: Spec(400, "User stopped marketing messages", "The user does not want marketing."),
    131051: Spec(400, "Message type unknown", "Message type is currently not supported."),
    131052: Spec(400, "Media download error", "The media sent by the user cannot be downloaded."),
    131053: Spec(400, "Media upload error", "The media could not be uploaded."),
    131055: Spec(400, "Method not allowed", "Marketing messages only."),
    131056: Spec(
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number "
        "to the same phone number in a short period of time.",
    ),
    131057: Spec(500, "Account in maintenance mode", "A throughput upgrade is under way."),
    131060: Spec(400, "Message unavailable", "This message is currently unavailable."),
    131062: Spec(400, "Business-scoped user id not allowed", "Send this one to a phone number."),
    131063: Spec(400, "Marketing templates are disabled", "Not allowed on this account."),
    131064: Spec(400, "Template limit reached", "Templates were misclassified too often."),
    132000: Spec(400, "Template param count mismatch", "The number of parameters is wrong."),
    132001: Spec(404, "Template does not exist", "Missing in that language, or not approved."),
    132005: Spec(400, "Template hydrated text too long", "The translated text is too long."),
    132007: Spec(400, "Template format character policy violated", "A content policy is broken."),
    132008: Spec(400, "Template parameter format mismatch", "A parameter has a wrong format."),
    132012: Spec(400, "Template parameter format mismatch", "A parameter has a wrong format."),
    132015: Spec(400, "Template is paused", "Paused for low quality."),
    132016: Spec(400, "Template is disabled", "Disabled after being paused too often."),
    132018: Spec(400, "Template parameter validation failed", "Check the parameters."),
    132068: Spec(400, "Flow is blocked", "The flow is in a blocked state."),
    132069: Spec(400, "Flow is throttled", "The flow reached its hourly limit."),
    133000: Spec(500, "Incomplete deregistration", "A previous deregistration failed."),
    133004: Spec(503, "Server temporarily unavailable", "Registration is unavailable."),
    133005: Spec(400, "Two step verification PIN mismatch", "The PIN is wrong."),
    133006: Spec(400, "Phone number re-verification needed", "Verify the number first."),
    133008: Spec(400, "Too many two step PIN guesses", "Wait before trying again."),
    133009: Spec(400, "Two step PIN guessed too fast", "Wait before trying again."),
    133010: Spec(400, "Phone number not registered", "Register the number first."),
    133015: Spec(400, "Please wait before registering", "Wait five minutes."),
    133016: Spec(400, "Registration rate limit", "Too many registration attempts."),
    134011: Spec(400, "Payments terms of service pending", "Accept the terms first."),
    134100: Spec(400, "Only marketing messages supported", "Marketing messages only."),
    134101: Spec(400, "Template is syncing", "Wait ten minutes."),
    134102: Spec(400, "Template unavailable for use", "Marketing messages only."),
    135000: Spec(400, "Generic user error", "The parameters were refused."),
    137000: Spec(400, "Identity key hash mismatch", "The user's identity key changed."),
}
_UNKNOWN = Spec(400, "Unknown error", "An error that this table does not know.")


def spec(code: int) -> Spec:
    """The row of a code; a neutral one where the table has none."""
    return TABLE.get(code, _UNKNOWN)


class GraphError(Exception):
    """Answered to the caller in Graph's shape."""

    def __init__(
        self,
        code: int,
        details: str | None = None,
        *,
        message: str | None = None,
        subcode: int | None = None,
        kind: str | None = None,
    ) -> None:
        row = spec(code)
        self.code = code
        self.http = row.http
        self.type = kind or row.type
        self.details = details or row.details
        self.message = message or f"(#{code}) {row.title}"
        self.subcode = subcode
        super().__init__(f"{self.message}: {self.details}")

    def body(self) -> Json:
        """The JSON that Graph answers."""
        error: Json = {"message": self.message, "type": self.type, "code": self.code}
        if self.code >= 1000:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": error | {"fbtrace_id": ids.trace_id()}}


def bad_parameter(details: str) -> GraphError:
    """Code 100, whose message carries the details."""
    return GraphError(100, details, message=f"(#100) {details}")


def unknown_object(node: str, verb: str = "post") -> GraphError:
    """What Graph says of an id that it does not know, or will not show."""
    message = (
        f"Unsupported {verb} request. Object with ID '{node}' does not exist, cannot be loaded due "
        "to missing permissions, or does not support this operation."
    )
    return GraphError(100, message, message=message, subcode=33, kind="GraphMethodException")


def status_error(code: int, details: str | None = None) -> Json:
    """An element of `statuses[].errors`: title and message are the same text."""
    row = spec(code)
    return {
        "code": code,
        "title": row.title,
        "message": row.title,
        "error_data": {"details": details or row.details},
        "href": HREF,
    }


def code_of_magic_number(digits: str) -> tuple[int, bool] | None:
    """A number that asks for an error: the code, and whether it comes later, in a status.

    `1555010` and the last five digits of a code: at once. `1555011` and those: in a status.
    """
    if len(digits) != 12 or digits[:7] not in {"1555010", "1555011"}:
        return None
    code = next((code for code in TABLE if f"{code:05d}"[-5:] == digits[7:]), None)
    return None if code is None else (code, digits[6] == "1")
