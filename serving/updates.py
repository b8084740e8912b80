"""What a webhook body says, once it is understood. Past the edge: plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from serving.notices import Notice


@dataclass(frozen=True, slots=True)
class Identity:
    """Who wrote, or is written to. Meta may leave out any of these."""

    wa_id: str | None = None
    bsuid: str | None = None
    name: str | None = None  # untrusted: the customer chose it
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One inbound message."""

    phone_number_id: str
    wamid: str
    identity: Identity
    type: str
    text: str
    sent_at: datetime  # Meta's timestamp; the time of reading where it has none
    triggers: bool  # whether it asks for a reply; others are stored as ignored
    payload_id: str | None = None
    reply_to: str | None = None
    why: str = ""  # why it does not trigger
    opens_window: bool = True  # whether the 24-hour window counts from it
    amends: str | None = None  # wamid of the message it edits or takes back
    advert: str = ""  # words of the advertisement that the chat began with
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What became of a message of ours."""

    phone_number_id: str
    wamid: str
    status: str  # sent | delivered | read | played | failed, or a word we do not know
    at: datetime
    participant: str = ""  # of a group; "" in a plain chat
    callback_data: str | None = None
    error_code: int | None = None
    pricing: Mapping[str, Any] = field(default_factory=dict)  # type and category, in Meta's words
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Takeover:
    """A colleague answered from the business app: the conversation is theirs."""

    phone_number_id: str
    identity: Identity
    wamid: str
    text: str
    sent_at: datetime
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """Marketing stopped or resumed in WhatsApp's own settings."""

    identity: Identity
    action: str  # stop | resume
    at: datetime


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """The customer's number or id is another one now."""

    previous: Identity
    current: Identity


@dataclass(frozen=True, slots=True)
class Event:
    """Signed, stored, and not a message: account events, history, what could not be read."""

    kind: str
    content: str  # canonical JSON, or the body as it came
    phone_number_id: str | None = None
    notices: tuple[Notice, ...] = ()  # what it asks us to do


@dataclass(frozen=True, slots=True)
class Updates:
    """Everything one body said, in its order."""

    messages: tuple[Received, ...] = ()
    statuses: tuple[StatusUpdate, ...] = ()
    takeovers: tuple[Takeover, ...] = ()
    preferences: tuple[Preference, ...] = ()
    changes: tuple[IdentityChange, ...] = ()
    events: tuple[Event, ...] = ()
