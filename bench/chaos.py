"""Delivery guarantees under attack: kills, shuffles, bursts and races, one table.

    switchback bench chaos [--seed N] [--short] [--only kills] [--json]

Postgres, Redis, the flow with its eleven steps, the router, the webhook and Meta's simulator are
real; only the language model and the index are stubs, and steps run in the router's process. The
numbers of the full run are those of the promise; `--short` is the same in under a minute. Exit
status 1 when a promise was broken.
"""

# ruff: noqa: PLR2004  # figures of the promise and shares of chance stand where they apply

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.storm import cluster, races, scenes
from bench.storm.house import Services, services


@dataclass(frozen=True, slots=True)
class Size:
    """How often each experiment is made."""

    runs: int
    conversations: int
    messages: int
    slow_rounds: int
    slow_messages: int
    bursts: int
    bursts_at_once: int
    talkers: int
    outage_s: float
    lone: int
    stops: int
    takes: int
    asked: int


FULL = Size(50, 200, 20, 3, 100, 1000, 16, 20, 30.0, 200, 1000, 5000, 20)
SHORT = Size(1, 20, 10, 1, 20, 12, 12, 3, 12.0, 20, 80, 120, 4)


@dataclass(frozen=True, slots=True)
class Line:
    """One promise, and what came of it. `kept` None: a figure, not a promise."""

    what: str
    measured: str
    wanted: str
    kept: bool | None


Experiment = Callable[[Services, int, Size], Awaitable[list[Line]]]


async def kills(services: Services, seed: int, size: Size) -> list[Line]:
    found = await scenes.kills(services, seed, size.runs)
    t = found.tally
    share = t.unclear / max(1, t.replies)
    return [
        Line("kill -9", f"{found.kills} at {found.points} points", "", None),
        Line("  messages lost", f"{t.lost} of {t.written}", "0", t.lost == 0 and found.settled),
        Line("  answered twice", str(t.twice), "0", t.twice == 0),
        Line("  duplicate replies", f"{t.duplicates} of {t.replies}", "0", t.duplicates == 0),
        Line("  out of order", str(t.inversions), "0", t.inversions == 0),
        Line("  processes that ended unasked", str(t.accidents), "0", t.accidents == 0),
        Line("  sent again, marked", f"{t.marked / max(1, t.replies):.2%}", "", None),
        Line("  unclear at the end", f"{share:.2%}", "", None),
    ]


async def shuffled(services: Services, seed: int, size: Size) -> list[Line]:
    t = await scenes.shuffled(services, seed, size.conversations, size.messages)
    what = f"{size.conversations} conversations x {size.messages} shuffled: inversions"
    return [
        Line(what, str(t.inversions), "0", t.inversions == 0),
        Line("  messages lost", f"{t.lost} of {t.written}", "0", t.lost == 0),
    ]


async def slow(services: Services, seed: int, size: Size) -> list[Line]:
    found = await scenes.slow_neighbour(services, seed, size.slow_rounds, size.slow_messages)
    measured = f"x {found.ratio:.3f} ({found.p95_without_s:.3f} s to {found.p95_with_s:.3f} s)"
    what = f"p95 beside a conversation of {found.slow_s:.0f} s"
    return [Line(what, measured, "< x 1.10", found.ratio < 1.10)]


async def bursts(services: Services, seed: int, size: Size) -> list[Line]:
    found = await scenes.bursts(services, seed, size.bursts, size.bursts_at_once)
    share = found.within_one / max(1, found.within)
    what = "bursts after which a turn fits under the cap: one reply"
    longer = f"{found.longer}, {found.longer_replies:.2f} replies each"
    first = f"of {found.first_longer_s:.1f} s"
    turns = f"  99 of 100 turns, with a model of {scenes.MODEL_S:.0f} s"
    return [
        Line(what, f"{share:.2%} of {found.within}", ">= 99.9 %", share >= 0.999),
        Line("  longer bursts, which a first reply interrupts", longer, "", None),
        Line("  the shortest burst with a second reply", first, "", None),
        Line(turns, f"<= {found.turn_s:.1f} s", "", None),
        Line("  messages lost", str(found.lost), "0", found.lost == 0),
    ]


async def talkers(services: Services, seed: int, size: Size) -> list[Line]:
    waits = await scenes.talkers(services, seed, size.talkers)
    measured = f"{max(waits):.1f} s at most, {statistics.median(waits):.1f} s median"
    what = "a continuous talker has a reply after"
    return [Line(what, measured, "<= 15 s", max(waits) <= scenes.CAP_S)]


async def outage(services: Services, seed: int, size: Size) -> list[Line]:
    found = await scenes.outage(services, seed, size.outage_s)
    t = found.tally
    wrong = t.twice + t.duplicates + t.inversions
    return [
        Line(f"Postgres away for {found.away_s:.0f} s: refusals", str(found.refusals), "", None),
        Line("  messages lost", f"{t.lost} of {t.written}", "0", t.lost == 0 and found.settled),
        Line("  doubled or out of order", str(wrong), "0", wrong == 0),
    ]


async def lone(services: Services, seed: int, size: Size) -> list[Line]:
    wait_s = await scenes.lone_messages(services, seed, size.lone)
    what = "p95 of a lone message's wait for its turn"
    return [Line(what, f"{wait_s * 1e3:.0f} ms", "<= 50 ms", wait_s <= 0.05)]


async def raced(services: Services, seed: int, size: Size) -> list[Line]:
    lines = []
    for kind, count in (("stop", size.stops), ("take", size.takes)):
        found = await races.races(services, seed, count, kind)
        what = {"stop": "races of STOP", "take": "races of a take-over"}[kind]
        measured = f"{found.sent_after} of {found.run} ({found.sent_before} before it)"
        lines.append(Line(f"{what}: replies after the commit", measured, "0", not found.sent_after))
    return lines


async def losses(_services: Services, _seed: int, size: Size) -> list[Line]:
    found = await cluster.losses(size.asked)
    lines = []
    for title, got in (
        ("whole cluster", found.whole),
        ("index application gone", found.without_index),
        ("encoder gone", found.without_encoder),
        ("Ray head killed, started again", found.without_head),
    ):
        wrong = got.none + got.several
        lines.append(Line(f"{title}: not answered once", f"{wrong} of {got.asked}", "0", not wrong))
    nothing, by_words = found.without_index, found.without_encoder
    measured = f"{nothing.marked} of {nothing.asked} marked, {nothing.priced} with a price"
    kept = nothing.marked == nothing.asked and not nothing.priced
    lines.append(Line("  without index: safe, and said to be", measured, "all, none", kept))
    measured = f"{by_words.marked} of {by_words.asked} marked, {by_words.priced} with the price"
    kept = by_words.marked == by_words.asked == by_words.priced
    lines.append(Line("  without encoder: found by words", measured, "all, all", kept))
    return [
        *lines,
        Line("  without head: `status` says", found.told or "nothing", "so", bool(found.told)),
        Line("  from `up` to the last answer", f"{found.back_s:.0f} s", "", None),
    ]


EXPERIMENTS: dict[str, Experiment] = {
    "kills": kills,
    "shuffled": shuffled,
    "slow": slow,
    "bursts": bursts,
    "talkers": talkers,
    "outage": outage,
    "lone": lone,
    "races": raced,
    "losses": losses,
}


def run(names: list[str], seed: int, size: Size) -> Iterator[tuple[str, list[Line], float]]:
    """The experiments, one after the other, on services of their own."""
    with services() as started:
        for name in names:
            began = time.monotonic()
            lines = asyncio.run(EXPERIMENTS[name](started, seed, size))
            yield name, lines, time.monotonic() - began


def main(
    seed: Annotated[int, typer.Option(min=0)] = 1,
    runs: Annotated[int | None, typer.Option(min=1, help="Kills at each point.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Experiments; all by default.")] = None,
    *,
    short: Annotated[bool, typer.Option("--short", help="The small form.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Attack the delivery guarantees and print what became of them."""
    size = SHORT if short else FULL
    if runs is not None:
        size = Size(**{**_fields(size), "runs": runs})
    names = only or list(EXPERIMENTS)
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        raise typer.BadParameter(f"no experiment {unknown[0]!r}: {', '.join(EXPERIMENTS)}")
    report: list[Line] = []
    for name, lines, took_s in run(names, seed, size):
        print(f"{name}: {took_s:.0f} s", file=sys.stderr, flush=True)
        report += lines
    _print(report, seed, as_json=as_json)
    if any(line.kept is False for line in report):
        raise typer.Exit(1)


def _fields(size: Size) -> dict[str, Any]:
    return {name: getattr(size, name) for name in Size.__slots__}


def _print(report: list[Line], seed: int, *, as_json: bool) -> None:
    about = {"machine": machine.describe(), "seed": seed, "load": os.getloadavg()}
    if as_json:
        rows = [{name: getattr(line, name) for name in Line.__slots__} for line in report]
        print(json.dumps(about | {"report": rows}))
        return
    console = Console(highlight=False)
    console.print(f"seed {seed}; {about['machine']}", markup=False)
    table = Table("promise", "measured", "wanted", "", box=None, pad_edge=False)
    marks = {True: "kept", False: "BROKEN", None: ""}
    for line in report:
        table.add_row(line.what, line.measured, line.wanted, marks[line.kept])
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
