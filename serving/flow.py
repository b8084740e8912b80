"""The table of contents: eleven steps, and the only place that knows their order.

1 parse_message ─ 2 check_unsubscribed ─┬─ 3 build_context ──────┐
                                        ├─ 4 retrieve_documents ─┼─ 6 generate_response
                                        └─ 5 analyze_ban_risk ───┘        │
  9 send_message ─ 8 check_compliance ─ 7 validate_response ──────────────┘
      └─┬─ 10 log_interaction
        └─ 11 update_lead_score
"""

import asyncio
import contextlib
from dataclasses import replace
from typing import TypeVar

from serving import fallbacks
from serving.errors import SwitchbackError
from serving.metrics import Counters
from serving.middleware import (
    Journal,
    Meter,
    StepSpec,
    Transport,
    compose,
    with_deadline,
    with_fallback,
    with_retry,
)
from serving.types import (
    Compliance,
    ComplianceQuery,
    Consent,
    ConsentQuery,
    ContextQuery,
    CustomerContext,
    Documents,
    Draft,
    GenerationQuery,
    Interaction,
    Lead,
    Logged,
    Parsed,
    Purpose,
    Reply,
    RetrievalQuery,
    Risk,
    RiskQuery,
    SendOrder,
    Sent,
    StepName,
    StepTiming,
    Turn,
    TurnRecord,
    TurnResult,
    Validated,
    ValidationQuery,
)

# fmt: off
PARSE_MESSAGE = StepSpec[Turn, Parsed](
    "parse_message", needs=(), deadline_s=2.0, retries=1,
    on_failure="fallback", fallback=fallbacks.parsed,
    why="an unsure reading is still answered from the documents",
)
CHECK_UNSUBSCRIBED = StepSpec[ConsentQuery, Consent](
    "check_unsubscribed", needs=("parse_message",), deadline_s=3.0, retries=2,
    on_failure="stop",
    why="without knowing the consent nothing may be sent",
)
BUILD_CONTEXT = StepSpec[ContextQuery, CustomerContext](
    "build_context", needs=("check_unsubscribed",), deadline_s=2.0, retries=1,
    on_failure="fallback", fallback=fallbacks.context,
    why="a stranger's answer beats none",
)
RETRIEVE_DOCUMENTS = StepSpec[RetrievalQuery, Documents](
    "retrieve_documents", needs=("parse_message", "check_unsubscribed"), deadline_s=5.0, retries=1,
    on_failure="fallback", fallback=fallbacks.documents,
    why="without sources the reply declines and offers a human",
)
ANALYZE_BAN_RISK = StepSpec[RiskQuery, Risk](
    "analyze_ban_risk", needs=("check_unsubscribed",), deadline_s=2.0, retries=1,
    on_failure="fallback", fallback=fallbacks.risk,
    why="unknown risk is treated as medium: plain words only",
)
GENERATE_RESPONSE = StepSpec[GenerationQuery, Draft](
    # Two cores write 19 tokens/s with the small model; a typing bubble lasts 25 s.
    "generate_response", needs=("build_context", "retrieve_documents", "analyze_ban_risk"),
    deadline_s=25.0, retries=0,
    on_failure="fallback", fallback=fallbacks.draft,
    why="the best passage is quoted rather than nothing said",
)
VALIDATE_RESPONSE = StepSpec[ValidationQuery, Validated](
    "validate_response", needs=("generate_response",), deadline_s=3.0, retries=1,
    on_failure="fallback", fallback=fallbacks.validated,
    why="an unchecked draft is never sent",
)
CHECK_COMPLIANCE = StepSpec[ComplianceQuery, Compliance](
    "check_compliance", needs=("validate_response",), deadline_s=2.0, retries=1,
    on_failure="fallback", fallback=fallbacks.compliance,
    why="an unchecked reply is replaced by a safe one and reviewed",
)
SEND_MESSAGE = StepSpec[SendOrder, Sent](
    "send_message", needs=("check_compliance",), deadline_s=20.0, retries=0,
    on_failure="stop",
    why="whether it left is settled by the outbox, never by a second try from here",
)
LOG_INTERACTION = StepSpec[Interaction, Logged](
    "log_interaction", needs=("send_message",), deadline_s=5.0, retries=2,
    on_failure="stop",
    why="the turn stays answered-but-unlogged and is picked up again",
)
UPDATE_LEAD_SCORE = StepSpec[Interaction, Lead](
    "update_lead_score", needs=("send_message",), deadline_s=5.0, retries=2,
    on_failure="stop",
    why="as log_interaction",
)
# fmt: on

FLOW: tuple[StepSpec, ...] = (  # type: ignore[type-arg]  # rows differ in their edge types
    PARSE_MESSAGE,
    CHECK_UNSUBSCRIBED,
    BUILD_CONTEXT,
    RETRIEVE_DOCUMENTS,
    ANALYZE_BAN_RISK,
    GENERATE_RESPONSE,
    VALIDATE_RESPONSE,
    CHECK_COMPLIANCE,
    SEND_MESSAGE,
    LOG_INTERACTION,
    UPDATE_LEAD_SCORE,
)

In = TypeVar("In")
Out = TypeVar("Out")

LOGGED_OUTCOMES = frozenset({"sent", "parked", "held", "failed", "deferred"})


async def run(turn: Turn, transport: Transport, meter: Meter | None = None) -> TurnResult:
    """Take one turn through the flow.

    Raises `SwitchbackError` when a step that may not be skipped fails; the router then decides
    whether to try the turn again.
    """
    journal, call = _journalled(transport, meter)

    parsed = await call(PARSE_MESSAGE, turn)
    consent = await call(CHECK_UNSUBSCRIBED, ConsentQuery(turn, parsed))
    record = TurnRecord(turn, parsed, consent)
    if consent.ends_turn:
        reply = _confirmation(consent)
    elif turn.is_stale(turn.started_at):
        return TurnResult(_complete(record, journal), Sent("held", reason="stale"), reply=None)
    else:
        record = await _write_reply(record, call)
        assert record.compliance is not None
        reply = _answer(record, record.compliance)
    record = replace(record, timings=tuple(journal.timings), degraded=_marks(record, journal))
    for mark in record.degraded:
        journal.meter.degraded(mark)
    if reply is None:
        return TurnResult(_complete(record, journal), sent=None, reply=None)

    sent = await call(SEND_MESSAGE, SendOrder(record, reply))
    result = TurnResult(record, sent, reply)
    if sent.outcome in LOGGED_OUTCOMES:
        record = replace(record, timings=tuple(journal.timings))
        result = await _remember(Interaction(record, reply, sent), call)
    return replace(result, record=_complete(result.record, journal))


async def understand(turn: Turn, transport: Transport, meter: Meter | None = None) -> Parsed:
    """Step 1 alone, of messages that came while another turn is under way."""
    _, call = _journalled(transport, meter)
    return await call(PARSE_MESSAGE, turn)


async def log(
    interaction: Interaction, transport: Transport, meter: Meter | None = None
) -> TurnResult:
    """Steps 10 and 11 of a turn that was answered by a holder that died before logging it."""
    _, call = _journalled(transport, meter)
    return await _remember(interaction, call)


def _journalled(transport: Transport, meter: Meter | None) -> tuple[Journal, Transport]:
    journal = Journal(meter=meter or Counters())
    return journal, compose(transport, with_fallback(journal), with_retry, with_deadline)


async def _write_reply(record: TurnRecord, call: Transport) -> TurnRecord:
    turn, parsed = record.turn, record.parsed
    # The longest of the three leaves first.
    documents, context, risk = await asyncio.gather(
        call(RETRIEVE_DOCUMENTS, RetrievalQuery(turn, parsed)),
        call(BUILD_CONTEXT, ContextQuery(turn)),
        call(ANALYZE_BAN_RISK, RiskQuery("\n".join(turn.recent_replies))),
    )
    draft = await call(GENERATE_RESPONSE, GenerationQuery(turn, parsed, context, documents, risk))
    validated = await call(
        VALIDATE_RESPONSE, ValidationQuery(turn, parsed, context, documents, draft)
    )
    compliance = await call(CHECK_COMPLIANCE, ComplianceQuery(turn, parsed, context, validated))
    return replace(
        record,
        context=context,
        documents=documents,
        risk=risk,
        draft=draft,
        validated=validated,
        compliance=compliance,
    )


async def _remember(interaction: Interaction, call: Transport) -> TurnResult:
    """Steps 10 and 11. The customer has the answer: a failure here is not the turn's failure."""
    logging = _attempt(call, LOG_INTERACTION, interaction)
    scoring = _attempt(call, UPDATE_LEAD_SCORE, interaction)
    logged, lead = await asyncio.gather(logging, scoring)
    return TurnResult(interaction.record, interaction.sent, interaction.reply, logged, lead)


async def _attempt(call: Transport, spec: StepSpec[In, Out], item: In) -> Out | None:
    with contextlib.suppress(SwitchbackError):  # journalled by the middleware
        return await call(spec, item)
    return None


def _answer(record: TurnRecord, allowed: Compliance) -> Reply:
    hands_over = record.draft is not None and record.draft.hands_over
    purpose: Purpose = "handoff" if hands_over else "answer"
    return Reply(allowed.text, allowed.buttons, purpose, list_label=allowed.list_label)


def _confirmation(consent: Consent) -> Reply | None:
    match consent.action:
        case "none":
            return None
        case "opt_out" | "resubscribe":
            return Reply(consent.confirmation, purpose=consent.action)


def _marks(record: TurnRecord, journal: Journal) -> tuple[str, ...]:
    """Every fallback taken, by the middleware or inside a step, each once."""
    inside = [
        *(f"parse_message:{mark}" for mark in record.parsed.degraded),
        *(f"build_context:missing:{source}" for source in _missing(record)),
        *(record.documents.degraded if record.documents else ()),
        *(record.draft.degraded if record.draft else ()),
        *(record.validated.degraded if record.validated else ()),
        *(record.compliance.degraded if record.compliance else ()),
    ]
    return tuple(dict.fromkeys([*journal.degraded, *inside]))


def _missing(record: TurnRecord) -> tuple[str, ...]:
    return record.context.missing if record.context else ()


def _complete(record: TurnRecord, journal: Journal) -> TurnRecord:
    """The record with one timing per step, those that were not called marked skipped."""
    called: dict[StepName, StepTiming] = {timing.name: timing for timing in journal.timings}
    timings = tuple(called.get(spec.name, StepTiming(spec.name, 0.0, "skipped")) for spec in FLOW)
    return replace(record, timings=timings)
