"""What is only delayed is waited for until time is up, and said."""

import time
from collections.abc import Sequence

import pytest

from deployments.local.ask import UNSETTLED, Asked, settled
from deployments.local.errors import LocalError
from deployments.local.phone import Written
from serving.stores.stats import TurnView
from serving.types import Sent, Wamid
from tests.fakes.values import record

ANSWERED = TurnView("logged", record(), Sent("sent", Wamid("wamid.out")), None)
DEFERRED = TurnView("logged", record(), Sent("deferred"), None)


class Scripted:
    """The read model: one view after the other, the last one for ever."""

    def __init__(self, views: Sequence[TurnView | None]) -> None:
        self._views = list(views)

    async def turn_of(self, phone_number_id: str, wamid: str) -> TurnView | None:
        return self._views.pop(0) if len(self._views) > 1 else self._views[0]


def asked(timeout_s: float) -> Asked:
    now = time.monotonic()
    return Asked(Written("wamid.in", 1), "106500000000002", now, now + timeout_s)


@pytest.mark.anyio
async def test_a_deferred_answer_is_waited_for() -> None:
    """Through its time on the way, when no outcome is known, to the reply; said once, and why."""
    said: list[str] = []
    views = Scripted([None, DEFERRED, DEFERRED, None, ANSWERED])
    assert await settled(views, asked(60.0), said.append) is ANSWERED
    assert said == [f"waiting: {UNSETTLED['deferred']}"]


@pytest.mark.anyio
async def test_when_time_is_up_a_deferred_answer_is_the_outcome() -> None:
    """Even if it is just on its way then."""
    assert await settled(Scripted([DEFERRED, None]), asked(0.5), lambda _: None) is DEFERRED


@pytest.mark.anyio
async def test_an_outcome_that_stands_needs_no_waiting() -> None:
    """Silence is an outcome too."""
    silent = TurnView("ended", record(), None, None)
    said: list[str] = []
    assert await settled(Scripted([silent]), asked(60.0), said.append) is silent
    assert said == []


@pytest.mark.anyio
async def test_no_outcome_at_all_names_where_to_look() -> None:
    """The time that was waited, and the command that tells more."""
    with pytest.raises(LocalError, match="no answer within 0 s; see `switchback status`"):
        await settled(Scripted([None]), asked(0.3), lambda _: None)
