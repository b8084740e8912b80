"""Every error code that the simulator raises, at once or in a status: the stated action happens."""

import asyncio
from dataclasses import dataclass

import pytest

from bench.house import NUMBER, House, house
from serving.graph_errors import rule_for
from serving.steps.send_message import SendSettings
from serving.types import Turn
from simulator.errors import TABLE

QUICK = SendSettings(budget_s=1.5, first_delay_s=0.001)
CODES = sorted(TABLE)


@dataclass(slots=True)
class Seen:
    """What became of one answer whose first try met an error."""

    state: str = ""  # of the first try
    follows: bool = False  # another part waits to be sent
    alert: bool = False
    held: bool = False
    marketing_stopped: bool = False
    got: tuple[str, ...] = ()  # what the customer has in the end


def stated(code: int, *, later: bool) -> Seen:
    """What the table says of it."""
    rule = rule_for(code)
    gets_it = rule.action in {"hold", "wait"} or (rule.action == "retry" and rule.retries is None)
    if later:  # accepted, then reported as failed: known not to have arrived
        gets_it = rule.action in {"hold", "wait", "retry"}
    got: tuple[str, ...] = ("text",) if gets_it else ()
    if rule.action == "template":
        got = ("template",)
    return Seen(
        state="failed" if later or not gets_it else "deferred",
        follows=(later and gets_it) or rule.action == "template",
        alert="alert" in rule.actions,
        held="hold" in rule.actions,
        marketing_stopped="suppress" in rule.actions,
        got=got,
    )


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_stated_action_happens(database_url: str, mode: str) -> None:
    """For each code: the message, the alert, the sender and what the customer has in the end."""
    seen = asyncio.run(raise_all(database_url, mode))
    wrong = {
        code: (one, stated(code, later=mode == "async"))
        for code, one in seen.items()
        if one != stated(code, later=mode == "async")
    }
    assert wrong == {}
    assert len(seen) == len(TABLE)


async def raise_all(url: str, mode: str) -> dict[int, Seen]:
    """One customer for each code, one after the other: some codes hold the whole sender."""
    async with house(url, QUICK) as all_of_it:
        faults = [
            {"kind": "error", "to": customer_of(code), "code": code, "mode": mode, "times": None}
            for code in CODES
        ]
        await all_of_it.faults(
            limits={"throughput": False}, statuses={"sent_delay_s": 0.001}, sends=faults
        )
        for code in CODES:
            await all_of_it.customer(customer_of(code))
            await all_of_it.says(customer_of(code), str(code))
        turns = {int(turn.text): turn for turn in await all_of_it.claim(len(CODES))}
        seen = {code: await first_try(all_of_it, turns[code], mode) for code in CODES}
        await all_of_it.faults(sends=[])
        await all_of_it.resume()
        for code in CODES:
            messages = await all_of_it.got(customer_of(code))
            seen[code].got = tuple(message["type"] for message in messages)
        return seen


def customer_of(code: int) -> str:
    return f"1555{code:08}"


async def first_try(all_of_it: House, turn: Turn, mode: str) -> Seen:
    await all_of_it.send(turn)
    seen = Seen()

    async def settled() -> bool:
        states = await all_of_it.rows(
            "SELECT state FROM outbox WHERE turn_id = %s AND part = 0", turn.turn_id
        )
        seen.state = states[0][0]
        return seen.state in ({"failed"} if mode == "async" else {"failed", "deferred"})

    await all_of_it.until(settled)
    parts = await all_of_it.rows(
        "SELECT state FROM outbox WHERE turn_id = %s AND part = 1", turn.turn_id
    )
    seen.follows = parts == [("deferred",)]
    alerts = await all_of_it.alerts.open()
    seen.alert = turn.text in {alert.subject for alert in alerts}
    held = await all_of_it.rows("SELECT held_until > now() FROM senders WHERE holds > 0")
    seen.held = held == [(True,)]
    stopped = await all_of_it.rows(
        "SELECT opt_out_scope FROM contacts WHERE contact_id = %s", turn.contact_id
    )
    seen.marketing_stopped = stopped == [("marketing",)]
    # The next code is another story; what waits must not be due before all have been tried.
    await all_of_it.senders.release(NUMBER)
    await all_of_it.execute(
        "UPDATE outbox SET due_at = now() + interval '1 h' WHERE due_at IS NOT NULL"
    )
    return seen
