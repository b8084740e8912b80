"""How warm a lead is: points for what the record of a turn shows, each named.

A pure function of the record, so the same log gives the same score. Interest fades: what an earlier
turn earned counts less with each turn that brings nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from serving.stages import stage_after
from serving.types import Band, Intent, Interaction, Lead, Stage, TurnRecord

HOT, WARM = 70, 40
KEPT_PERCENT = 85  # of the earlier score, when this turn alone would earn less

READINESS: Mapping[Stage, int] = {
    "initial": 0, "inquiry": 10, "consideration": 22, "decision": 38, "booked": 20, "post_trip": 12,
    "lost": 0,
}  # fmt: skip
INTENT: Mapping[Intent, int] = {
    "booking": 22, "availability": 14, "pricing": 10, "human_handoff": 8, "trek_info": 4,
}  # fmt: skip
DETAIL = {"trek": 6, "date": 8, "group_size": 8, "price": 5}  # each named at least once
MESSAGE_POINTS, MAX_MESSAGES = 2, 5  # of earlier messages of theirs
RETURNING, PREMIUM, FITS_BUDGET = 8, 4, 4
MOOD = {"positive": 5, "neutral": 0, "negative": -10}
FOLLOW_UP_INTENTS: frozenset[Intent] = frozenset({"booking", "availability", "human_handoff"})


def band_of(score: int) -> Band:
    if score >= HOT:
        return "hot"
    return "warm" if score >= WARM else "cold"


def score(interaction: Interaction) -> Lead:
    """The lead after this turn, with what it was made of, largest first."""
    record = interaction.record
    stage = stage_after(interaction)
    messages = tuple(message.inbox_id for message in record.turn.messages)
    if stage == "lost":
        return Lead(0, "cold", ((f"stage:{stage}", 0),), messages=messages)
    evidence = {name: points for name, points in _evidence(record, stage).items() if points}
    earned = _clamp(sum(evidence.values()))
    kept = _clamp(_earlier(record) * KEPT_PERCENT // 100)
    if kept > earned:
        evidence["earlier_interest"] = kept - earned
    total = max(earned, kept)
    ordered = sorted(evidence.items(), key=lambda item: (-item[1], item[0]))
    follow_up = _follow_up(record, stage, total)
    return Lead(total, band_of(total), tuple(ordered), follow_up, messages)


def replayed(log: Sequence[Interaction]) -> list[Lead]:
    """The lead after each turn of one conversation, from its records alone, oldest first."""
    leads: list[Lead] = []
    for interaction in log:
        earlier = leads[-1].score if leads else None
        leads.append(score(_after(interaction, earlier)))
    return leads


def _after(interaction: Interaction, earlier: int | None) -> Interaction:
    """The interaction with the score that the replay has reached; one that was unknown stays so."""
    record = interaction.record
    if earlier is None or record.context is None or "lead" in record.context.missing:
        return interaction
    context = replace(record.context, lead_score=earlier)
    return replace(interaction, record=replace(record, context=context))


def _evidence(record: TurnRecord, stage: Stage) -> dict[str, int]:
    parsed, context = record.parsed, record.context
    evidence = {
        f"stage:{stage}": READINESS[stage],
        f"intent:{parsed.intent}": 0 if parsed.unsure else INTENT.get(parsed.intent, 0),
        f"mood:{parsed.sentiment}": MOOD[parsed.sentiment],
    }
    for kind in sorted({entity.type for entity in parsed.entities}):
        evidence[f"names:{kind}"] = DETAIL[kind]
    if context:
        messages = sum(message.role == "customer" for message in context.history)
        evidence["messages"] = MESSAGE_POINTS * min(messages, MAX_MESSAGES)
        evidence["returning"] = RETURNING if context.bookings else 0
        evidence["tier"] = PREMIUM if context.profile.tier != "standard" else 0
        evidence["budget_known"] = FITS_BUDGET if context.preferences.budget_inr else 0
    return evidence


def _earlier(record: TurnRecord) -> int:
    return record.context.lead_score if record.context else 0


def _follow_up(record: TurnRecord, stage: Stage, total: int) -> bool:
    """Sales calls while it is hot; not when the trip is booked or the customer is upset."""
    wants = record.parsed.intent in FOLLOW_UP_INTENTS or total >= HOT
    ready = stage in ("consideration", "decision") and total >= WARM
    return wants and ready and record.parsed.sentiment != "negative"


def _clamp(points: int) -> int:
    return max(0, min(100, points))
