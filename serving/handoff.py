"""What a colleague is told when a conversation becomes theirs: short, and with its sources.

Made when it is looked at, from what is stored: always of today, and gone when the person is erased.
Pure; knows no store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.sentences import shorten
from serving.types import Booking, Citation, HistoryMessage, TurnRecord

MAX_SUMMARY_CHARS = 600
MAX_QUOTE_CHARS = 160
MAX_QUOTES = 3

REASONS = {
    "customer": "The customer asked for a person.",
    "agent": "A colleague took over.",
    "echo": "A colleague answered from the business app.",
    "stale": "The messages came too late for the bot to answer.",
    "held": "The 24 hours in which the bot may write are over.",
}


@dataclass(frozen=True, slots=True)
class Handoff:
    """One conversation in a person's hands."""

    reason: str
    since: datetime
    language: str | None
    intent: str | None
    treks: tuple[str, ...]
    summary: str
    unanswered: tuple[str, ...]  # the customer's words since our last reply, oldest first
    citations: tuple[Citation, ...]  # of what the bot said last
    bookings: tuple[Booking, ...]


def handoff(
    reason: str,
    since: datetime,
    records: Sequence[TurnRecord],
    history: Sequence[HistoryMessage],
    bookings: Sequence[Booking],
) -> Handoff:
    """`records` newest first, `history` oldest first."""
    # Asking for a person is no topic, and the promise of one no answer.
    spoken = [record for record in records if record.parsed.intent != "human_handoff"]
    last = next(iter(spoken or records), None)
    validated = next((record.validated for record in spoken if record.validated), None)
    treks = dict.fromkeys(str(v) for record in records for v in record.parsed.values("trek"))
    unanswered = _unanswered(history)
    parts = [
        REASONS.get(reason, ""),
        _about(last, tuple(treks)),
        *(f"“{shorten(words, MAX_QUOTE_CHARS)}”" for words in unanswered[-MAX_QUOTES:]),
        f"The bot last said: “{shorten(validated.text, MAX_QUOTE_CHARS)}”" if validated else "",
        *(f"Booking {b.reference}: {b.trek}, {b.departs_on}, {b.status}." for b in bookings[:2]),
    ]
    return Handoff(
        reason=reason,
        since=since,
        language=last.parsed.language if last else None,
        intent=last.parsed.intent if last else None,
        treks=tuple(treks),
        summary=shorten(" ".join(part for part in parts if part), MAX_SUMMARY_CHARS),
        unanswered=unanswered,
        citations=validated.citations if validated else (),
        bookings=tuple(bookings),
    )


def _about(last: TurnRecord | None, treks: tuple[str, ...]) -> str:
    if last is None:
        return ""
    topic = last.parsed.intent.replace("_", " ")
    about = f"{topic}, {', '.join(treks)}" if treks else topic
    mood = " The mood is bad." if last.parsed.sentiment == "negative" else ""
    return f"About: {about} (in {last.parsed.language}).{mood}"


def _unanswered(history: Sequence[HistoryMessage]) -> tuple[str, ...]:
    since = max((at for at, m in enumerate(history) if m.role != "customer"), default=-1)
    return tuple(message.text for message in history[since + 1 :] if message.text)
