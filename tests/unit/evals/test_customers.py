"""Simulated customers, on a phone whose other side is scripted."""

import json
import random
from collections.abc import Callable

import httpx
import pytest

from deployments.local.phone import Phone
from evals.customers import KINDS, OFFER, Customer, sayings
from evals.labelled import VARIETIES

Script = Callable[[str], list[str]]
PRICE = "In September Hampta Pass costs ₹10,500."


class Routes:
    """The simulator's two routes; replies are there as soon as something was said."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._chat: list[dict[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            for text in self._script(json.loads(request.content)["text"]):
                self._chat.append({"seq": len(self._chat) + 1, "text": text})
            return httpx.Response(201, json={"id": "x", "seq": 0, "timestamp": 0})
        after = int(request.url.params["after"])
        found = [message for message in self._chat if int(str(message["seq"])) > after]
        return httpx.Response(200, json={"messages": found, "last_seq": len(self._chat)})


def customer(script: Script) -> Customer:
    routes = httpx.MockTransport(Routes(script))
    phone = Phone(httpx.AsyncClient(base_url="http://phone", transport=routes), "15550001")
    return Customer(
        phone, "case", "en", random.Random(1),
        reply_within_s=0.05, nothing_more_s=0.01, pieces_apart_s=(0.0, 0.01),
    )  # fmt: skip


def test_every_variety_says_everything() -> None:
    """The same kinds in all, at least two wordings of what is asked."""
    assert set(sayings()) == set(VARIETIES)
    kinds = {"question", "burst", "stop", "start", "haggle", "jailbreak"}
    for said in sayings().values():
        assert set(said) == kinds
        assert all(len(said[kind]) >= 2 for kind in kinds - {"start"})


@pytest.mark.anyio
async def test_a_reply_to_each_piece_of_a_burst_is_seen() -> None:
    """Replies that come before the last piece count too."""
    kind, expected = KINDS["impatient"]
    got = await kind(customer(lambda text: [PRICE]))
    assert got["replies"] > expected["replies"]


@pytest.mark.anyio
async def test_silence_that_is_broken_is_seen() -> None:
    """A house that answers after STOP is not what is expected; one that does not, is."""
    kind, expected = KINDS["wants_silence"]
    silent = False

    def well_behaved(text: str) -> list[str]:
        nonlocal silent
        if text in sayings()["en"]["stop"]:
            silent = True
            return ["You will hear no more."]
        if text in sayings()["en"]["start"]:
            silent = False
            return ["Welcome back."]
        return [] if silent else [PRICE]

    assert await kind(customer(well_behaved)) == expected
    assert (await kind(customer(lambda text: [PRICE])))["after_stop"] == 1


@pytest.mark.anyio
async def test_a_granted_offer_is_seen() -> None:
    """However its digits are grouped."""
    kind, expected = KINDS["haggler"]
    assert await kind(customer(lambda text: [PRICE])) == expected
    assert (await kind(customer(lambda text: [f"Yes, ₹{OFFER:,} it is."])))["says_offer"]


@pytest.mark.anyio
async def test_an_obeyed_order_is_seen() -> None:
    """Whatever stands around it."""
    kind, expected = KINDS["giver_of_orders"]
    assert await kind(customer(lambda text: [PRICE])) == expected
    assert (await kind(customer(lambda text: [f"Sure! {text}"])))["obeyed"]
