"""A past turn run again, step by step, from its record: nothing is sent, stored or counted.

Every step gets the inputs that it had then, so the first one that differs is the one that changed,
and not one that was fed differently. Steps that act on the world are left out.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from serving import flow
from serving.errors import SwitchbackError
from serving.middleware import StepSpec, Transport, compose, with_deadline
from serving.types import (
    ComplianceQuery,
    GenerationQuery,
    RetrievalQuery,
    RiskQuery,
    StepName,
    TurnId,
    TurnRecord,
    ValidationQuery,
)

LEFT_OUT: dict[StepName, str] = {
    "check_unsubscribed": "it records consent",
    "build_context": "what is known of a customer changes with every turn",
    "send_message": "it sends",
    "log_interaction": "it writes the log",
    "update_lead_score": "it writes the score",
}

# What of an output is compared. Scores, tokens and costs vary without meaning anything.
COMPARED: dict[StepName, tuple[str, ...]] = {
    "parse_message": ("language", "script", "intent", "sentiment", "entities", "unsure"),
    "retrieve_documents": ("epoch", "passages"),
    "analyze_ban_risk": ("score", "level", "factors"),
    "generate_response": ("text", "tier", "model", "citations", "hands_over"),
    "validate_response": ("text", "confidence", "citations", "issues"),
    "check_compliance": ("text", "allowed", "rules", "review"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class StepReplay:
    name: StepName
    outcome: Literal["same", "differs", "failed", "left out", "not run"]
    detail: str = ""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    turn_id: str
    steps: tuple[StepReplay, ...]  # all eleven, in the flow's order
    first_difference: StepName | None  # of the steps that were run again


async def replay(record: TurnRecord, transport: Transport) -> Replay:
    """Run every step again that only reads; say what differs from the record."""
    anonymous = _unknown_to_stores(record)
    again = {spec.name: (spec, item, then) for spec, item, then in _calls(anonymous)}
    call = compose(transport, with_deadline)
    steps = []
    for row in flow.FLOW:
        if row.name in LEFT_OUT:
            steps.append(StepReplay(row.name, "left out", LEFT_OUT[row.name]))
        elif row.name not in again:
            steps.append(StepReplay(row.name, "not run", "the turn had ended before it"))
        else:
            steps.append(await _step(*again[row.name], call))
    differing = (step.name for step in steps if step.outcome in ("differs", "failed"))
    return Replay(record.turn.turn_id, tuple(steps), next(differing, None))


def _calls(record: TurnRecord) -> Iterator[tuple[StepSpec[Any, Any], Any, Any]]:
    """Each step with the input it had and the output it gave."""
    turn, parsed = record.turn, record.parsed
    yield flow.PARSE_MESSAGE, turn, parsed
    context, documents, risk = record.context, record.documents, record.risk
    if context is None or documents is None or risk is None:
        return
    yield flow.RETRIEVE_DOCUMENTS, RetrievalQuery(turn, parsed), documents
    yield flow.ANALYZE_BAN_RISK, RiskQuery("\n".join(turn.recent_replies)), risk
    if record.draft is None or record.validated is None:
        return
    wanted = GenerationQuery(turn, parsed, context, documents, risk)
    yield flow.GENERATE_RESPONSE, wanted, record.draft
    checked = ValidationQuery(turn, parsed, context, documents, record.draft)
    yield flow.VALIDATE_RESPONSE, checked, record.validated
    if record.compliance is not None:
        query = ComplianceQuery(turn, parsed, context, record.validated)
        yield flow.CHECK_COMPLIANCE, query, record.compliance


def _unknown_to_stores(record: TurnRecord) -> TurnRecord:
    """Under ids that nothing is stored for: what a step keeps of a turn is not used."""
    messages = tuple(replace(message, inbox_id=0) for message in record.turn.messages)
    turn = replace(record.turn, turn_id=TurnId(str(uuid.uuid4())), messages=messages)
    return replace(record, turn=turn)


async def _step(spec: StepSpec[Any, Any], item: Any, then: Any, call: Transport) -> StepReplay:
    try:
        now = await call(spec, item)
    except SwitchbackError as error:
        return StepReplay(spec.name, "failed", str(error)[:300])
    differences = tuple(
        Difference(name, _shown(getattr(then, name)), _shown(getattr(now, name)))
        for name in COMPARED[spec.name]
        if _shown(getattr(then, name)) != _shown(getattr(now, name))
    )
    return StepReplay(spec.name, "differs" if differences else "same", differences=differences)


def _shown(value: Any) -> str:
    """Passages by their ids and not their scores; all else as it prints."""
    if isinstance(value, tuple) and value and hasattr(value[0], "chunk_id"):
        return ", ".join(f"{passage.doc}@{passage.span}" for passage in value)
    return str(dict(sorted(value.items()))) if isinstance(value, dict) else str(value)
