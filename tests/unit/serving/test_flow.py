"""The whole flow with all eleven real steps, in one process, over fakes of the ports."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from serving import fallbacks
from serving.business import load_business
from serving.errors import Failure, Rejected, Retryable, SwitchbackError
from serving.fallbacks import EXTRACTIVE
from serving.flow import FLOW, log, run
from serving.middleware import (
    Journal,
    StepSpec,
    compose,
    with_deadline,
    with_fallback,
    with_retry,
)
from serving.policy import load_policy
from serving.step import Step
from serving.steps.analyze_ban_risk import AnalyzeBanRisk
from serving.steps.build_context import BuildContext
from serving.steps.check_compliance import CheckCompliance
from serving.steps.check_unsubscribed import CheckUnsubscribed
from serving.steps.generate_response import GenerateResponse
from serving.steps.log_interaction import LogInteraction
from serving.steps.parse_message import ParseMessage
from serving.steps.retrieve_documents import RetrieveDocuments
from serving.steps.send_message import SendMessage
from serving.steps.update_lead_score import UpdateLeadScore
from serving.steps.validate_response import ValidateResponse
from serving.types import STEP_NAMES, ContactId, Sent, StepName, TurnResult
from tests.fakes.models import FakeChat, FakeKnowledge
from tests.fakes.stores import (
    FakeClock,
    FakeConsentStore,
    FakeContextStore,
    FakeGraph,
    FakeInteractionLog,
    FakeLeadStore,
    FakeOutbox,
)
from tests.fakes.values import (
    ALIASES,
    INCLUDES,
    PRICE,
    PRICE_ES,
    context,
    interaction,
    passage,
    turn,
)

pytestmark = pytest.mark.anyio
BUSINESS = load_business(Path(__file__).parents[3] / "corpus" / "business.yaml")
QUESTION = "How much is Hampta Pass in September?"
ANSWER = "In September the Hampta Pass trek costs ₹10,500 (USD 125) per person."
PASSAGES = (
    passage(PRICE),
    passage(INCLUDES, doc="prices/includes.md"),
    passage(PRICE_ES, doc="es/hampta.md", language="es"),
)
BEHAVIOURS: dict[StepName, str] = {spec.name: spec.on_failure for spec in FLOW}
In = TypeVar("In")
Out = TypeVar("Out")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class House:
    """Steps, what stands behind them, and a transport that writes down what happens."""

    chat: FakeChat = field(default_factory=lambda: FakeChat(ANSWER))
    consents: FakeConsentStore = field(default_factory=FakeConsentStore)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    graph: FakeGraph = field(default_factory=FakeGraph)
    interactions: FakeInteractionLog = field(default_factory=FakeInteractionLog)
    leads: FakeLeadStore = field(default_factory=FakeLeadStore)
    broken: dict[StepName, SwitchbackError] = field(default_factory=dict)
    started: list[StepName] = field(default_factory=list)
    ended: list[StepName] = field(default_factory=list)
    done_before: dict[StepName, set[StepName]] = field(default_factory=dict)
    together: dict[StepName, set[StepName]] = field(default_factory=lambda: defaultdict(set))
    running: set[StepName] = field(default_factory=set)
    steps: dict[StepName, Step[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        knowledge, clock = FakeKnowledge(PASSAGES, ALIASES), FakeClock()
        made: list[Step[Any, Any]] = [
            ParseMessage(knowledge),
            CheckUnsubscribed(self.consents, BUSINESS.texts()),
            BuildContext(FakeContextStore({ContactId("k1"): context("Ananya")})),
            RetrieveDocuments(knowledge, clock),
            AnalyzeBanRisk(BUSINESS.website.own_domains),
            GenerateResponse(self.chat, BUSINESS, clock),
            ValidateResponse(BUSINESS, knowledge),
            CheckCompliance(BUSINESS, load_policy()),
            SendMessage(self.outbox, self.graph, clock),
            LogInteraction(self.interactions),
            UpdateLeadScore(self.leads),
        ]
        self.steps = {step.name: step for step in made}

    async def open(self) -> None:
        for step in self.steps.values():
            await step.warm_up()

    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out:
        self.started.append(spec.name)
        self.done_before.setdefault(spec.name, set(self.ended))
        self.running.add(spec.name)
        for name in self.running:
            self.together[name] |= self.running - {name}
        try:
            await asyncio.sleep(0)  # as a network would: others get their turn
            await asyncio.sleep(0)
            if error := self.broken.get(spec.name):
                raise error
            (result,) = await self.steps[spec.name].many([item])
        finally:
            self.running.discard(spec.name)
        if isinstance(result, Failure):
            raise result.error()
        self.ended.append(spec.name)
        out: Out = result
        return out

    async def ask(self, text: str = QUESTION, **more: Any) -> TurnResult:
        await self.open()
        return await run(turn(text, **more), self)


def outcomes(result: TurnResult) -> dict[str, str]:
    return {timing.name: timing.outcome for timing in result.record.timings}


async def test_a_question_is_answered_by_eleven_steps() -> None:
    """One grounded, cited reply is sent, logged and scored; every step has its outcome."""
    house = House()
    result = await house.ask()
    assert result.sent is not None
    assert result.sent.outcome == "sent"
    assert house.graph.sent[0].text.startswith(f"Namaste Ananya! {ANSWER}")
    assert result.record.draft is not None
    assert result.record.draft.model == "fake"
    assert result.record.degraded == ()
    assert outcomes(result) == dict.fromkeys(STEP_NAMES, "ok")
    assert result.logged is not None
    assert result.lead is not None
    assert house.interactions.rows.keys() == house.leads.leads.keys() == {"t1"}


def test_the_table_names_every_step_once_and_in_order() -> None:
    """File, class, table and type agree on the eleven names."""
    assert tuple(spec.name for spec in FLOW) == STEP_NAMES
    assert tuple(House().steps) == STEP_NAMES
    folder = Path(__file__).parents[3] / "serving" / "steps"
    assert {file.stem for file in folder.glob("*.py")} - {"__init__"} == set(STEP_NAMES)


async def test_every_step_waits_for_what_it_needs() -> None:
    """The table's `needs` are true of what happens."""
    house = House()
    await house.ask()
    for spec in FLOW:
        assert set(spec.needs) <= house.done_before[spec.name], spec.name


async def test_independent_steps_run_together() -> None:
    """3, 4 and 5 share their time, and so do 10 and 11."""
    house = House()
    await house.ask()
    assert house.together["build_context"] == {"retrieve_documents", "analyze_ban_risk"}
    assert house.together["log_interaction"] == {"update_lead_score"}
    assert house.together["generate_response"] == set()


async def test_remembering_comes_after_the_customer_has_the_answer() -> None:
    """10 and 11 begin when 9 has ended."""
    house = House()
    await house.ask()
    assert {"log_interaction", "update_lead_score"} == set(house.started[-2:])
    assert "send_message" in house.done_before["log_interaction"]


@pytest.mark.parametrize(
    "name", [name for name, behaviour in BEHAVIOURS.items() if behaviour == "fallback"]
)
async def test_a_step_with_a_fallback_does_not_end_the_turn(name: StepName) -> None:
    """The customer gets a reply, and the turn is marked."""
    house = House(broken={name: Rejected("broken")})
    result = await house.ask()
    assert result.sent is not None
    assert result.sent.outcome == "sent"
    assert f"{name}:fallback" in result.record.degraded
    assert outcomes(result)[name].startswith("fallback")
    assert len(house.graph.sent) == 1


@pytest.mark.parametrize("name", ["check_unsubscribed", "send_message"])
async def test_a_step_that_may_not_be_skipped_ends_the_turn(name: StepName) -> None:
    """Nothing is sent without knowing the consent, and a failed send is the router's to judge."""
    house = House(broken={name: Rejected("broken")})
    with pytest.raises(Rejected):
        await house.ask()
    assert house.graph.sent == []


@pytest.mark.parametrize("name", ["log_interaction", "update_lead_score"])
async def test_failing_to_remember_is_not_the_turns_failure(name: StepName) -> None:
    """The reply stays sent, the other of the two is done."""
    house = House(broken={name: Rejected("broken")})
    result = await house.ask()
    assert result.sent is not None
    assert result.sent.outcome == "sent"
    assert outcomes(result)[name] == "failed"
    assert (result.logged is None) == (name == "log_interaction")
    assert (result.lead is None) == (name == "update_lead_score")


async def test_retries_are_those_of_the_table() -> None:
    """A passing fault is tried again as often as the row says; sending never is."""
    for spec in FLOW:
        house = House(broken={spec.name: Retryable("passing")})
        if spec.name in ("check_unsubscribed", "send_message"):
            with pytest.raises(Retryable):
                await house.ask()
        else:
            await house.ask()
        assert house.started.count(spec.name) == spec.retries + 1, spec.name


async def test_fallbacks_are_those_of_the_table() -> None:
    """Without compliance the holding text goes out, in the customer's language."""
    house = House(broken={"check_compliance": Rejected("broken")})
    await house.ask("¿Cuánto cuesta el trek de Hampta Pass?")
    assert house.graph.sent[0].text == fallbacks.holding_text("es", "latn")


async def test_no_model_still_answers_from_the_page() -> None:
    """The quote is marked as one."""
    result = await House(chat=FakeChat(error=Retryable("down"))).ask()
    assert result.record.draft is not None
    assert result.record.draft.model == EXTRACTIVE
    assert "extractive" in result.record.degraded
    assert result.record.validated is not None
    assert result.record.validated.citations


async def test_an_invented_price_never_leaves() -> None:
    """The model's wrong number is replaced by the page's right one."""
    house = House(chat=FakeChat("In September the Hampta Pass trek costs ₹9,999 per person."))
    result = await house.ask()
    assert "9,999" not in house.graph.sent[0].text
    assert "₹10,500" in house.graph.sent[0].text
    assert "validate:unsupported_price" in result.record.degraded


@pytest.mark.parametrize(
    ("text", "language", "begins"),
    [
        ("¿Cuánto cuesta el trek de Hampta Pass?", "es", "¡Namasté, Ananya! De nuestra página"),
        ("Combien coûte le trek Hampta Pass ?", "fr", "Namasté Ananya ! Hampta Pass coûte"),
        ("हम्पटा पास ट्रेक की कीमत कितनी है?", "hi", "नमस्ते Ananya! Hampta Pass की कीमत"),
        ("Hampta Pass ka price kitna hai?", "hi", "Namaste Ananya! Hampta Pass ki price"),
    ],
)
async def test_each_language_is_answered_in_itself(text: str, language: str, begins: str) -> None:
    """From a page of theirs where there is one, else in fixed words; the price is the page's."""
    house = House()
    result = await house.ask(text)
    assert result.record.parsed.language == language
    assert house.graph.sent[0].text.startswith(begins)
    assert "₹10,500" in house.graph.sent[0].text
    assert not any("language_fallback" in mark for mark in result.record.degraded)


async def test_stop_ends_the_turn_with_one_confirmation() -> None:
    """No step that reads or writes an answer is even called."""
    house = House()
    result = await house.ask("STOP")
    assert result.record.consent.opted_out
    assert [message.text for message in house.graph.sent] == [
        BUSINESS.say("opt_out_confirmation", "en")
    ]
    assert outcomes(result)["generate_response"] == "skipped"


async def test_who_opted_out_before_hears_nothing() -> None:
    """A question after STOP is recorded and not answered."""
    house = House(consents=FakeConsentStore({ContactId("k1"): "all"}))
    result = await house.ask()
    assert result.sent is None
    assert result.reply is None
    assert house.graph.sent == []


async def test_a_stale_message_is_a_persons_and_no_model_is_asked() -> None:
    """Older than an hour: held with its reason; STOP is obeyed at any age."""
    house = House()
    await house.open()
    old = turn("How much is Hampta Pass?")
    late = replace(old, started_at=old.started_at + timedelta(minutes=61))
    result = await run(late, house)
    assert result.sent == Sent("held", reason="stale")
    assert house.graph.sent == []
    assert "generate_response" not in house.started
    stop = replace(turn("stop", turn_id="t2"), started_at=late.started_at)
    assert (await run(stop, house)).record.consent.opted_out


async def test_a_superseded_turn_is_not_logged() -> None:
    """It will be answered together with the newer messages."""
    house = House(outbox=FakeOutbox(outcome="superseded"))
    result = await house.ask()
    assert result.sent is not None
    assert result.sent.outcome == "superseded"
    assert house.interactions.rows == {}


async def test_an_answered_turn_whose_holder_died_is_logged_later() -> None:
    """Steps 10 and 11 alone, without a second send."""
    house = House()
    result = await log(interaction(known=context()), house)
    assert result.logged is not None
    assert sorted(house.started) == ["log_interaction", "update_lead_score"]
    assert house.graph.sent == []


async def test_a_slow_step_is_cut_off_at_its_deadline() -> None:
    """What takes longer than its row allows falls back, and the journal says so."""

    async def stuck(spec: StepSpec[In, Out], item: In) -> Out:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    journal = Journal()
    call = compose(stuck, with_fallback(journal), with_retry, with_deadline)
    spec = StepSpec[str, str](
        "parse_message",
        needs=(),
        deadline_s=0.02,
        retries=1,
        on_failure="fallback",
        fallback=str.upper,
    )
    assert await call(spec, "fell back") == "FELL BACK"
    assert journal.degraded == ["parse_message:fallback"]
    assert "longer than 0.02 s" in journal.timings[0].outcome
