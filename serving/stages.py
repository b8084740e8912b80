"""Where a conversation stands on the way to a trek, moved by evidence only. Pure."""

from datetime import date

from serving.types import Booking, Interaction, Stage, TurnRecord

# Further along is higher; a question about prices does not undo a decision.
PROGRESS: dict[Stage, int] = {"initial": 0, "inquiry": 1, "consideration": 2, "decision": 3}
CANCELLED = frozenset({"cancelled", "canceled", "refunded"})
COMPLETED = frozenset({"completed", "done"})


def stage_after(interaction: Interaction) -> Stage:
    """The stage once this turn is part of the conversation."""
    record = interaction.record
    current = record.context.stage if record.context else "initial"
    if record.consent.opted_out and record.consent.scope == "all":
        return "lost"
    if _cancels_last_trip(record):
        return "lost"
    trip = _trip_stage(record)
    shown = _shown(record)
    if trip == "booked":
        return "booked"
    if trip == "post_trip" and shown in ("initial", "inquiry"):
        return "post_trip"
    if current in ("lost", "post_trip", "booked"):
        # A new round begins with what this turn shows; a mere greeting begins none.
        return current if shown == "initial" else shown
    return max(current, shown, key=lambda stage: PROGRESS.get(stage, 0))


def _shown(record: TurnRecord) -> Stage:
    """What this turn alone is evidence of."""
    parsed = record.parsed
    match parsed.intent:
        case "booking":
            return "decision"
        case "availability" | "pricing":
            return "consideration"
        case "trek_info" if not parsed.unsure:
            return "inquiry"
        case "trek_info" | "cancellation_refund" | "support" | "human_handoff" | "smalltalk":
            return "initial"


def _trip_stage(record: TurnRecord) -> Stage | None:
    today = record.turn.started_at.date()
    active = [booking for booking in _bookings(record) if booking.status not in CANCELLED]
    if any(_departs(booking) >= today and booking.status not in COMPLETED for booking in active):
        return "booked"
    return "post_trip" if active else None


def _cancels_last_trip(record: TurnRecord) -> bool:
    """They ask about cancelling and nothing that they booked is left."""
    bookings = _bookings(record)
    cancelled = bool(bookings) and all(booking.status in CANCELLED for booking in bookings)
    return cancelled and record.parsed.intent == "cancellation_refund"


def _bookings(record: TurnRecord) -> tuple[Booking, ...]:
    return record.context.bookings if record.context else ()


def _departs(booking: Booking) -> date:
    return date.fromisoformat(booking.departs_on)
