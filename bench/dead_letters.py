"""Dead letters replayed twice: the first time each message is answered once, the second nothing is.

    switchback bench dead_letters [--letters N] [--json]

Real Postgres, real stores; models and Graph are left out, for only what is committed counts here.
Exits with 1 when a replay had an effect that it must not have.
"""

import asyncio
import json
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from cryptography.fernet import Fernet

from bench import machine
from deployments.local import postgres
from deployments.local.layout import Layout
from serving.migrations import migrate
from serving.stores.database import Database
from serving.stores.dead_letters import Breaker, DeadLetter, DeadLetters
from serving.stores.inbox import Inbox
from serving.stores.outbox import PostgresOutbox
from serving.stores.turns import PostgresTurns
from serving.types import Consent, Parsed, Reply, SendOrder, Turn, TurnRecord
from serving.webhook import parse

NUMBER = "106500000000002"
PARSED = Parsed("en", "latn", "pricing", {"pricing": 1.0}, "neutral")
PAGE = 100
BURST = 4  # several people press the button at once
COUNTS = b"""
    SELECT (SELECT count(*) FROM outbox),
           (SELECT count(*) FROM turns),
           (SELECT count(*) FROM inbox WHERE state = 'pending'),
           (SELECT count(*) FROM inbox WHERE state = 'answered'),
           (SELECT count(*) FROM dead_letters)
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the tables hold."""

    outbox: int
    turns: int
    pending: int
    answered: int
    letters: int


@dataclass(frozen=True, slots=True)
class Round:
    """One replay of every letter, by several at once, and the answers that followed."""

    seconds: float
    replayed: int
    refused: int
    answers: int
    after: Counts


class House:
    """The stores between inbox and outbox."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, [Fernet.generate_key().decode()])
        self.inbox = Inbox(self.database)
        self.turns = PostgresTurns(self.database, Breaker(limit=1_000_000))
        self.outbox = PostgresOutbox(self.database)
        self.letters = DeadLetters(self.database)

    async def bury(self, count: int) -> None:
        """As many customers, each with one message that is given up for good."""
        for start in range(0, count, PAGE):
            numbers = range(start, min(start + PAGE, count))
            await self.inbox.accept(parse(_body([f"1555{n:07d}" for n in numbers])))
            for turn in await self.turns.claim("bench", PAGE, 60.0):
                await self.turns.bury(turn, "a defect")

    async def replay_all(self) -> Round:
        ids = [letter.turn_id for letter in await self._all()]
        started = time.perf_counter()
        outcomes: list[str] = []
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            at_once = (self.letters.replay(page, f"colleague {n}") for n in range(BURST))
            for answer in await asyncio.gather(*at_once):
                outcomes += answer.values()
        answers = await self._answer_all()
        seconds = time.perf_counter() - started
        replayed = outcomes.count("replayed")
        return Round(seconds, replayed, len(outcomes) - replayed, answers, await self.counts())

    async def counts(self) -> Counts:
        ((*row,),) = await self.database.query(COUNTS)
        return Counts(*row)

    async def _all(self) -> list[DeadLetter]:
        letters = await self.letters.page(PAGE, replayed=True)
        while page := await self.letters.page(PAGE, letters[-1].turn_id, replayed=True):
            letters += page
        return letters

    async def _answer_all(self) -> int:
        answers = 0
        while turns := await self.turns.claim("bench", PAGE, 60.0):
            gates = await self.outbox.admit([_order(turn) for turn in turns])
            answers += sum(gate.outcome == "go" for gate in gates)
            await asyncio.gather(*(self.turns.finish(turn, None, "sent") for turn in turns))
        return answers


def _order(turn: Turn) -> SendOrder:
    return SendOrder(TurnRecord(turn, PARSED, Consent(opted_out=False)), Reply("Hello!"))


def _body(customers: list[str]) -> bytes:
    messages = [
        {
            "from": customer,
            "id": f"wamid.{uuid.uuid4().hex}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": "Hi"},
        }
        for customer in customers
    ]
    value = {"metadata": {"phone_number_id": NUMBER}, "messages": messages}
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


async def measure(url: str, letters: int) -> list[Round]:
    house = House(url)
    await house.database.open()
    try:
        await house.bury(letters)
        return [await house.replay_all(), await house.replay_all()]
    finally:
        await house.database.close()


def faults(letters: int, first: Round, second: Round) -> list[str]:
    """Everything that is not as promised."""
    expected = {
        "the first replay answers every letter once": (first.replayed, first.answers, letters),
        "nothing is left pending": (first.after.pending, second.after.pending, 0),
        "each message is answered": (first.after.answered, second.after.answered, letters),
    }
    found = [name for name, values in expected.items() if len(set(values)) != 1]
    if (second.replayed, second.answers, second.after) != (0, 0, first.after):
        found.append("the second replay has no effect")
    return found


def main(
    letters: Annotated[int, typer.Option(min=1)] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Bury, replay, replay again."""
    with tempfile.TemporaryDirectory(prefix="switchback-bench-") as folder:
        layout = Layout(Path(folder))
        layout.make()
        url = postgres.start(layout).details["url"]
        try:
            migrate(url)
            first, second = asyncio.run(measure(url, letters))
        finally:
            postgres.stop(layout)
    wrong = faults(letters, first, second)
    if as_json:
        report = {"machine": machine.describe(), "rounds": [asdict(first), asdict(second)]}
        print(json.dumps(report | {"letters": letters, "faults": wrong}))
    else:
        print(", ".join(f"{key} {value}" for key, value in machine.describe().items()))
        for name, each in (("first", first), ("second", second)):
            print(
                f"{name} replay of {letters} letters by {BURST} at once: {each.replayed} replayed,"
                f" {each.refused} refused, {each.answers} answers, {each.seconds:.1f} s;"
                f" outbox {each.after.outbox}, pending {each.after.pending}"
            )
        print("as promised" if not wrong else f"BROKEN: {'; '.join(wrong)}")
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
