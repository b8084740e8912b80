"""Each tier hung, failing, slow or cut off in its answer: a right one for the customer in time?

    switchback bench tier_faults [--count 500] [--json]

Real are the reading of the question, the choice of the tier, the chain of models with its deadlines
and circuit breakers, the checks of the draft and the fallbacks; pages are a handful, the models an
OpenAI-compatible server on loopback. Right is an answer that holds the figure asked for. Exit
status 1 when fewer than 99.5 % of any kind are right and in time.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.fake_endpoint import FakeEndpoint, Manner
from evals.answering.small_house import SmallKnowledge
from evals.answering.world import World
from models.types import ModelId, Tier
from serving.business import load_business
from serving.chat import ChatEndpoint, OpenAiChat
from serving.flow import GENERATE_RESPONSE

BUSINESS = Path(__file__).parents[1] / "corpus" / "business.yaml"
DEADLINE_S = GENERATE_RESPONSE.deadline_s  # of the slowest step, here for all of them together
SHARE = 0.995
A_SECOND = 25  # questions; all at once would measure this process
PRICE = "In September the Hampta Pass trek costs ₹10,500 per person."
REFUND = "Cancel 30 days or more before departure: you get back 90% of the price as a refund."
QUESTIONS: dict[Tier, tuple[str, str, str]] = {  # with a right answer, and its figure
    "fast": ("How much is Hampta Pass in September?", PRICE, "10,500"),
    "reasoning": ("Is it you? How much is Hampta Pass in September?", PRICE, "10,500"),
    "realtime": ("How much is Hampta Pass in September right now?", PRICE, "10,500"),
    "quality": ("How much refund do I get if I cancel?", REFUND, "90%"),
}
FAULTS: dict[str, Manner] = {"hung": "hang", "failing": "down", "slow": "drip", "cut off": "cut"}


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the questions of one tier under one fault."""

    tier: str
    fault: str
    asked: int
    right: int  # the figure, in time
    by: dict[str, int]  # who wrote the answer
    p50_s: float
    p99_s: float
    longest_s: float

    @property
    def share(self) -> float:
        return self.right / self.asked


async def ask(tier: Tier, fault: str, *, all_tiers: bool, count: int) -> Found:
    """One tier's questions while its models, or all there are, have the fault."""
    business = load_business(BUSINESS)
    question, text, figure = QUESTIONS[tier]
    broken: tuple[Tier, ...] = get_args(Tier) if all_tiers else (tier,)
    manners = dict.fromkeys(broken, FAULTS[fault])
    async with FakeEndpoint({str(name): how for name, how in manners.items()}, text).listen() as at:
        chat = OpenAiChat({name: (_endpoint(name, at.url),) for name in get_args(Tier)})
        world = World(SmallKnowledge(), chat, business)
        await world.warm_up()
        pace = itertools.count()

        async def one() -> tuple[float, str, str]:
            await asyncio.sleep(next(pace) / A_SECOND)
            started = time.monotonic()
            answer = await world.answer(question)
            assert answer.draft.tier == tier, f"{question!r} went to {answer.draft.tier}"
            return time.monotonic() - started, answer.text, answer.draft.model

        answers = await asyncio.gather(*(one() for _ in range(count)))
        await chat.close()
    took = sorted(seconds for seconds, *_ in answers)
    right = sum(seconds <= DEADLINE_S and figure in text for seconds, text, _ in answers)
    return Found(
        tier=tier,
        fault=f"{fault}, as all others" if all_tiers else fault,
        asked=count,
        right=right,
        by=dict(Counter(model for *_, model in answers)),
        p50_s=round(statistics.median(took), 2),
        p99_s=round(took[int(len(took) * 0.99)], 2),
        longest_s=round(took[-1], 2),
    )


def _endpoint(tier: Tier, url: str) -> ChatEndpoint:
    return ChatEndpoint(ModelId(f"model-{tier}"), tier, url, "k")


def run(count: int) -> Iterator[Found]:
    for tier in QUESTIONS:
        for fault in FAULTS:
            yield asyncio.run(ask(tier, fault, all_tiers=False, count=count))
    for fault in FAULTS:
        yield asyncio.run(ask("reasoning", fault, all_tiers=True, count=count))


def main(
    count: Annotated[int, typer.Option(min=1, max=5_000, help="Questions of each kind.")] = 500,
    *,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Break each tier in each way and count right answers in time."""
    found = []
    for one in run(count):
        found.append(one)
        print(f"{one.tier}, {one.fault}: {one.share:.1%}", file=sys.stderr)
    if as_json:
        rows = [asdict(one) for one in found]
        print(json.dumps({"machine": machine.describe(), "deadline_s": DEADLINE_S, "found": rows}))
    else:
        _show(found)
    raise SystemExit(any(one.share < SHARE for one in found))


def _show(found: list[Found]) -> None:
    table = Table("tier", "its models are", "right, in time", "written by", "p50", "p99", "longest")
    for one in found:
        by = ", ".join(f"{name} {count}" for name, count in one.by.items())
        times = (f"{seconds:.1f} s" for seconds in (one.p50_s, one.p99_s, one.longest_s))
        table.add_row(one.tier, one.fault, f"{one.right} of {one.asked}", by, *times)
    console = Console()
    console.print(table)
    console.print(f"deadline {DEADLINE_S:.0f} s; {machine.describe()}")


if __name__ == "__main__":
    typer.run(main)
