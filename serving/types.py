"""The nouns of the request path: what steps take and return, frozen and picklable.

Everything here may cross a Ray handle, so nothing here holds a session, a request or a tensor.
Customer text and identifiers are personal data: they live in these values and in encrypted
columns, never in a log line or a metric label.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NewType, get_args

from typing_extensions import TypeAliasType

from models.types import Epoch, ModelId, Tier, pickle_by_position

TurnId = NewType("TurnId", str)
ConversationId = NewType("ConversationId", str)
ContactId = NewType("ContactId", str)
Wamid = NewType("Wamid", str)

StepName = Literal[
    "parse_message",
    "check_unsubscribed",
    "build_context",
    "retrieve_documents",
    "analyze_ban_risk",
    "generate_response",
    "validate_response",
    "check_compliance",
    "send_message",
    "log_interaction",
    "update_lead_score",
]
Language = Literal["en", "hi", "es", "fr"]
Script = Literal["latn", "deva"]
Intent = Literal[
    "trek_info",
    "pricing",
    "availability",
    "booking",
    "cancellation_refund",
    "support",
    "human_handoff",
    "smalltalk",
]
Sentiment = Literal["negative", "neutral", "positive"]
EntityType = Literal["trek", "date", "price", "group_size"]
Stage = Literal["initial", "inquiry", "consideration", "decision", "booked", "post_trip", "lost"]
Owner = Literal["bot", "human", "closed"]
OptOutScope = Literal["all", "marketing"]
Request = Literal["none", "stop", "marketing", "start"]  # silence, fewer messages, messages again
RiskLevel = Literal["low", "medium", "high"]
Band = Literal["cold", "warm", "hot"]

INTENTS: tuple[Intent, ...] = get_args(Intent)
# Meta repeats a delivery for days; what comes this late is for a person to answer.
STALE_AFTER = timedelta(minutes=60)
LANGUAGES: tuple[Language, ...] = get_args(Language)
STEP_NAMES: tuple[StepName, ...] = get_args(StepName)

# A named alias, so that a codec can follow the recursion.
JsonValue = TypeAliasType(
    "JsonValue",
    "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None",
)


# ── the turn ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message of a customer, as it was committed to the inbox."""

    inbox_id: int  # order of arrival; ties of `sent_at` are broken by it
    wamid: Wamid
    type: str  # Meta's message type: text, image, button, interactive, ...
    text: str  # body, caption, button or list title; "" when the message carries no words
    sent_at: datetime  # Meta's timestamp, UTC
    payload_id: str | None = None  # id of the tapped button or list row
    reply_to: Wamid | None = None  # the message it quotes
    advert: str = ""  # words of the advertisement that the chat began with


@dataclass(frozen=True, slots=True)
class Turn:
    """All pending messages of one conversation, claimed together under a lease."""

    turn_id: TurnId
    conversation_id: ConversationId
    contact_id: ContactId
    phone_number_id: str  # the business number that was written to
    fence: int  # fencing token of the lease; a commit with an older one is refused
    messages: tuple[InboundMessage, ...]  # at least one, by (sent_at, inbox_id)
    started_at: datetime  # UTC, when it was claimed
    language_hint: Language | None = None  # what the conversation was held in so far
    recent_replies: tuple[str, ...] = ()  # our last replies, newest last, at most three
    attempt: int = 1  # 2 and up: an earlier holder failed or died

    def is_stale(self, now: datetime) -> bool:
        """Whether even its newest message is too old for a machine's answer."""
        return self.messages[-1].sent_at < now - STALE_AFTER

    @property
    def text(self) -> str:
        """Every message's words, oldest first, one a line."""
        return "\n".join(message.text for message in self.messages if message.text)


# ── 1 parse_message ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Entity:
    type: EntityType
    text: str  # exact substring of the message
    start: int  # offsets into the parsed text, in code points
    end: int
    value: JsonValue  # normalised, as the label guide defines for each type


@dataclass(frozen=True, slots=True)
class Parsed:
    language: Language
    script: Script
    intent: Intent
    intent_scores: Mapping[Intent, float]  # sum to 1
    sentiment: Sentiment
    entities: tuple[Entity, ...] = ()
    unsure: bool = False  # no intent stands out; treat the guess as weak
    request: Request = "none"  # what the trained head takes it for; "none" without the encoder
    request_share: float = 0.0  # its probability; 0: the head was not asked
    degraded: tuple[str, ...] = ()  # ("lexical_intent",): read without the encoder

    def values(self, kind: EntityType) -> tuple[JsonValue, ...]:
        return tuple(entity.value for entity in self.entities if entity.type == kind)


# ── 2 check_unsubscribed ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ConsentQuery:
    turn: Turn
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether we may answer. `opted_out` after this turn's own control words were applied."""

    opted_out: bool
    action: Literal["none", "opt_out", "resubscribe"] = "none"  # what this turn asked for
    scope: OptOutScope = "all"
    rule: str = ""  # which rule recognised it; "stored" when the state was already there
    confirmation: str = ""  # the one sentence to send when `action` is not "none"

    @property
    def ends_turn(self) -> bool:
        """Nothing but (at most) one confirmation may be sent."""
        return self.opted_out or self.action != "none"


# ── 3 build_context ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ContextQuery:
    turn: Turn


@dataclass(frozen=True, slots=True)
class Profile:
    name: str | None = None  # untrusted: the customer chose it
    email: str | None = None
    tier: str = "standard"
    joined: str | None = None  # ISO date
    first_contact: bool = True  # nothing was ever sent to them


@dataclass(frozen=True, slots=True)
class Booking:
    reference: str
    trek: str
    departs_on: str  # ISO date
    status: str
    seats: int
    amount_inr: int
    paid_inr: int


@dataclass(frozen=True, slots=True)
class Preferences:
    difficulty: str | None = None
    budget_inr: int | None = None
    season: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    role: Literal["customer", "assistant", "agent"]  # agent: a human of ours
    text: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerContext:
    """What we know of the customer. `missing` names the sources that could not be read."""

    profile: Profile = Profile()
    bookings: tuple[Booking, ...] = ()
    preferences: Preferences = Preferences()
    lead_score: int = 0
    stage: Stage = "initial"
    history: tuple[HistoryMessage, ...] = ()  # oldest first, at most ten, this turn excluded
    may_ask_person: bool = True  # False: asked too often, or the queue of people is full
    missing: tuple[str, ...] = ()


# ── 4 retrieve_documents ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RetrievalQuery:
    turn: Turn
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class Passage:
    """A quotable span of one document revision."""

    chunk_id: str
    doc: str
    revision: str
    span: tuple[int, int]  # offsets into the revision's cleaned text, in code points
    text: str
    title: str
    doc_type: str
    language: str
    score: float  # higher is better; comparable within one answer only
    trek: str | None = None
    url: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    # Of each of its sentences to the question: 0 unrelated, 1 a good answer; empty: unknown.
    relevance: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Documents:
    """At most five passages, best first, all of one epoch. Empty: nothing fits."""

    epoch: Epoch | None = None
    passages: tuple[Passage, ...] = ()
    degraded: tuple[str, ...] = ()  # e.g. "shard_missing:3"


@dataclass(frozen=True, slots=True)
class Citation:
    doc: str
    revision: str
    span: tuple[int, int]
    epoch: Epoch


# ── 5 analyze_ban_risk ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RiskQuery:
    text: str  # what we say, or have lately said, to this customer


@dataclass(frozen=True, slots=True)
class Risk:
    score: int  # 0 to 100
    level: RiskLevel
    factors: Mapping[str, int]  # points by factor; only those above zero
    suggestions: tuple[str, ...] = ()


# ── 6 generate_response ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class GenerationQuery:
    turn: Turn
    parsed: Parsed
    context: CustomerContext
    documents: Documents
    risk: Risk


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may answer, in the order of asking; `passed_over` says why it is not asked."""

    tier: Tier
    model: ModelId
    price_usd: float  # the most that its answer can cost
    passed_over: str = ""


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """How the model was chosen: enough to decide again, without any personal data."""

    tier: Tier
    reason: str
    features: Mapping[str, JsonValue]
    deadline_s: float  # for all candidates together
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    text: str
    tier: Tier  # asked for
    model: ModelId  # that answered; "extractive" or "template" when none did
    citations: tuple[Citation, ...] = ()
    route_reason: str = ""
    hands_over: bool = False  # a person goes on from here; the text says so
    route: RouteRecord | None = None  # None: the step could not be reached
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    confidence: int = 50  # 0 to 100, that its pages answer; how they are told is checked later
    choices: tuple[tuple[str, str], ...] = ()  # (id, title) of what it asks the customer to choose
    degraded: tuple[str, ...] = ()


# ── 7 validate_response ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ValidationQuery:
    turn: Turn
    parsed: Parsed
    context: CustomerContext
    documents: Documents
    draft: Draft


@dataclass(frozen=True, slots=True)
class Validated:
    text: str  # the draft, or what replaced it
    confidence: int  # 0 to 100, that it is right; measured by `evals/confidence.py`
    citations: tuple[Citation, ...] = ()
    issues: tuple[str, ...] = ()  # what was found wrong with the draft
    degraded: tuple[str, ...] = ()  # not empty when the draft was replaced
    choices: tuple[tuple[str, str], ...] = ()  # the draft's, where its text stands


# ── 8 check_compliance ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ComplianceQuery:
    turn: Turn
    parsed: Parsed
    context: CustomerContext
    validated: Validated


@dataclass(frozen=True, slots=True)
class Compliance:
    text: str  # as allowed: amended (privacy notice) or replaced
    allowed: bool = True  # False: `text` is the safe replacement
    rules: tuple[str, ...] = ()  # ids of the rules that fired
    review: bool = False  # put the turn into the human review queue
    degraded: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()  # why each rule exists, in plain words, in the rules' order
    policy: str = ""  # version of the rules
    buttons: tuple[tuple[str, str], ...] = ()  # (id, title) under the text
    list_label: str = ""  # what opens them where they are a list


# ── 9 send_message ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class StepTiming:
    name: StepName
    ms: float
    outcome: str  # ok | fallback | skipped | failed


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """All that is known of a turn when its reply is committed; logged and replayed from."""

    turn: Turn
    parsed: Parsed
    consent: Consent
    context: CustomerContext | None = None
    documents: Documents | None = None
    risk: Risk | None = None
    draft: Draft | None = None
    validated: Validated | None = None
    compliance: Compliance | None = None
    timings: tuple[StepTiming, ...] = ()
    degraded: tuple[str, ...] = ()  # marks of every fallback taken, in order


# "handoff": with it the conversation becomes a person's
Purpose = Literal["answer", "opt_out", "resubscribe", "handoff"]


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A message template as Meta knows it."""

    name: str
    language: str  # Meta's code: en_US, hi, es, fr


@dataclass(frozen=True, slots=True)
class Reply:
    """One outgoing message. Buttons make it an interactive message, with a label a list."""

    text: str
    buttons: tuple[tuple[str, str], ...] = ()  # (id, title), at most three; of a list ten
    purpose: Purpose = "answer"
    template: TemplateRef | None = None  # `text` is then what the template shows
    list_label: str = ""  # what opens the list


@dataclass(frozen=True, slots=True)
class SendOrder:
    record: TurnRecord
    reply: Reply
    part: int = 0  # 1 and up: sent because the part before it failed
    resumed: bool = False  # committed before as deferred, and due now


SendOutcome = Literal[
    "sent",  # Graph accepted it
    "superseded",  # newer messages arrived first: answer all of them together
    "suppressed",  # opted out, or a human took over
    "held",  # outside the 24-hour window: a human is told
    "fenced",  # the lease was lost: another worker has the conversation
    "parked",  # ambiguous: settled by the status webhook
    "deferred",  # committed, and sent later: the sender is held, or a limit asks to wait
    "failed",  # Graph refused it for good
]


@dataclass(frozen=True, slots=True)
class Sent:
    outcome: SendOutcome
    wamid: Wamid | None = None
    reason: str = ""


# ── 10 log_interaction and 11 update_lead_score ──────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Interaction:
    record: TurnRecord
    reply: Reply
    sent: Sent


@dataclass(frozen=True, slots=True)
class Logged:
    stage: Stage


@dataclass(frozen=True, slots=True)
class Lead:
    score: int  # 0 to 100
    band: Band
    evidence: tuple[tuple[str, int], ...] = ()  # (feature, points), largest first
    follow_up: bool = False  # tell sales
    messages: tuple[int, ...] = ()  # inbox ids of what the customer wrote in this turn


@dataclass(frozen=True, slots=True)
class TurnResult:
    """How a turn ended, with every step's outcome and time."""

    record: TurnRecord
    sent: Sent | None  # None: nothing was to be said
    reply: Reply | None
    logged: Logged | None = None
    lead: Lead | None = None


pickle_by_position(__name__)
