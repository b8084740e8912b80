"""Step 9: one message at most, whatever Graph does."""

from collections import deque

import pytest

from serving.errors import Failure, Retryable
from serving.graph_errors import UNREACHED, rule_for
from serving.ports import GraphResult, Settlement
from serving.steps.send_message import SendMessage, SendSettings
from serving.types import Reply, SendOrder, SendOutcome, Sent, TemplateRef, Wamid
from tests.fakes.stores import FakeClock, FakeGraph, FakeOutbox
from tests.fakes.values import order, record, turn

pytestmark = pytest.mark.anyio
ACCEPTED = GraphResult("accepted", Wamid("wamid.OUT"))
QUICK = SendSettings(budget_s=3.0, first_delay_s=0.01)
UNSENT = GraphResult("refused", detail="not sent", rule=UNREACHED)


def step(
    graph: FakeGraph,
    outbox: FakeOutbox,
    settings: SendSettings = QUICK,
) -> SendMessage:
    return SendMessage(outbox, graph, FakeClock(), settings)


def refused(code: int, detail: str = "no") -> GraphResult:
    return GraphResult("refused", code=code, detail=detail, rule=rule_for(code))


def answering(*results: GraphResult) -> FakeGraph:
    return FakeGraph(deque(results))


async def test_an_accepted_message_is_settled_with_its_id() -> None:
    """The gate's callback data travels with it and finds the row again."""
    graph, outbox = answering(ACCEPTED), FakeOutbox()
    assert await step(graph, outbox).one(order()) == Sent("sent", Wamid("wamid.OUT"))
    assert graph.sent[0].callback_data == "t1:0"
    assert outbox.settled["t1:0"] == Settlement("sent", Wamid("wamid.OUT"))


@pytest.mark.parametrize("outcome", ["superseded", "suppressed", "held", "fenced", "parked"])
async def test_a_closed_gate_sends_nothing(outcome: SendOutcome) -> None:
    """The gate's word is final and nothing is settled."""
    graph, outbox = answering(ACCEPTED), FakeOutbox(outcome=outcome)
    assert (await step(graph, outbox).one(order())).outcome == outcome
    assert graph.sent == []
    assert outbox.settled == {}


async def test_an_ambiguous_send_is_parked_and_never_repeated() -> None:
    """The status webhook will tell; a second try could be a second message."""
    graph, outbox = (
        answering(GraphResult("ambiguous", detail="ReadTimeout"), ACCEPTED),
        FakeOutbox(),
    )
    assert (await step(graph, outbox).one(order())).outcome == "parked"
    assert len(graph.sent) == 1
    assert outbox.settled["t1:0"].outcome == "parked"


async def test_a_turn_that_was_sent_is_not_sent_again() -> None:
    """A second holder of the same turn gets the first one's outcome."""
    graph, outbox = answering(ACCEPTED), FakeOutbox()
    await step(graph, outbox).one(order())
    again = await step(graph, outbox).one(order())
    assert again.outcome == "sent"
    assert again.wamid == "wamid.OUT"
    assert len(graph.sent) == 1


async def test_what_was_surely_not_accepted_is_tried_again() -> None:
    """A refused connection and an unknown error are both survived."""
    graph, outbox = answering(UNSENT, refused(131000), ACCEPTED), FakeOutbox()
    assert (await step(graph, outbox).one(order())).outcome == "sent"
    assert len(graph.sent) == 3


@pytest.mark.parametrize(("code", "calls"), [(1, 3), (131000, 4), (135000, 2)])
async def test_retries_are_counted_and_then_it_is_over(code: int, calls: int) -> None:
    """The table says how often; then the message has failed."""
    graph = answering(refused(code))
    assert (await step(graph, FakeOutbox()).one(order())).outcome == "failed"
    assert len(graph.sent) == calls


@pytest.mark.parametrize(
    ("code", "at_least_s"), [(4, 60), (131016, 30), (131057, 60), (134101, 600), (190, 15)]
)
async def test_a_wait_longer_than_the_budget_is_deferred(code: int, at_least_s: float) -> None:
    """The turn is not held up; the outbox knows when to try again, and why."""
    graph, outbox = answering(refused(code)), FakeOutbox()
    assert (await step(graph, outbox).one(order())).outcome == "deferred"
    assert len(graph.sent) == 1
    ended = outbox.settled["t1:0"]
    assert (ended.outcome, ended.code) == ("deferred", code)
    assert at_least_s <= ended.due_in_s <= 1.5 * at_least_s


async def test_a_graph_that_cannot_be_reached_defers_what_it_cannot_get() -> None:
    """An outage costs time, not the answer."""
    outbox = FakeOutbox()
    sent = await step(answering(UNSENT), outbox, SendSettings(budget_s=1.5)).one(order())
    assert sent.outcome == "deferred"
    assert outbox.settled["t1:0"].code is None
    assert outbox.settled["t1:0"].due_in_s >= 15


async def test_a_number_that_has_used_up_its_throughput_waits() -> None:
    """Briefly here, longer in the outbox."""
    graph = answering(ACCEPTED)
    assert (await step(graph, FakeOutbox(wait_s=60.0)).one(order())).outcome == "deferred"
    assert graph.sent == []
    assert (await step(graph, FakeOutbox(wait_s=0.01)).one(order())).outcome == "sent"


async def test_what_the_gate_puts_in_place_of_the_answer_is_sent() -> None:
    """Outside the window that is a template, and it quotes nothing."""
    graph = answering(ACCEPTED)
    template = Reply("We have an answer.", template=TemplateRef("resume_conversation", "en_US"))
    outbox = FakeOutbox(instead=template)
    await step(graph, outbox).one(order(of=turn("a", "b")))
    assert graph.sent[0].template == template.template
    assert graph.sent[0].reply_to is None


async def test_a_refusal_is_final() -> None:
    """No second call, and the outbox knows why."""
    graph, outbox = (
        answering(refused(131026, "undeliverable")),
        FakeOutbox(),
    )
    assert (await step(graph, outbox).one(order())).outcome == "failed"
    assert len(graph.sent) == 1
    assert outbox.settled["t1:0"].detail == "131026: undeliverable"


async def test_a_refusal_after_an_unclear_try_is_never_reached() -> None:
    """Once unclear, the loop ends even when tries are left."""
    graph = answering(UNSENT, GraphResult("ambiguous"), ACCEPTED)
    sent = await step(graph, FakeOutbox()).one(order())
    assert sent.outcome == "parked"
    assert len(graph.sent) == 2


async def test_settling_is_tried_again_and_its_loss_does_not_undo_the_send() -> None:
    """The message left; the status webhook settles what we could not."""
    outbox = FakeOutbox(settle_errors=1)
    assert (await step(answering(ACCEPTED), outbox).one(order())).outcome == "sent"
    assert outbox.settled["t1:0"].outcome == "sent"
    lost = FakeOutbox(settle_errors=9)
    assert (await step(answering(ACCEPTED), lost).one(order())).outcome == "sent"
    assert lost.settled == {}


async def test_a_gate_that_cannot_be_asked_sends_nothing() -> None:
    """Every order of the batch fails as a value, in its place."""
    graph, outbox = answering(ACCEPTED), FakeOutbox(error=Retryable("database away"))
    results = await step(graph, outbox).many([order(), order(of=turn(turn_id="t2"))])
    assert [type(result) for result in results] == [Failure, Failure]
    assert graph.sent == []
    with pytest.raises(Retryable):
        await step(graph, outbox).one(order())


async def test_a_batch_keeps_its_order() -> None:
    """Each order gets its own gate and its own call."""
    graph, outbox = answering(ACCEPTED), FakeOutbox()
    orders = [order(text, turn(turn_id=text)) for text in ("a", "b", "c")]
    assert [r.outcome for r in await step(graph, outbox).many(orders) if isinstance(r, Sent)] == [
        "sent"
    ] * 3
    assert {message.text for message in graph.sent} == {"a", "b", "c"}


async def test_a_long_text_is_shortened_and_never_split() -> None:
    """One message of at most 4096 characters, whole sentences."""
    graph = answering(ACCEPTED)
    await step(graph, FakeOutbox()).one(order("This is a sentence. " * 400))
    (message,) = graph.sent
    assert len(message.text) <= 4096
    assert message.text.endswith("sentence.")


async def test_buttons_are_cut_to_what_graph_takes() -> None:
    """Three at most, titles of twenty characters, a shorter text."""
    graph = answering(ACCEPTED)
    buttons = tuple((f"id{n}", f"A rather long button title {n}") for n in range(5))
    await step(graph, FakeOutbox()).one(SendOrder(record(), Reply("Word. " * 500, buttons)))
    (message,) = graph.sent
    assert len(message.buttons) == 3
    assert all(len(title) <= 20 for _, title in message.buttons)


async def test_a_list_is_cut_to_what_graph_takes() -> None:
    """Ten rows at most, with titles of twenty-four characters."""
    graph = answering(ACCEPTED)
    rows = tuple((f"id{n}", f"A rather long row title, number {n}") for n in range(12))
    reply = Reply("Which one?", rows, list_label="A label of thirty characters !")
    await step(graph, FakeOutbox()).one(SendOrder(record(), reply))
    (message,) = graph.sent
    assert len(message.buttons) == 10
    assert all(len(title) <= 24 for _, title in message.buttons)
    assert len(message.list_label) == 20
    assert len(message.text) <= 1024


async def test_an_answer_to_a_burst_quotes_the_newest_message() -> None:
    """A single message needs no quote."""
    graph = answering(ACCEPTED)
    await step(graph, FakeOutbox()).one(order(of=turn("a", "b")))
    await step(graph, FakeOutbox()).one(order(of=turn("a")))
    assert [message.reply_to for message in graph.sent] == ["wamid.t1.2", None]


async def test_markdown_is_written_as_whatsapp_shows_it() -> None:
    """Bold, links and headings change; citation markers go."""
    graph = answering(ACCEPTED)
    text = "# Hampta\n**Price** is ₹10,500 [1], see [page](https://switchbacktreks.example/p)"
    await step(graph, FakeOutbox()).one(order(text))
    assert graph.sent[0].text == (
        "*Hampta*\n*Price* is ₹10,500, see page: https://switchbacktreks.example/p"
    )
