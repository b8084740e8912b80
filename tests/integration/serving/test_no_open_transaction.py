"""A model, the index and Graph are never asked from inside a transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import cached_property
from typing import Any

import pytest

from bench.storm.points import InProcess, Tripwire
from bench.storm.worker import Library, Options
from deployments.parts import Parts
from deployments.settings import load_settings
from serving import flow
from serving.stubs import StubChat, StubGraph
from serving.types import STEP_NAMES
from serving.webhook import parse
from tests.integration.serving.world import envelope, text

IN_TRANSACTION: ContextVar[bool] = ContextVar("IN_TRANSACTION", default=False)


class WatchedDatabase:
    """Whoever is called from inside a transaction, directly or by a task of its own, can tell."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def run(self, work: Callable[[Any], Awaitable[Any]], **more: Any) -> Any:
        async def watched(connection: Any) -> Any:
            token = IN_TRANSACTION.set(True)
            try:
                return await work(connection)
            finally:
                IN_TRANSACTION.reset(token)

        return await self._inner.run(watched, **more)


class Spy:
    """An implementation of a port that notes which calls are made inside a transaction."""

    def __init__(self, inner: Any, calls: list[str], found: list[str]) -> None:
        self._inner, self._calls, self._found = inner, calls, found

    def __getattr__(self, method: str) -> Any:
        attribute = getattr(self._inner, method)
        if not asyncio.iscoroutinefunction(attribute):
            return attribute

        async def call(*args: Any, **more: Any) -> Any:
            self._calls.append(method)
            if IN_TRANSACTION.get():
                self._found.append(method)
            return await attribute(*args, **more)

        return call


class SpiedParts(Parts):
    """The composition root, with a spy on everything outside."""

    def spied(self, inner: Any) -> Any:
        return Spy(inner, self.calls, self.found)

    @cached_property
    def database(self) -> Any:
        return WatchedDatabase(super().database)

    @cached_property
    def calls(self) -> list[str]:
        return []

    @cached_property
    def found(self) -> list[str]:
        return []

    @cached_property
    def chat(self) -> Any:
        return self.spied(StubChat(0.0))

    @cached_property
    def graph(self) -> Any:
        return self.spied(StubGraph())

    @cached_property
    def knowledge(self) -> Any:
        return self.spied(Library(Options()))


@pytest.fixture
def parts(database_url: str, redis_url: str, tmp_path: Any) -> SpiedParts:
    settings = load_settings(
        {
            "SWITCHBACK_PROFILE": "test",
            "SWITCHBACK_DATA_DIR": str(tmp_path),
            "SWITCHBACK_DATABASE_URL": database_url,
            "SWITCHBACK_REDIS_URL": redis_url,
        }
    )
    return SpiedParts(settings)


def play(parts: SpiedParts, scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        _ = parts.inbox, parts.turns
        steps = {name: parts.step(name) for name in STEP_NAMES}
        await parts.open()
        try:
            await parts.inbox.accept(parse(envelope(messages=[text("Price of Hampta Pass?")])))
            (turn,) = await parts.turns.claim("a", 1, 30.0)
            transport = InProcess(dict(steps), Tripwire(None, 0))
            result = await flow.run(turn, transport)
            assert result.sent is not None
            assert result.sent.outcome == "sent"
            await scenario()
        finally:
            await parts.wakeups.close()
            await parts.database.close()

    asyncio.run(run())


def test_no_call_outside_is_made_inside_a_transaction(parts: SpiedParts) -> None:
    """One whole turn: index, model and Graph are asked, each outside every transaction."""

    async def nothing_more() -> None:
        return None

    play(parts, nothing_more)
    assert {"search", "complete", "send"} <= set(parts.calls)
    assert parts.found == []


def test_an_open_transaction_would_be_found(parts: SpiedParts) -> None:
    """The spy sees what it is there to see."""

    async def asked_inside() -> None:
        await parts.database.run(lambda _connection: parts.knowledge.treks())

    play(parts, asked_inside)
    assert parts.found == ["treks"]
