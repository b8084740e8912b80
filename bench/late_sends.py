"""Answers that come too late: is anything but a template sent outside the 24-hour window?

Three ways of being late: the customer wrote more than a day ago; exactly around the end of the
window; and in time, but the answer was deferred until the window had shut. Half-way through Meta
stops the template. What is counted is what reached the simulator, which has its own limit off.

    switchback bench late_sends --count 2000
"""

import argparse
import asyncio
import json
import random
from collections import Counter
from dataclasses import asdict, dataclass, field

from bench import machine
from bench.house import House, empty_database, house
from serving.types import Turn

DAY_S = 24 * 3600.0
IN_TIME = "15559999999"
AT_ONCE = 64
EDGE_S = 50.0  # on both sides of the end; the gate keeps 60 s off it


@dataclass(slots=True)
class Report:
    late: int
    free_form: int = 0  # must be 0
    templates: int = 0
    for_a_person: int = 0
    in_time: int = 0  # control group: answered inside the window
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        accounted = self.templates + self.for_a_person
        return self.free_form == 0 and accounted == self.late and self.in_time > 0


async def run(url: str, count: int, seed: int = 7) -> Report:
    dice = random.Random(seed)
    people = [f"1555{place:08}" for place in range(count)]
    ages = {wa_id: _age(place % 3, dice) for place, wa_id in enumerate(people)}
    async with house(url) as all_of_it:
        await all_of_it.faults(limits={"throughput": False, "window": "off"})
        for wa_id, age_s in {**ages, IN_TIME: 60.0}.items():
            await all_of_it.customer(wa_id)
            await all_of_it.says(wa_id, wa_id, age_s)
        turns = {turn.text: turn for turn in await all_of_it.claim(count + 1)}
        report = Report(late=count)
        await all_of_it.send(turns[IN_TIME])
        half = count // 2
        await _answer(all_of_it, [turns[wa_id] for wa_id in people[:half]], ages, report)
        await all_of_it.execute(
            "INSERT INTO template_states VALUES ('resume_conversation', 'en_US', 'PAUSED')"
        )
        await _answer(all_of_it, [turns[wa_id] for wa_id in people[half:]], ages, report)
        report.in_time = len(await all_of_it.got(IN_TIME))
        for wa_id in people:
            for message in await all_of_it.got(wa_id):
                report.free_form += message["type"] != "template"
                report.templates += message["type"] == "template"
        report.for_a_person = report.outcomes.get("held", 0)
        return report


def _age(kind: int, dice: random.Random) -> float:
    match kind:
        case 0:
            return dice.uniform(DAY_S, 7 * DAY_S)
        case 1:
            return dice.uniform(DAY_S - EDGE_S, DAY_S + EDGE_S)
        case _:
            return dice.uniform(10.0, 600.0)  # in time, but held back until it is late


def batched(turns: list[Turn]) -> list[list[Turn]]:
    """As many at once as a router has under way: more would only wait for the database."""
    return [turns[start : start + AT_ONCE] for start in range(0, len(turns), AT_ONCE)]


async def _answer(
    all_of_it: House, turns: list[Turn], ages: dict[str, float], report: Report
) -> None:
    late = [turn for turn in turns if ages[turn.text] > DAY_S / 2]
    in_time = [turn for turn in turns if ages[turn.text] <= DAY_S / 2]
    sent = [
        one for some in batched(late) for one in await asyncio.gather(*map(all_of_it.send, some))
    ]
    outcomes = Counter[str](one.outcome for one in sent)
    await all_of_it.senders.hold("*", "bench")
    for some in batched(in_time):
        await asyncio.gather(*map(all_of_it.send, some))
    await all_of_it.execute(
        "UPDATE conversations SET last_inbound_at = last_inbound_at - interval '24 hours'"
        " WHERE conversation_id IN (SELECT conversation_id FROM outbox WHERE state = 'deferred')"
    )
    await all_of_it.senders.release("*")
    while due := await all_of_it.outbox.due(100):
        for one in await all_of_it.step.many(due):
            outcomes[getattr(one, "outcome", "error")] += 1
    for name, count in outcomes.items():
        report.outcomes[name] = report.outcomes.get(name, 0) + count


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with empty_database() as url:
        report = asyncio.run(run(url, options.count, options.seed))
    print(json.dumps({**machine.describe(), **asdict(report), "passed": report.passed}))
    raise SystemExit(0 if report.passed else 1)


if __name__ == "__main__":
    main()
