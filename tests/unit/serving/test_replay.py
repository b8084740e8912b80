"""Running a past turn again: what is compared, what is left out, what is said of a difference."""

import asyncio
from dataclasses import replace
from typing import Any, TypeVar

from serving import flow
from serving.errors import Retryable
from serving.middleware import StepSpec
from serving.replay import COMPARED, LEFT_OUT, Replay, replay
from serving.types import Compliance, Risk, TurnRecord, Validated
from tests.fakes.values import context, documents, draft, passage, record

In = TypeVar("In")
Out = TypeVar("Out")


def past(**changes: Any) -> TurnRecord:
    """A turn that went through all steps."""
    complete = replace(
        record(),
        context=context(),
        documents=documents(passage("Hampta Pass costs ₹11,500.")),
        risk=Risk(5, "low", {}),
        draft=draft("Hampta Pass costs ₹11,500."),
        validated=Validated("Hampta Pass costs ₹11,500.", 90),
        compliance=Compliance("Hampta Pass costs ₹11,500."),
    )
    return replace(complete, **changes)


class Steps:
    """Steps that answer as a record says, and note what they were asked."""

    def __init__(self, then: TurnRecord, **now: object) -> None:
        self.answers: dict[str, object] = {
            "parse_message": then.parsed,
            "retrieve_documents": then.documents,
            "analyze_ban_risk": then.risk,
            "generate_response": then.draft,
            "validate_response": then.validated,
            "check_compliance": then.compliance,
            **now,
        }
        self.asked: dict[str, Any] = {}

    async def __call__(self, spec: StepSpec[In, Out], item: In) -> Out:
        self.asked[spec.name] = item
        answer = self.answers[spec.name]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]  # that step's


def run(then: TurnRecord, steps: Steps) -> Replay:
    return asyncio.run(replay(then, steps))


def test_an_unchanged_house_gives_no_difference() -> None:
    """Every step is named, in order; those with effects are left out with the reason."""
    then = past()
    steps = Steps(then)
    report = run(then, steps)
    assert report.first_difference is None
    assert [step.name for step in report.steps] == [row.name for row in flow.FLOW]
    assert steps.asked.keys() == COMPARED.keys()
    left_out = {step.name for step in report.steps if step.outcome == "left out"}
    assert left_out == set(LEFT_OUT)


def test_the_first_step_that_differs_is_named_with_both_values() -> None:
    """Later steps get the recorded input, so they do not differ only because it does."""
    then = past()
    steps = Steps(then, generate_response=draft("It costs more now."))
    report = run(then, steps)
    assert report.first_difference == "generate_response"
    (step,) = [step for step in report.steps if step.outcome == "differs"]
    (difference,) = step.differences
    assert (difference.field, difference.now) == ("text", "It costs more now.")
    assert steps.asked["validate_response"].draft == then.draft


def test_scores_alone_are_no_difference() -> None:
    """The same passages with other scores are the same passages."""
    then = past()
    assert then.documents is not None
    passages = tuple(replace(each, score=each.score + 1) for each in then.documents.passages)
    steps = Steps(then, retrieve_documents=replace(then.documents, passages=passages))
    assert run(then, steps).first_difference is None


def test_a_step_that_fails_is_a_difference() -> None:
    """The others are still compared."""
    then = past()
    report = run(then, Steps(then, retrieve_documents=Retryable("no epoch is live yet")))
    assert report.first_difference == "retrieve_documents"
    outcomes = {step.name: step.outcome for step in report.steps}
    assert outcomes["check_compliance"] == "same"


def test_a_turn_that_ended_early_is_compared_as_far_as_it_went() -> None:
    """An opt-out has no draft to compare."""
    then = past(context=None, documents=None, risk=None, draft=None, validated=None)
    report = run(then, Steps(then))
    outcomes = {step.name: step.outcome for step in report.steps}
    assert outcomes["parse_message"] == "same"
    assert outcomes["generate_response"] == "not run"


def test_steps_see_a_turn_that_nothing_is_stored_for() -> None:
    """What a step keeps by turn or message is neither used nor overwritten."""
    then = past()
    steps = Steps(then)
    run(then, steps)
    asked = steps.asked["generate_response"].turn
    assert asked.turn_id != then.turn.turn_id
    assert {message.inbox_id for message in asked.messages} == {0}
    assert asked.text == then.turn.text
