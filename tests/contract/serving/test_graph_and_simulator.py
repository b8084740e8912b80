"""Our Graph adapter against the simulator: both read the same contract."""

import asyncio

import httpx
import pytest

from serving.graph import GraphApi
from serving.ports import GraphResult, OutgoingMessage, Recipient
from serving.types import Wamid
from simulator.app import create_app
from tests.contract.simulator.rig import DANA, NOE, NUMBER, TOKEN, make_settings


def call(
    *messages: OutgoingMessage, token: str = TOKEN, says: str | None = DANA
) -> list[GraphResult]:
    """Send these, one after the other, after the customer wrote."""

    async def run() -> list[GraphResult]:
        hook = httpx.MockTransport(lambda _request: httpx.Response(200))
        app = create_app(make_settings(), webhook_transport=hook)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://sim") as phone:
                if says:
                    path = f"/sim/customers/{says}/messages"
                    assert (await phone.post(path, json={"text": "hi"})).status_code == 201
            graph = GraphApi("http://sim", "v26.0", token, transport)
            results = [await graph.send(message, 5.0) for message in messages]
            assert not await graph.show_typing(NUMBER, Wamid("wamid.unknown"))
            await graph.close()
            return results

    return asyncio.run(run())


def text(recipient: Recipient, body: str = "Hello", **more: object) -> OutgoingMessage:
    fields = {"buttons": (), "callback_data": "t1:0"} | more
    return OutgoingMessage(NUMBER, recipient, body, **fields)  # type: ignore[arg-type]  # fields by name


def test_texts_and_buttons_are_accepted() -> None:
    """Each gets an id of its own."""
    dana = Recipient(DANA, None)
    plain, tapped = call(text(dana), text(dana, buttons=(("human", "A person"),)))
    assert (plain.outcome, tapped.outcome) == ("accepted", "accepted")
    assert plain.wamid != tapped.wamid


def test_a_username_user_is_reached_by_bsuid() -> None:
    """No phone number is needed."""
    (result,) = call(text(Recipient(None, NOE)), says=NOE)
    assert result.outcome == "accepted"


@pytest.mark.parametrize(
    ("message", "token", "code"),
    [
        (text(Recipient(DANA, None)), "wrong", 190),
        (text(Recipient(DANA, None), "x" * 5000), TOKEN, 100),
    ],
)
def test_refusals_are_read_from_the_error_table(
    message: OutgoingMessage, token: str, code: int
) -> None:
    """A wrong token and an oversized text are final."""
    (result,) = call(message, token=token)
    assert (result.outcome, result.code) == ("refused", code)
