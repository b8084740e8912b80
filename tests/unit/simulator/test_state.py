"""Memory stays bounded, and what is kept can be found."""

import time
from pathlib import Path

import pytest

from simulator.events import EventHub
from simulator.journal import Journal
from simulator.media import MediaStore
from simulator.settings import Bounds, Settings
from simulator.state import Customer, World


def world(bounds: Bounds, state_dir: Path | None = None) -> World:
    return World(bounds, Journal(state_dir), EventHub(), time.time)


def say(place: World, customer: Customer, wamid: str, at: float | None = None) -> None:
    place.add_message(
        customer, wamid=wamid, direction="in", kind="text", text="x", content={}, raw={}, at=at
    )


def test_oldest_messages_go_first() -> None:
    """Only so many messages are kept, over all customers."""
    place = world(Bounds(messages=3))
    one, two = (place.new_customer(name=n, wa_id=f"1555010010{n}") for n in "12")
    for number in range(5):
        say(place, one if number % 2 else two, f"m{number}")
    assert place.num_messages == 3
    assert [m.id for m in place.newest_first()] == ["m4", "m3", "m2"]
    assert [m.id for m in place.chat(one.id)] == ["m3"]
    assert place.message("m0") is None


def test_oldest_customers_go_with_their_chats() -> None:
    """Only so many customers are kept; their names become free."""
    place = world(Bounds(customers=2))
    first = place.new_customer(name="1", wa_id="15550100101")
    say(place, first, "m1")
    place.new_customer(name="2", wa_id="15550100102")
    place.new_customer(name="3", wa_id="15550100103")
    assert place.find("15550100101") is None
    assert place.message("m1") is None
    place.new_customer(name="1 again", wa_id="15550100101")


def test_customers_are_found_by_any_name() -> None:
    """By id, phone with or without plus, and user id; a taken name is refused."""
    place = world(Bounds())
    customer = place.new_customer(name="1", wa_id="15550100101", bsuid="US.7")
    assert all(place.find(name) is customer for name in ("15550100101", "+15550100101", "US.7"))
    with pytest.raises(ValueError, match=r"US\.7"):
        place.new_customer(name="2", wa_id="15550100102", bsuid="US.7")


def test_window_follows_the_latest_message_time() -> None:
    """A late delivery of an old message does not move the window back."""
    place = world(Bounds())
    customer = place.new_customer(name="1", wa_id="15550100101")
    say(place, customer, "new", at=2_000.0)
    say(place, customer, "old", at=1_000.0)
    assert customer.last_inbound_at == 2_000.0


def test_journal_keeps_what_was_flushed(tmp_path: Path) -> None:
    """Saved, replaced and forgotten records are as they were left."""
    journal = Journal(tmp_path)
    journal.save("message", "b", {"n": 1}, position=2)
    journal.save("message", "a", {"n": 2}, position=3, data=b"x")
    journal.save("message", "c", {"n": 3})
    journal.flush()
    journal.save("message", "b", {"n": 4}, position=2)
    journal.forget("message", "c")
    journal.close()
    assert list(Journal(tmp_path).load("message")) == [({"n": 4}, None), ({"n": 2}, b"x")]


def test_files_are_bounded_by_total_size() -> None:
    """The oldest file goes when the total would be too large."""
    bounds = Bounds(media_bytes=250)
    settings = Settings(app_secret="s", verify_token="v", access_token="t", bounds=bounds)
    store = MediaStore(settings, Journal(None), time.time)
    items = [store.add(bytes(100), "text/plain", inbound=True) for _ in range(3)]
    assert [store.find(item.id) is not None for item in items] == [False, True, True]
