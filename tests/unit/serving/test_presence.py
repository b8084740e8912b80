"""The typing bubble: there while somebody writes, and never in the way."""

import asyncio

import pytest

from serving.presence import VisibleGeneration
from serving.step import Step
from serving.types import CustomerContext, Documents, Draft, GenerationQuery, Risk, Wamid
from tests.fakes import values
from tests.fakes.models import EPOCH
from tests.fakes.stores import FakeGraph

pytestmark = pytest.mark.anyio

DRAFT = values.draft("It costs 10,500.")


class Writer(Step[GenerationQuery, Draft]):
    """Writes until it is told to stop."""

    name = "generate_response"

    def __init__(self) -> None:
        self.done = asyncio.Event()

    async def one(self, item: GenerationQuery) -> Draft:
        await self.done.wait()
        return DRAFT


class Phone(FakeGraph):
    """Notes for which message it shows a bubble; then fails, or never comes back."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.shown: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.fails = fails

    async def show_typing(self, phone_number_id: str, wamid: Wamid) -> bool:
        self.shown.put_nowait((phone_number_id, wamid))
        if self.fails:
            raise RuntimeError("a defect")
        await asyncio.Event().wait()
        return True


def query() -> GenerationQuery:
    turn = values.turn("How much is it?")
    return GenerationQuery(
        turn, values.parsed("pricing"), CustomerContext(), Documents(EPOCH), Risk(0, "low", {})
    )


@pytest.mark.parametrize("fails", [False, True])
async def test_a_bubble_is_shown_while_somebody_writes(*, fails: bool) -> None:
    """For the newest message; whether it fails or hangs, the draft comes as it would have."""
    writer, phone, item = Writer(), Phone(fails=fails), query()
    writing = asyncio.create_task(VisibleGeneration(writer, phone, after_s=0.0).one(item))
    assert await phone.shown.get() == (item.turn.phone_number_id, item.turn.messages[-1].wamid)
    writer.done.set()
    assert await writing == DRAFT


async def test_an_answer_that_comes_at_once_shows_none() -> None:
    """Nor does a bubble appear once the answer is there."""
    writer, phone = Writer(), Phone()
    writer.done.set()
    assert await VisibleGeneration(writer, phone, after_s=0.0).one(query()) == DRAFT
    await asyncio.sleep(0)
    assert phone.shown.empty()
