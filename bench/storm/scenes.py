"""The experiments. Each returns what it measured; what is wanted stands in `bench/chaos.py`."""

# ruff: noqa: PLR2004  # figures of the promise and shares of chance stand where they apply

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.storm.checks import Tally, tally
from bench.storm.house import CALM, DEADLINE_S, ROUGH, House, Services, house
from bench.storm.points import INGRESS, ROUTER
from bench.storm.worker import SLOWLY, Options
from deployments.local import postgres
from serving.stores.turns import SUPERSEDE_CAP_S
from simulator.faults import SendFault
from simulator.state import Customer

QUESTIONS = (
    "How much is Hampta Pass in September?",
    "What does Kedarkantha cost per person?",
    "Price of Valley of Flowers please?",
    "How many days does Hampta Pass take?",
)
MOST_WAITING = 24
PATIENCE_S = 3.0  # with each death, on a machine that has other work


@dataclass(frozen=True, slots=True)
class Kills:
    kills: int
    points: int
    tally: Tally
    settled: bool


async def kills(services: Services, seed: int, runs: int, num_customers: int = 150) -> Kills:
    """`runs` times at each point: SIGKILL, while customers write and Meta misbehaves."""
    options = Options(max_turns=8)  # a death costs no more than these
    doom = [("ingress", point) for point in INGRESS] + [("router", point) for point in ROUTER]
    doom *= runs
    random.Random(seed).shuffle(doom)
    async with house(
        services, options=options, faults=ROUGH, seed=seed, num_routers=3, doom=doom
    ) as it:
        customers = [it.customer() for _ in range(num_customers)]
        give_up_at = time.monotonic() + len(doom) * PATIENCE_S + DEADLINE_S
        while it.doomed and time.monotonic() < give_up_at:
            waiting = await it.count("SELECT count(*) FROM inbox WHERE state = 'pending'")
            for _ in range(0 if waiting > MOST_WAITING else 4):
                it.write(it.rng.choice(customers), it.rng.choice(QUESTIONS))
            await asyncio.sleep(0.1)
        settled = await it.settled()
        return Kills(it.kills.total(), len(it.kills), await tally(it), settled)


async def shuffled(services: Services, seed: int, conversations: int, messages: int) -> Tally:
    """Every conversation's messages arrive in any order, in deliveries of any size."""
    async with house(services, seed=seed) as it:
        customers = [it.customer() for _ in range(conversations)]
        start = int(time.time()) - messages
        everything = [(c, n) for c in customers for n in range(messages)]
        it.rng.shuffle(everything)
        for customer, number in everything:
            it.write(customer, QUESTIONS[number % len(QUESTIONS)], at=start + number)
            if it.rng.random() < 0.1:
                await asyncio.sleep(0.02)
        await it.settled()
        return await tally(it)


@dataclass(frozen=True, slots=True)
class Slow:
    p95_without_s: float
    p95_with_s: float
    slow_s: float

    @property
    def ratio(self) -> float:
        return self.p95_with_s / self.p95_without_s


async def slow_neighbour(services: Services, seed: int, rounds: int, messages: int) -> Slow:
    """The others' p95 with and without one conversation that takes half a minute, in turns."""
    options = Options(llm_s=0.3)
    async with house(services, options=options, seed=seed) as it:
        await _asked(it, [it.customer() for _ in range(10)])  # warm
        without, beside, slow = [], [], []
        for _ in range(rounds):
            without += await _asked(it, [it.customer() for _ in range(messages)])
            patient = it.customer()
            graph = SendFault(kind="slow", to=patient.wa_id, hold_s=6.0)
            it.meta.faults.replace(CALM.model_copy(update={"sends": [graph]}))
            started = time.time()
            it.write(patient, f"How much is Hampta Pass in September, {SLOWLY}?")
            await asyncio.sleep(0.5)
            beside += await _asked(it, [it.customer() for _ in range(messages)])
            await it.settled()
            slow.append(_replies(it, patient)[0] - started)
        return Slow(_p95(without), _p95(beside), max(slow))


async def _asked(it: House, customers: Sequence[Customer]) -> list[float]:
    """Seconds from writing to the reply on the phone, one question each, evenly spaced."""
    asked = {}
    for customer in customers:
        asked[customer.id] = time.time()
        it.write(customer, it.rng.choice(QUESTIONS))
        await asyncio.sleep(0.2)
    while not all(_replies(it, customer) for customer in customers):
        await asyncio.sleep(0.05)
    return [_replies(it, customer)[0] - asked[customer.id] for customer in customers]


def _replies(it: House, customer: Customer) -> list[float]:
    """When they appeared on the phone, oldest first."""
    return [m.at for m in it.meta.world.chat(customer.id) if m.direction == "out"]


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@dataclass(frozen=True, slots=True)
class Bursts:
    within: int  # bursts that end while one more turn fits under the cap
    within_one: int  # of these, with one reply
    longer: int  # past that, a first answer has to leave before the burst is over
    longer_replies: float  # per burst
    first_longer_s: float  # the shortest burst with a second reply
    turn_s: float  # how long a turn takes, 99 of 100
    lost: int


BEGIN_S = 0.25  # a message on its way to us, and until its turn has begun
WARM = 12  # questions, so that the router has seen how long its turns take
TALK_S = 40.0
OLDEST = """
    SELECT turn_id::text, extract(epoch FROM min(received_at)) FROM inbox
    WHERE turn_id IS NOT NULL GROUP BY turn_id
"""
TURN_S = """
    SELECT percentile_cont(0.99)
        WITHIN GROUP (ORDER BY extract(epoch FROM answered_at - started_at))
    FROM turns WHERE answered_at IS NOT NULL
"""
MODEL_S = 4.0  # a model's answer must outlast the pauses of a burst for there to be a burst
CAP_S = 15.0


async def bursts(services: Services, seed: int, count: int, at_once: int) -> Bursts:
    """Two to ten messages, 0.2 to 3 s apart, from each of `count` customers, some at a time."""
    options = Options(llm_s=MODEL_S, lease_s=10.0)
    async with house(services, options=options, seed=seed) as it:
        await _asked(it, [it.customer() for _ in range(WARM)])
        chatting = asyncio.Semaphore(at_once)
        spans = dict(await asyncio.gather(*(_burst(it, chatting) for _ in range(count))))
        await it.settled()
        [(turn_s,)] = await it.rows(TURN_S)
        replies = {key: len(_replies(it, it.meta.world.customers[key])) for key in spans}
        needs_s = float(turn_s) + BEGIN_S
        fits = {key for key, span_s in spans.items() if span_s + needs_s <= SUPERSEDE_CAP_S}
        longer = spans.keys() - fits
        return Bursts(
            within=len(fits),
            within_one=sum(replies[key] == 1 for key in fits),
            longer=len(longer),
            longer_replies=statistics.mean([replies[key] for key in longer]) if longer else 0.0,
            first_longer_s=min((spans[key] for key in spans if replies[key] > 1), default=0.0),
            turn_s=float(turn_s),
            lost=(await tally(it)).lost,
        )


async def _burst(it: House, chatting: asyncio.Semaphore) -> tuple[str, float]:
    """Until it is answered: who would be next has to wait as long."""
    async with chatting:
        await asyncio.sleep(it.rng.uniform(0.0, 3.0))
        customer, started = it.customer(), time.monotonic()
        for number in range(it.rng.randint(2, 10)):
            if number:
                await asyncio.sleep(it.rng.uniform(0.2, 3.0))
            it.write(customer, it.rng.choice(QUESTIONS))
        span_s = time.monotonic() - started
        give_up_at = time.monotonic() + DEADLINE_S
        while not _replies(it, customer) and time.monotonic() < give_up_at:
            await asyncio.sleep(0.05)
        return customer.id, span_s


async def talkers(services: Services, seed: int, count: int) -> list[float]:
    """Of people who write every second and do not stop: from each oldest message without an
    answer to its reply on the phone.
    """
    options = Options(llm_s=MODEL_S, lease_s=10.0)
    async with house(services, options=options, seed=seed) as it:
        await _asked(it, [it.customer() for _ in range(WARM)])
        customers = [it.customer() for _ in range(count)]
        until = time.monotonic() + TALK_S
        while time.monotonic() < until:
            for customer in customers:
                it.write(customer, it.rng.choice(QUESTIONS))
                await asyncio.sleep(1.0 / count)
        await it.settled()
        since = dict(await it.rows(OLDEST))
        return [
            message.at - float(since[(message.callback_data or "").partition(":")[0]])
            for customer in customers
            for message in it.meta.world.chat(customer.id)
            if message.direction == "out"
        ]


@dataclass(frozen=True, slots=True)
class Outage:
    away_s: float
    refusals: int  # deliveries that were told to come again
    tally: Tally
    settled: bool


async def outage(services: Services, seed: int, away_s: float) -> Outage:
    """Postgres goes away under load and comes back; customers and Meta go on meanwhile."""
    options = Options(llm_s=0.5)  # turns are under way when it goes
    async with house(services, options=options, seed=seed) as it:
        await _chat(it, 2.0)
        await asyncio.to_thread(postgres.stop, services.layout)
        began = time.monotonic()
        await _chat(it, away_s)
        await asyncio.to_thread(postgres.start, services.layout)
        away_s = time.monotonic() - began
        await _chat(it, 2.0)
        settled = await it.settled()
        log = it.meta.webhooks.log(0, 10_000, with_body=False)
        codes = [attempt.get("status_code") for sent in log for attempt in sent["attempts"]]
        return Outage(away_s, codes.count(503), await tally(it), settled)


async def _chat(it: House, seconds: float) -> None:
    """Five customers a second ask something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        it.write(it.customer(), it.rng.choice(QUESTIONS))
        await asyncio.sleep(0.2)


async def lone_messages(services: Services, seed: int, count: int) -> float:
    """p95 of the seconds from a lone message's commit to the start of its turn."""
    async with house(services, seed=seed) as it:
        await _asked(it, [it.customer() for _ in range(count)])
        rows = await it.rows(
            "SELECT extract(epoch FROM t.started_at - i.received_at)"
            " FROM inbox i JOIN turns t ON t.turn_id = i.turn_id"
        )
        return _p95([max(0.0, float(wait)) for (wait,) in rows])
