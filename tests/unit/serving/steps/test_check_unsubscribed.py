"""Step 2: what is asked for, what is stored, and what is confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from serving.errors import Failure, Retryable
from serving.steps.check_unsubscribed import CheckUnsubscribed
from serving.types import (
    Consent,
    ConsentQuery,
    ContactId,
    ConversationId,
    InboundMessage,
    OptOutScope,
    Parsed,
    Turn,
    TurnId,
    Wamid,
)
from tests.fakes.stores import FakeConsentStore

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
VARIANTS = ("en", "hi", "hi_latn", "es", "fr")
TEXTS = {
    name: {variant: f"{name} {variant}" for variant in VARIANTS}
    for name in (
        "opt_out_confirmation",
        "opt_out_marketing_confirmation",
        "resubscribe_confirmation",
    )
}
CONTACT = ContactId("contact")
ENGLISH = Parsed("en", "latn", "smalltalk", {"smalltalk": 1.0}, "neutral")


@dataclass
class BrokenStore(FakeConsentStore):
    reads: bool = True
    calls: list[int] = field(default_factory=list)

    async def opted_out(self, contacts: Sequence[ContactId]) -> list[OptOutScope | None]:
        self.calls.append(len(contacts))
        if not self.reads:
            raise Retryable("database away")
        return await super().opted_out(contacts)

    async def record(self, contact: ContactId, consent: Consent, wamid: Wamid) -> None:
        raise Retryable("database away")


def query(*texts: str, payload_id: str | None = None, parsed: Parsed = ENGLISH) -> ConsentQuery:
    messages = tuple(
        InboundMessage(place, Wamid(f"wamid.{place}"), "text", text, NOW, payload_id)
        for place, text in enumerate(texts)
    )
    turn = Turn(TurnId("t"), ConversationId("c"), CONTACT, "1", 1, messages, NOW)
    return ConsentQuery(turn, parsed)


async def test_stop_is_recorded_and_confirmed() -> None:
    """The opt-out is stored with the message that asked for it, and ends the turn."""
    store = FakeConsentStore()
    consent = await CheckUnsubscribed(store, TEXTS).one(query("hello", "STOP"))
    assert (consent.opted_out, consent.action, consent.scope) == (True, "opt_out", "all")
    assert consent.confirmation == "opt_out_confirmation en"
    assert consent.ends_turn
    assert store.recorded == [(CONTACT, consent, Wamid("wamid.1"))]


async def test_marketing_only() -> None:
    """Stopping promotions is confirmed in its own words and still allows answers later."""
    store = FakeConsentStore()
    step = CheckUnsubscribed(store, TEXTS)
    consent = await step.one(query("stop promotions please"))
    assert (consent.opted_out, consent.scope) == (False, "marketing")
    assert consent.confirmation == "opt_out_marketing_confirmation en"
    later = await step.one(query("how much is it?"))
    assert (later.opted_out, later.ends_turn, later.scope) == (False, False, "marketing")


async def test_start_subscribes_again() -> None:
    """START lifts a stored opt-out."""
    store = FakeConsentStore({CONTACT: "all"})
    step = CheckUnsubscribed(store, TEXTS)
    consent = await step.one(query("START"))
    assert (consent.opted_out, consent.action) == (False, "resubscribe")
    assert not (await step.one(query("what is the price"))).opted_out


async def test_stored_opt_out_silences() -> None:
    """An ordinary message of an opted-out customer gets no answer and no confirmation."""
    store = FakeConsentStore({CONTACT: "all"})
    consent = await CheckUnsubscribed(store, TEXTS).one(query("how much is it?"))
    assert consent == Consent(opted_out=True, rule="stored")
    assert store.recorded == []


async def test_ordinary_message_passes() -> None:
    """Nothing asked, nothing stored: the turn goes on."""
    consent = await CheckUnsubscribed(FakeConsentStore(), TEXTS).one(query("where is the bus stop"))
    assert consent == Consent(opted_out=False)


@pytest.mark.parametrize(
    ("language", "script", "variant"),
    [("hi", "deva", "hi"), ("hi", "latn", "hi_latn"), ("es", "latn", "es"), ("fr", "latn", "fr")],
)
async def test_confirmation_is_in_the_customers_language(
    language: str, script: str, variant: str
) -> None:
    """Language and script choose the wording."""
    parsed = replace(ENGLISH, language=language, script=script)  # type: ignore[arg-type]  # from a table
    consent = await CheckUnsubscribed(FakeConsentStore(), TEXTS).one(query("stop", parsed=parsed))
    assert consent.confirmation == f"opt_out_confirmation {variant}"


async def test_button_payload_counts() -> None:
    """A tapped opt-out button says it by its id, whatever its title."""
    consent = await CheckUnsubscribed(FakeConsentStore(), TEXTS).one(
        query("No, thanks", payload_id="STOP_PROMOTIONS")
    )
    assert (consent.action, consent.scope) == ("opt_out", "marketing")


async def test_last_control_word_of_a_burst_wins() -> None:
    """STOP and then START within one turn leaves the customer subscribed."""
    consent = await CheckUnsubscribed(FakeConsentStore(), TEXTS).one(query("STOP", "START"))
    assert consent.action == "resubscribe"


async def test_recording_twice_is_recording_once() -> None:
    """A retried turn confirms again without a second record."""
    store = FakeConsentStore()
    step = CheckUnsubscribed(store, TEXTS)
    assert await step.one(query("STOP")) == await step.one(query("STOP"))
    assert len(store.recorded) == 1


async def test_unknown_consent_fails_every_item() -> None:
    """Without the stored state nothing may be sent."""
    results = await CheckUnsubscribed(BrokenStore(reads=False), TEXTS).many(
        [query("hi"), query("STOP")]
    )
    assert [isinstance(result, Failure) for result in results] == [True, True]


async def test_unrecorded_opt_out_is_not_confirmed_and_fails_alone() -> None:
    """A write that fails fails its own item; one read serves the whole batch."""
    store = BrokenStore()
    stop, other = await CheckUnsubscribed(store, TEXTS).many([query("STOP"), query("hi")])
    assert isinstance(stop, Failure)
    assert stop.kind == "retryable"
    assert other == Consent(opted_out=False)
    assert store.calls == [2]


async def test_missing_wording_stops_the_start() -> None:
    """A business file without a confirmation is refused when the step warms up."""
    with pytest.raises(ValueError, match="resubscribe_confirmation"):
        await CheckUnsubscribed(
            FakeConsentStore(), {**TEXTS, "resubscribe_confirmation": {}}
        ).warm_up()


async def test_a_wording_that_the_heads_understood_is_an_opt_out() -> None:
    """What no rule knows counts as step 1 read it, for the last message of the turn."""
    store = FakeConsentStore()
    parsed = replace(ENGLISH, request="stop", request_share=0.9)
    consent = await CheckUnsubscribed(store, TEXTS).one(
        query("your texts are unwanted", parsed=parsed)
    )
    assert (consent.opted_out, consent.rule) == (True, "learned:stop")
