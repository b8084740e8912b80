"""The phone that our programs play, against the simulator's routes."""

import time

import httpx
import pytest

from deployments.local.phone import Phone
from simulator.app import create_app
from tests.contract.simulator.rig import NUMBER, TOKEN, make_settings


@pytest.mark.anyio
async def test_a_phone_arrives_once_writes_and_sees_the_replies() -> None:
    """What comes after its message, oldest first, and nobody else's; a refusal is an error."""
    hook = httpx.MockTransport(lambda _request: httpx.Response(200))
    app = create_app(make_settings(), webhook_transport=hook)
    sim = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sim")
    async with app.router.lifespan_context(app), sim:
        phone, other = Phone(sim, "15550100777"), Phone(sim, "15550100778")
        for one in (phone, other, phone):
            await one.arrive()
            await one.write("Hello")
        await reply(sim, phone, "before")
        written = await phone.write("How much?", timestamp=int(time.time()))
        for text in ("first", "second"):
            await reply(sim, phone, text)
        assert [message["text"] for message in await phone.replies(written.seq)] == [
            "first",
            "second",
        ]
        assert len(await phone.replies()) == 3
        assert await other.replies() == []
        with pytest.raises(httpx.HTTPStatusError):
            await phone.write("")


async def reply(sim: httpx.AsyncClient, phone: Phone, text: str) -> None:
    body = {
        "messaging_product": "whatsapp",
        "to": phone.wa_id,
        "type": "text",
        "text": {"body": text},
    }
    key = {"Authorization": f"Bearer {TOKEN}"}
    sent = await sim.post(f"/v26.0/{NUMBER}/messages", json=body, headers=key)
    sent.raise_for_status()
