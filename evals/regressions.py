"""The gate itself: twelve regressions it must stop, twenty equal runs it must let pass."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from deployments.settings import Settings
from evals.answering.judge import language_of
from evals.answering.small_house import (
    CASES,
    INVENTED,
    REFUSED,
    Case,
    ModestModel,
    SmallKnowledge,
    replies,
    small_pages,
    small_world,
)
from evals.answering.world import Answer, World
from evals.frame.evaluation import Evaluation
from evals.frame.gate import failures
from evals.frame.measure import Measure, Outcome, accuracy
from evals.frame.report import Report, write
from models.types import Tier
from serving.business import Business, load_business
from serving.policy import Policy
from serving.ports import ChatModel, ChatReply, ChatRequest
from serving.step import Step
from serving.steps.check_compliance import CheckCompliance
from serving.steps.generate_response import GenerateResponse
from serving.steps.retrieve_documents import RetrieveDocuments
from serving.steps.validate_response import ValidateResponse
from serving.types import Compliance, Draft, Parsed, Validated
from serving.understanding.optout import OptOut, detect

EQUAL_RUNS = 20
STOPPED, PASSED = "stopped", "passed"
STOPS = (
    "stop", "STOP!", "unsubscribe", "please stop messaging me", "parar", "no más mensajes",
    "arrêtez de m'écrire", "désabonner", "band karo", "message mat bhejo", "बंद करो", "रोकें",
)  # fmt: skip
Change = Callable[[World, Business], None]
Detector = Callable[[str], OptOut]


class Altered(Step[Any, Any]):
    """A step whose output is changed on its way."""

    def __init__(self, inner: Step[Any, Any], change: Callable[[Any], Any]) -> None:
        self.name = inner.name  # type: ignore[misc]  # the altered step stands in its place
        self._inner, self._change = inner, change

    async def warm_up(self) -> None:
        await self._inner.warm_up()

    async def one(self, item: Any) -> Any:
        return self._change(await self._inner.one(item))


class Unprompted:
    """A model that is no longer told the rules."""

    def __init__(self, inner: ChatModel) -> None:
        self._inner = inner
        self.candidates = inner.candidates

    async def complete(self, request: ChatRequest) -> ChatReply:
        spoken = tuple(one for one in request.messages if one.role != "system")
        return await self._inner.complete(replace(request, messages=spoken))


def _bad_prompt(world: World, business: Business) -> None:
    world.generate = GenerateResponse(Unprompted(ModestModel(0)), business, world.clock)


def _wrong_language(world: World, _: Business) -> None:
    def english(parsed: Parsed) -> Parsed:
        return replace(parsed, language="en", script="latn")

    world.parse = Altered(world.parse, english)


def _stale_index(world: World, _: Business) -> None:
    old = [replace(page, valid_to=None) for page in small_pages() if page.valid_to]
    world.retrieve = RetrieveDocuments(SmallKnowledge(old), world.clock, world.contexts)


def _dropped_citation(world: World, _: Business) -> None:
    def uncited(checked: Validated) -> Validated:
        return replace(checked, citations=())

    world.validate = Altered(world.validate, uncited)


def _doubled_reply(world: World, _: Business) -> None:
    world.comply = Altered(world.comply, lambda out: replace(out, text=f"{out.text}\n{out.text}"))


def _weaker_threshold(world: World, business: Business) -> None:
    world.validate = ValidateResponse(business, SmallKnowledge(), weak_below=0)


def _lost_filter(world: World, _: Business) -> None:
    open_wide = SmallKnowledge(honours_filter=False)
    world.retrieve = RetrieveDocuments(open_wide, world.clock, world.contexts)


def _broken_unit(world: World, _: Business) -> None:
    def feet(out: Compliance) -> Compliance:
        return replace(out, text=out.text.replace(" m", " ft"))

    world.comply = Altered(world.comply, feet)


def _disabled_check(world: World, business: Business) -> None:
    world.comply = CheckCompliance(business, Policy("none", ()))


def _swapped_tier(world: World, _: Business) -> None:
    swapped: dict[Tier, Tier] = {"fast": "quality", "quality": "fast"}

    def swap(draft: Draft) -> Draft:
        return replace(draft, tier=swapped.get(draft.tier, draft.tier))

    world.generate = Altered(world.generate, swap)


def _truncated_history(world: World, _: Business) -> None:
    world.remembers = False


def _nothing(world: World, _: Business) -> None:
    """The house as it is."""


def without_keywords(text: str) -> OptOut:
    """An opt-out that lost the rule of the commonest word."""
    found = detect(text)
    lost = detect("stop").rule
    return replace(found, opt_out=False) if found.rule == lost else found


REGRESSIONS: dict[str, tuple[Change, Detector]] = {
    "bad_prompt": (_bad_prompt, detect),
    "wrong_language": (_wrong_language, detect),
    "stale_index": (_stale_index, detect),
    "dropped_citation": (_dropped_citation, detect),
    "doubled_reply": (_doubled_reply, detect),
    "weaker_threshold": (_weaker_threshold, detect),
    "lost_filter": (_lost_filter, detect),
    "broken_unit": (_broken_unit, detect),
    "disabled_check": (_disabled_check, detect),
    "swapped_tier": (_swapped_tier, detect),
    "truncated_history": (_truncated_history, detect),
    "missing_opt_out_rule": (_nothing, without_keywords),
}


def run(settings: Settings) -> Iterator[Measure]:
    business = load_business(settings.business)
    before = _report(asyncio.run(measures(business)))
    caught = [
        Outcome(name, "regression", STOPPED, _verdict(business, before, *change), must=True)
        for name, change in REGRESSIONS.items()
    ]
    quiet = [
        Outcome(f"run {seed}", "equal", PASSED, _verdict(business, before, seed=seed), must=True)
        for seed in range(1, EQUAL_RUNS + 1)
    ]
    yield Measure("caught", accuracy, caught, floor=1.0)
    yield Measure("quiet", accuracy, quiet, floor=1.0)


def _verdict(
    business: Business,
    before: Report,
    change: Change = _nothing,
    detector: Detector = detect,
    seed: int = 0,
) -> str:
    found = asyncio.run(measures(business, change, detector, seed))
    scores = {measure.name: measure.score for measure in found}
    return STOPPED if failures(_report(found), scores, before) else PASSED


def _report(found: Sequence[Measure]) -> Report:
    return write("small_house", datetime.now(UTC), found)


async def measures(
    business: Business, change: Change = _nothing, detector: Detector = detect, seed: int = 0
) -> list[Measure]:
    """Everything that the gate looks at, of one run of the small house."""
    world = small_world(business, seed)
    change(world, business)
    answered, refused = await replies(world)
    pairs = list(zip(CASES, answered, strict=True))

    def each(
        expected: Callable[[Case], Any], got: Callable[[Answer], Any], *, must: bool = False
    ) -> list[Outcome]:
        return [
            Outcome(one.question, one.language, expected(one), got(answer), must, answer.text)
            for one, answer in pairs
        ]

    figures = [
        Outcome(one.question, one.language, [], _missing(one, answer), must=True, text=answer.text)
        for one, answer in pairs
    ]
    return [
        Measure("figures", accuracy, figures, floor=0.9),
        Measure(
            "invented",
            accuracy,
            each(lambda _: "no", _invents, must=True),
        ),
        Measure("language", accuracy, each(lambda c: c.language, lambda a: language_of(a.text))),
        Measure("cited", accuracy, each(lambda _: True, lambda a: bool(a.validated.citations))),
        Measure("said_once", accuracy, each(lambda _: True, lambda a: _said_once(a.text))),
        Measure("tier", accuracy, each(lambda c: c.tier, lambda a: a.draft.tier)),
        Measure("kept", accuracy, each(lambda _: False, lambda a: bool(a.validated.issues))),
        Measure(
            "refused",
            accuracy,
            [
                Outcome(text, "refused", "refused", _manner(answer), must=True)
                for text, answer in zip(REFUSED, refused, strict=True)
            ],
        ),
        Measure(
            "opt_out",
            accuracy,
            [
                Outcome(text, "stop", "all", detector(text).opt_out and "all", must=True)
                for text in STOPS
            ],
        ),
    ]


def _missing(one: Case, answer: Answer) -> list[str]:
    """Days have other names in other languages; metres and rupees keep theirs."""
    return [figure for figure in one.figures if figure.removesuffix(" days") not in answer.text]


def _invents(answer: Answer) -> str:
    return "yes" if INVENTED in answer.text else "no"


def _heard(found: OptOut) -> str:
    return "silence" if found.opt_out else "something else"


def _manner(answer: Answer) -> str:
    return "answered" if answer.compliance.allowed else "refused"


def _said_once(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) == len(set(lines))


EVALUATION = Evaluation("regressions", "the gate: what it stops and what it lets pass", run)
