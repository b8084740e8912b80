"""Stages and lead scores: moved by evidence, the same from the same log."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.leads import band_of, replayed, score
from serving.stages import stage_after
from serving.types import (
    INTENTS,
    Booking,
    Consent,
    CustomerContext,
    HistoryMessage,
    Intent,
    Interaction,
    Stage,
)
from tests.fakes.stores import NOON
from tests.fakes.values import booking, context, interaction, parsed, turn


def at_stage(stage: Stage, *bookings: Booking, lead_score: int = 0) -> CustomerContext:
    return replace(context(bookings=bookings), stage=stage, lead_score=lead_score)


@pytest.mark.parametrize(
    ("before", "intent", "after"),
    [
        ("initial", "smalltalk", "initial"),
        ("initial", "trek_info", "inquiry"),
        ("inquiry", "pricing", "consideration"),
        ("consideration", "availability", "consideration"),
        ("consideration", "booking", "decision"),
        ("decision", "trek_info", "decision"),
        ("decision", "human_handoff", "decision"),
        ("lost", "smalltalk", "lost"),
        ("lost", "pricing", "consideration"),
    ],
)
def test_stages_go_forward_by_what_was_asked(before: Stage, intent: Intent, after: Stage) -> None:
    """A lost customer starts again, a decided one is not set back."""
    assert stage_after(interaction(parsed(intent), at_stage(before))) == after


@pytest.mark.parametrize(
    ("bookings", "intent", "after"),
    [
        ((booking(),), "support", "booked"),
        ((booking("completed", "2026-08-08"),), "smalltalk", "post_trip"),
        ((booking("completed", "2026-08-08"),), "pricing", "consideration"),
        ((booking("confirmed", "2026-11-01"),), "trek_info", "post_trip"),
        ((booking("cancelled"),), "cancellation_refund", "lost"),
        ((booking("cancelled"),), "pricing", "consideration"),
    ],
)
def test_bookings_decide_before_words_do(
    bookings: tuple[Booking, ...], intent: Intent, after: Stage
) -> None:
    """A trip ahead is booked, a trip behind is post-trip until a new one is asked about."""
    assert stage_after(interaction(parsed(intent), at_stage("initial", *bookings))) == after


def test_an_opt_out_of_everything_is_a_loss_and_of_promotions_is_not() -> None:
    """The scope decides."""

    def left(consent: Consent) -> Interaction:
        done = interaction(parsed("trek_info"), at_stage("decision"))
        return replace(done, record=replace(done.record, consent=consent))

    everything = left(Consent(opted_out=True, action="opt_out"))
    assert stage_after(everything) == "lost"
    assert score(everything).score == 0
    marketing = left(Consent(opted_out=False, action="opt_out", scope="marketing"))
    assert stage_after(marketing) == "decision"


def test_readiness_makes_a_lead_hot_and_says_why() -> None:
    """Booking now, with trek, date and people, after some talk."""
    said = tuple(HistoryMessage("customer", "q", NOON + timedelta(minutes=n)) for n in range(4))
    known = replace(at_stage("consideration"), history=said)
    read = parsed(
        "booking",
        "en",
        "latn",
        "positive",
        ("trek", "Chadar"),
        ("date", "2027-01-23"),
        ("group_size", 2),
    )
    lead = score(interaction(read, known))
    assert lead.band == "hot"
    assert lead.follow_up
    assert lead.evidence[0] == ("stage:decision", 38)
    assert sum(points for _, points in lead.evidence) == lead.score


def test_a_first_greeting_is_cold() -> None:
    """Nothing was shown yet."""
    lead = score(interaction(parsed("smalltalk"), at_stage("initial")))
    assert (lead.score, lead.band, lead.follow_up) == (0, "cold", False)


def test_interest_fades_turn_by_turn() -> None:
    """An earlier score counts less each time nothing is added."""
    first = score(interaction(parsed("smalltalk"), at_stage("initial", lead_score=80)))
    second = score(interaction(parsed("smalltalk"), at_stage("initial", lead_score=first.score)))
    assert 80 > first.score > second.score > 0
    assert first.evidence == (("earlier_interest", 68),)


def test_an_upset_customer_is_not_called_by_sales() -> None:
    """However ready they seemed."""
    angry = parsed("booking", "en", "latn", "negative", ("trek", "Chadar"), ("date", "2027-01"))
    assert not score(interaction(angry, at_stage("decision", lead_score=90))).follow_up


def test_bands_begin_where_the_guide_says() -> None:
    """Hot from 70, warm from 40."""
    assert [band_of(points) for points in (0, 39, 40, 69, 70, 100)] == [
        "cold",
        "cold",
        "warm",
        "warm",
        "hot",
        "hot",
    ]


@given(
    st.lists(st.sampled_from(INTENTS), min_size=1, max_size=8),
    st.integers(min_value=0, max_value=100),
)
def test_replaying_the_log_gives_the_same_lead(intents: list[Intent], start: int) -> None:
    """Each turn's record carries all that its score came from."""

    def play() -> list[tuple[int, Stage]]:
        points, stage, seen = start, "initial", []
        for intent in intents:
            turn = interaction(parsed(intent), at_stage(stage, lead_score=points))
            points, stage = score(turn).score, stage_after(turn)
            assert 0 <= points <= 100
            seen.append((points, stage))
        return seen

    assert play() == play()


@given(
    st.lists(
        st.tuples(st.sampled_from(INTENTS), st.sampled_from([0, 1, 2])), min_size=1, max_size=6
    )
)
def test_the_log_gives_the_same_scores_again(turns: list[tuple[Intent, int]]) -> None:
    """Whatever was asked, a replay of the records ends at what was stored, turn by turn."""
    log: list[Interaction] = []
    stored = 0
    for number, (intent, said) in enumerate(turns):
        spoken = tuple(HistoryMessage("customer", "hm", NOON) for _ in range(said))
        known = replace(at_stage("inquiry", lead_score=stored), history=spoken)
        log.append(interaction(parsed(intent), known, turn(turn_id=f"t{number}")))
        stored = score(log[-1]).score
    assert [lead.score for lead in replayed(log)] == [score(one).score for one in log]
    assert replayed(log)[-1].score == stored


def test_a_lead_names_the_messages_that_moved_it() -> None:
    """By our own ids: Meta's hold a telephone number."""
    assert score(interaction(of=turn("price?", "and in May?"))).messages == (1, 2)
