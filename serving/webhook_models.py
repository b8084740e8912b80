"""The shapes of Meta's webhooks: pydantic models that take what comes and never what is missing.

Every field may be absent, and identifiers come as text or numbers; only what makes an item
meaningless without it (an id, a status word) is required.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from serving import wording

Json = dict[str, Any]


def as_object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def as_id(value: object) -> str | None:
    """Identifiers come as text, sometimes as numbers, sometimes empty."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return wording.clean(str(value)).strip() or None


def as_time(value: object) -> datetime | None:
    """Unix seconds, as text in messages and as a number in preferences. None: unreadable."""
    try:
        return datetime.fromtimestamp(int(value), UTC)  # type: ignore[call-overload]  # guarded
    except (TypeError, ValueError, OverflowError, OSError):
        return None


OptionalId = Annotated[str | None, BeforeValidator(as_id)]
Object = Annotated[Json, BeforeValidator(as_object)]
Timestamp = Annotated[datetime | None, BeforeValidator(as_time)]


class Edge(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Contact(Edge):
    wa_id: OptionalId = None
    user_id: OptionalId = None
    profile: Object = Field(default_factory=dict)


class Message(Edge):
    id: str
    type: str = "unknown"
    timestamp: Timestamp = None
    sender: OptionalId = Field(default=None, alias="from")
    from_user_id: OptionalId = None
    to: OptionalId = None
    to_user_id: OptionalId = None
    context: Object = Field(default_factory=dict)
    system: Object = Field(default_factory=dict)
    group_id: OptionalId = None


class Status(Edge):
    id: str
    status: str = Field(pattern=r"^\w{1,32}$")
    timestamp: Timestamp = None
    recipient_participant_id: OptionalId = None
    recipient_participant_user_id: OptionalId = None
    biz_opaque_callback_data: OptionalId = None
    errors: list[Any] = Field(default_factory=list)
    pricing: Object = Field(default_factory=dict)


class PreferenceItem(Edge):
    wa_id: OptionalId = None
    user_id: OptionalId = None
    category: str = ""
    value: str
    timestamp: Timestamp = None
