"""Whole answers to the golden questions: true, sourced, in the customer's language, or declined."""

import asyncio
from collections.abc import Iterator, Sequence

from deployments.parts import chat_endpoints
from deployments.settings import Settings
from evals.answering.judge import Golden, declines, golden, language_of, unsupported
from evals.answering.knowledge import LocalKnowledge
from evals.answering.models import reachable_chat
from evals.answering.world import Answer, World
from evals.frame.evaluation import Evaluation
from evals.frame.measure import Measure, Outcome, accuracy
from serving.business import Business, load_business
from serving.steps.parse_message import ParseMessage
from serving.understanding import heads


def run(settings: Settings) -> Iterator[Measure]:
    knowledge = LocalKnowledge.open(settings)
    business = load_business(settings.business)
    world = World(knowledge, reachable_chat(settings, chat_endpoints(settings)), business)
    world.parse = ParseMessage(knowledge, heads=heads.load(), embedder=knowledge.encoder)
    answers = asyncio.run(_ask(world, [one.question for one in golden()]))
    pairs = list(zip(golden(), answers, strict=True))
    yield Measure(
        "supported",
        accuracy,
        [
            _outcome(one, [], unsupported(got, one.question, knowledge.pages, business), got)
            for one, got in pairs
        ],
        floor=0.98,
    )
    unanswerable = [(one, got) for one, got in pairs if not one.answerable]
    yield Measure(
        "abstains",
        accuracy,
        [_outcome(one, "declined", _manner(got, business), got) for one, got in unanswerable],
        floor=0.9,
    )
    answerable = [(one, got) for one, got in pairs if one.answerable]
    yield Measure(
        "answers",
        accuracy,
        [_outcome(one, "answered", _manner(got, business), got) for one, got in answerable],
    )
    yield Measure(
        "sourced",
        accuracy,
        [
            _outcome(one, "expected page", _page(one, got), got)
            for one, got in answerable
            if not declines(got, business)
        ],
    )
    yield Measure(
        "language",
        accuracy,
        [_outcome(one, one.variety, language_of(got.text), got) for one, got in pairs],
        floor=0.98,
    )


async def _ask(world: World, questions: Sequence[str]) -> list[Answer]:
    await world.warm_up()
    return await world.answer_all(questions)


def _manner(got: Answer, business: Business) -> str:
    return "declined" if declines(got, business) else "answered"


def _page(one: Golden, got: Answer) -> str:
    cited = {citation.doc for citation in got.validated.citations}
    return "expected page" if cited & one.docs else "another page"


def _outcome(one: Golden, expected: object, got: object, answer: Answer) -> Outcome:
    return Outcome(one.id, one.variety, expected, got, text=f"{one.question} -> {answer.text}")


EVALUATION = Evaluation("answers", "golden questions answered with the models at hand", run)
