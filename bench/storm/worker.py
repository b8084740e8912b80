"""The processes that are killed: an ingress, and routers with all eleven steps.

One parent imports and warms everything once; a child is then there in milliseconds. It reads
commands as JSON lines and reports the children's ends the same way.
"""

import asyncio
import contextlib
import gc
import json
import os
import random
import select
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI

from bench.storm.points import InProcess, Tripwire, Wired, WiredDatabase
from deployments.parts import Parts
from deployments.router import Router, RouterLimits
from deployments.settings import Settings, load_settings
from deployments.webhook import Webhook
from models.types import Epoch
from serving import ports
from serving.business import Business, load_business
from serving.errors import Degraded, Failure, Retryable
from serving.extract import topics
from serving.ports import ChatReply, ChatRequest, SearchQuery
from serving.steps.send_message import SendSettings
from serving.stores.inbox import Inbox
from serving.stores.turns import PostgresTurns
from serving.stubs import StubChat
from serving.types import STEP_NAMES, Documents, Passage
from serving.understanding import control, optout

POLL_S = 0.02
SLOWLY = "slowly"  # a question with this word keeps the model busy
EPOCH = Epoch("storm")
GONE = Retryable("searcher: gone")  # as `deployments.transport` says it
PRICES = {"Hampta Pass": "10,500", "Kedarkantha": "9,500", "Valley of Flowers": "12,000"}


@dataclass(frozen=True, slots=True)
class Options:
    """What differs between experiments."""

    llm_s: float = 0.05
    slow_llm_s: float = 24.0  # just within the step's deadline
    lease_s: float = 4.0  # short, so that what was killed is soon taken up again
    max_turns: int = 256
    model_answers: bool = True
    index_answers: bool = True
    graph_s: float = 2.0  # patience with one call to Graph
    unheard_after_s: float = 8.0  # an unclear send is repeated, marked, after this


@dataclass(frozen=True, slots=True)
class Command:
    """One child to be made."""

    number: int
    role: Literal["ingress", "router"]
    port: int = 0
    point: str | None = None
    nth: int = 1
    options: Options = field(default_factory=Options)

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, line: str) -> "Command":
        fields = json.loads(line)
        return cls(**{**fields, "options": Options(**fields["options"])})


class Library:
    """`serving.ports.Knowledge` with a price of each trek, from memory; or gone."""

    def __init__(self, options: Options) -> None:
        self._answers = options.index_answers

    async def search(self, queries: Sequence[SearchQuery]) -> list[Documents | Failure]:
        if not self._answers:
            return [Failure.of(GONE)] * len(queries)
        return [Documents(EPOCH, tuple(map(_passage, PRICES))) for _ in queries]

    async def treks(self) -> Mapping[str, tuple[str, ...]]:
        if not self._answers:
            raise GONE
        return dict.fromkeys(PRICES, ())


def _passage(trek: str) -> Passage:
    text = f"The {trek} trek costs ₹{PRICES[trek]} per person in September. It takes 6 days."
    doc = f"{trek}.md"
    return Passage(doc, doc, "1", (0, len(text)), text, trek, "trek", "en", 1.0, trek)


class Chat(StubChat):
    """A stub model that takes its time over some questions, or answers none."""

    def __init__(self, options: Options) -> None:
        super().__init__(options.llm_s)
        self._slow, self._answers = StubChat(options.slow_llm_s), options.model_answers

    async def complete(self, request: ChatRequest) -> ChatReply:
        if not self._answers:
            raise Degraded("no model of this tier answers")
        if any(SLOWLY in message.content for message in request.messages):
            return await self._slow.complete(request)
        return await super().complete(request)


class StormParts(Parts):
    """The real composition root, with wires on what can die and stubs where models would be."""

    def __init__(self, settings: Settings, trip: Tripwire, options: Options) -> None:
        super().__init__(settings)
        self._trip = trip
        self._options = options

    @cached_property
    def business(self) -> Business:
        return _business(self.settings)

    @cached_property
    def knowledge(self) -> ports.Knowledge:
        return Library(self._options)

    @cached_property
    def chat(self) -> Any:
        return Wired(Chat(self._options), "chat", self._trip)

    @cached_property
    def graph(self) -> Any:
        return Wired(super().graph, "graph", self._trip)

    @cached_property
    def turns(self) -> Any:
        send_s = 2 * self._options.graph_s + 1.0  # as long as the send step may take here
        return Wired(PostgresTurns(self.database, send_s=send_s), "turns", self._trip)

    @cached_property
    def drafts(self) -> Any:
        return Wired(super().drafts, "drafts", self._trip)

    @cached_property
    def outbox(self) -> Any:
        outbox = super().outbox
        outbox._database = WiredDatabase(self.database, "outbox", self._trip)  # noqa: SLF001  # the wire leads inside
        return Wired(outbox, "outbox", self._trip)


@cache
def _business(settings: Settings) -> Business:
    """Read once, by the parent."""
    return load_business(settings.business)


async def route(command: Command, trip: Tripwire) -> None:
    options = command.options
    parts = StormParts(load_settings(), trip, options)
    steps = {name: parts.step(name) for name in STEP_NAMES}
    send = SendSettings(budget_s=2 * options.graph_s, call_deadline_s=options.graph_s)
    steps["send_message"]._settings = send  # type: ignore[attr-defined]  # noqa: SLF001  # shorter waits
    limits = RouterLimits(
        max_turns=options.max_turns,
        lease_s=options.lease_s,
        renew_every_s=options.lease_s / 3,
        sweep_every_s=1.0,
        unheard_after_s=options.unheard_after_s,
    )
    transport = InProcess(dict(steps), trip)
    router = Router(parts.turns, parts.outbox, parts.wakeups, transport, limits)
    await parts.open()
    await asyncio.gather(*(step.warm_up() for step in steps.values()))
    say("up", number=command.number)
    await router.run()


async def receive(command: Command, trip: Tripwire) -> None:
    settings = load_settings()
    parts = StormParts(settings, trip, command.options)
    inbox = Inbox(WiredDatabase(parts.database, "inbox", trip), parts.cache)  # type: ignore[arg-type]  # as one
    webhook = Webhook(
        settings,
        Wired(inbox, "inbox", trip),  # type: ignore[arg-type]  # as one
        Wired(parts.wakeups, "hints", trip),  # type: ignore[arg-type]  # as one
    )
    await parts.open()
    app = FastAPI()
    app.post("/webhook")(webhook.receive)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=command.port, log_level="critical", lifespan="off"
    )
    say("up", number=command.number)
    await uvicorn.Server(config).serve()


# ── the parent ───────────────────────────────────────────────────────────────────────────────


def child(command: Command) -> None:
    random.seed(f"{command.number}")
    trip = Tripwire(command.point, command.nth)
    role = route if command.role == "router" else receive
    try:
        asyncio.run(role(command, trip))
    except BaseException:  # noqa: BLE001  # told, and the process ends either way
        traceback.print_exc()
    os._exit(1)


async def prepare() -> None:
    """Import and read all that children have in common: a second of work for each of them.

    Nothing is opened: a connection must not be shared.
    """
    control.warm_up()
    optout.warm_up()
    topics()
    parts = StormParts(load_settings(), Tripwire(None, 1), Options())
    steps = {name: parts.step(name) for name in STEP_NAMES}
    for name in STEP_NAMES:
        if name != "generate_response":  # it listens to Redis
            await steps[name].warm_up()


def main() -> None:
    """Fork what standard input asks for until it closes; then end every child."""
    asyncio.run(prepare())
    gc.freeze()  # what is shared stays shared
    children: dict[int, int] = {}
    say("ready")
    buffer = b""
    while True:
        readable, _, _ = select.select([0], [], [], POLL_S)
        if readable:
            if not (read := os.read(0, 65536)):
                break
            *lines, buffer = (buffer + read).split(b"\n")
            for line in lines:
                command = Command.of(line.decode())
                if (pid := os.fork()) == 0:
                    os.close(0)
                    child(command)
                children[pid] = command.number
        bury(children)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def bury(children: dict[int, int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        say("ended", number=children.pop(pid), killed=os.WIFSIGNALED(status))


def say(event: str, **more: object) -> None:
    os.write(1, json.dumps({"event": event, **more}).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
