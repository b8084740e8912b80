"""The administration's API: keys, scopes, the audit log, and what each route does."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from deployments import admin
from deployments.admin_access import office_of
from serving.business import Rate
from serving.ports import Settlement
from serving.stores.alerts import Alert, raise_alerts
from serving.stores.audit import SCOPES, Keys, Scope
from serving.stores.inbox import Inbox
from serving.types import Wamid
from serving.webhook import parse
from tests.integration.serving.world import (
    BUSINESS,
    CUSTOMER,
    KEYS,
    World,
    envelope,
    play,
    status,
    text,
)

LAPTOP_KEY = "the-laptops-own-key-of-forty-characters-"


class Client:
    """The API over one world's database, and keys to it."""

    def __init__(self, world: World, http: httpx.AsyncClient, app: FastAPI) -> None:
        self.world = world
        self.http = http
        self.app = app

    async def key(self, *scopes: Scope, name: str = "asha") -> dict[str, str]:
        made = await Keys(self.world.database).add(name, scopes)
        return {"Authorization": f"Bearer {made}"}

    async def audit(self) -> list[tuple[str, str, int]]:
        log = "SELECT actor, action, status FROM audit_log ORDER BY audit_id"
        rows = await self.world.rows(log)
        return [(str(actor), str(action), int(status)) for actor, action, status in rows]


Scenario = Callable[[Client], Awaitable[None]]
Run = Callable[[Scenario], None]


@pytest.fixture(params=["staging"])
def run(
    request: pytest.FixtureRequest,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Play a scenario against an app that reads its settings from the environment."""
    monkeypatch.chdir(tmp_path)
    values = {
        "PROFILE": request.param,
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "INDEX_URI": str(tmp_path / "index"),
        "GRAPH_BASE_URL": "stub:",
        "APP_SECRET": "a" * 32,
        "VERIFY_TOKEN": "v" * 32,
        "ACCESS_TOKEN": "t" * 32,
        "ENCRYPTION_KEYS": KEYS[0],
        "API_KEY": LAPTOP_KEY,
        "BUSINESS": str(Path(__file__).parents[3] / "corpus" / "business.yaml"),
    }
    for name, value in values.items():
        monkeypatch.setenv(f"SWITCHBACK_{name}", value)

    def play_it(scenario: Scenario) -> None:
        async def inside(world: World) -> None:
            app = FastAPI()
            app.include_router(admin.router)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://admin") as http:
                try:
                    await scenario(Client(world, http, app))
                finally:
                    await (await office_of(app)).close()

        play(database_url, inside)

    return play_it


def test_every_route_refuses_strangers_and_the_wrong_scope(run: Run) -> None:
    """Without a key 401, with every scope but the right one 403, and each is written down."""

    async def scenario(client: Client) -> None:
        keys = {
            scope: await client.key(*(s for s in SCOPES if s != scope), name=f"not-{scope}")
            for scope in SCOPES
        }
        routes = client.app.openapi()["paths"]
        calls = [(method, path) for path, methods in routes.items() for method in methods]
        assert len(calls) > 15
        nobody = "00000000-0000-0000-0000-000000000000"
        for method, path in calls:
            url = path.replace("{conversation_id}", nobody).replace("{turn_id}", nobody)
            body = {"identifier": CUSTOMER, "turn_ids": [nobody], "action": "opt_out"}
            wrong = await client.http.request(method, url, json=body)
            assert wrong.status_code in {401, 422}, (path, wrong.text)
            refused = {
                scope
                for scope, key in keys.items()
                if (await client.http.request(method, url, headers=key)).status_code == 403
            }
            assert len(refused) == 1, (path, refused)
        written = await client.audit()
        assert len(written) == len(calls) * (1 + len(SCOPES))
        assert {status for _, _, status in written} <= {200, 401, 403, 404, 422, 204, 503}

    run(scenario)


def test_a_revoked_key_opens_nothing(run: Run) -> None:
    """From the moment it is revoked; and its name cannot be given again."""

    async def scenario(client: Client) -> None:
        key = await client.key("read")
        assert (await client.http.get("/admin/reviews", headers=key)).status_code == 200
        assert await Keys(client.world.database).revoke("asha")
        assert (await client.http.get("/admin/reviews", headers=key)).status_code == 401
        assert [row[0] for row in await client.audit()] == ["asha", ""]

    run(scenario)


@pytest.mark.parametrize(("run", "status"), [("staging", 401), ("test", 200)], indirect=["run"])
def test_the_key_of_the_models_opens_administration_only_on_a_laptop(run: Run, status: int) -> None:
    """Where secrets were generated for one machine it does; elsewhere it does not."""

    async def scenario(client: Client) -> None:
        headers = {"Authorization": f"Bearer {LAPTOP_KEY}"}
        found = await client.http.get("/admin/conversations", headers=headers)
        assert found.status_code == status

    run(scenario)


def test_nothing_is_done_that_cannot_be_written_down(run: Run) -> None:
    """Without an audit log a take-over is refused, and the conversation stays the bot's."""

    async def scenario(client: Client) -> None:
        key = await client.key("handover")
        await client.world.receive(text("hi"))
        ((conversation_id,),) = await client.world.rows("SELECT conversation_id FROM conversations")
        await client.world.execute("ALTER TABLE audit_log RENAME TO elsewhere")
        url = f"/admin/conversations/{conversation_id}/take-over"
        assert (await client.http.post(url, headers=key)).status_code == 503
        assert await client.world.rows("SELECT owner FROM conversations") == [("bot",)]
        await client.world.execute("ALTER TABLE elsewhere RENAME TO audit_log")
        assert (await client.http.post(url, headers=key)).json() == {"outcome": "changed"}
        assert await client.world.rows("SELECT owner FROM conversations") == [("human",)]

    run(scenario)


def test_a_colleague_sees_a_hand_off_with_its_summary(run: Run) -> None:
    """Who waits, why, what they wrote, and what the bot had said."""

    async def scenario(client: Client) -> None:
        key = await client.key("read", "handover")
        world, http = client.world, client.http
        await world.receive(text("How much is Hampta Pass?"))
        turn = await world.claim_one()
        await world.admit(turn)
        await world.turns.finish(turn, None, "sent")
        await world.receive(text("I want a person"))
        url = f"/admin/conversations/{turn.conversation_id}"
        assert (await http.post(f"{url}/take-over", headers=key)).status_code == 200
        listed = (await http.get("/admin/conversations?owner=human", headers=key)).json()
        assert [line["handoff_reason"] for line in listed] == ["agent"]
        view = (await http.get(url, headers=key)).json()
        assert view["handoff"]["unanswered"] == ["I want a person"]
        assert "“I want a person”" in view["handoff"]["summary"]
        assert view["handoff"]["intent"] == "pricing"
        found = await http.post(
            "/admin/conversations/find", headers=key, json={"identifier": CUSTOMER}
        )
        assert [line["conversation_id"] for line in found.json()] == [turn.conversation_id]
        assert (await http.post(f"{url}/hand-back", headers=key)).json() == {"outcome": "changed"}
        assert (await http.get(url, headers=key)).json()["handoff"] is None
        nobody = "/admin/conversations/00000000-0000-0000-0000-000000000000"
        assert (await http.get(nobody, headers=key)).status_code == 404

    run(scenario)


def test_reviews_are_one_line_per_conversation(run: Run) -> None:
    """However many messages of one customer need a look, they fill one line, and go together."""

    async def scenario(client: Client) -> None:
        key = await client.key("read", "handover")
        world, http = client.world, client.http
        for number in range(3):
            await world.receive(text(f"late {number}"))
            turn = await world.claim_one()
            await world.turns.finish(turn, None, "held")
            url = f"/admin/conversations/{turn.conversation_id}/hand-back"
            await http.post(url, headers=key)  # what is held is a person's
        (review,) = (await http.get("/admin/reviews", headers=key)).json()
        assert (review["kind"], review["count"], len(review["turn_ids"])) == ("held", 3, 3)
        resolved = await http.post(
            f"/admin/reviews/{review['conversation_id']}/resolve", headers=key
        )
        assert resolved.json() == {"resolved": 3}
        assert (await http.get("/admin/reviews", headers=key)).json() == []

    run(scenario)


def test_consent_that_was_given_elsewhere_is_recorded(run: Run) -> None:
    """An opt-out by telephone silences the bot; the number stands in no log."""

    async def scenario(client: Client) -> None:
        key = await client.key("consent")
        world, http = client.world, client.http
        await world.receive(text("hi"))
        turn = await world.claim_one()
        order = {"identifier": CUSTOMER, "action": "opt_out"}
        assert (await http.post("/admin/opt-outs", headers=key, json=order)).status_code == 204
        assert (await world.admit(turn)).outcome == "suppressed"
        (opt_out,) = (await http.get("/admin/opt-outs", headers=key)).json()
        assert (opt_out["contact_id"], opt_out["scope"]) == (turn.contact_id, "all")
        unknown = order | {"identifier": "15550109999"}
        assert (await http.post("/admin/opt-outs", headers=key, json=unknown)).status_code == 404
        log = await world.rows("SELECT action || target FROM audit_log")
        assert not any(CUSTOMER in line for (line,) in log)

    run(scenario)


def test_dead_letters_are_replayed_and_costs_added_up(run: Run) -> None:
    """By their ids, once; and what was spent is asked for by period."""

    async def scenario(client: Client) -> None:
        key = await client.key("dlq", "costs")
        world, http = client.world, client.http
        await world.receive(text("no"))
        turn = await world.claim_one()
        await world.turns.bury(turn, "defect")
        (letter,) = (await http.get("/admin/dead-letters", headers=key)).json()
        shown = (await http.get(f"/admin/dead-letters/{letter['turn_id']}", headers=key)).json()
        assert (shown["reason"], shown["messages"][0]["text"]) == ("defect", "no")
        order = {"turn_ids": [letter["turn_id"]]}
        for outcome in ("replayed", "already"):
            answer = await http.post("/admin/dead-letters/replay", headers=key, json=order)
            assert answer.json() == {letter["turn_id"]: outcome}
        costs = (await http.get("/admin/costs?since=2020-01-01", headers=key)).json()
        assert costs == {
            "models": [],
            "messages": [],
            "countries": [],
            "conversations": [],
            "model_cost_usd": 0,
            "message_cost_usd": 0,
        }

    run(scenario)


def test_messages_cost_what_the_rate_card_says_by_country_and_conversation(run: Run) -> None:
    """Known numbers: delivered ones count, free ones cost nothing, a period has its own."""

    async def scenario(client: Client) -> None:
        world, key = client.world, await client.key("costs")
        card = replace(
            BUSINESS.rate_card,
            default=Rate(service=0.5, utility=0.5, marketing=0.5),
            countries={"IN": Rate(0.25, 0.5, 1.0, "91"), "FR": Rate(2.0, 3.0, 4.0, "33")},
        )
        inbox = Inbox(world.database, rate_card=card)
        ids = {}
        for wamid, sender, how, kind in (
            ("wamid.1", "919000000001", "delivered", "regular"),
            ("wamid.2", "919000000001", "read", "regular"),
            ("wamid.3", "919000000002", "delivered", "free_customer_service"),
            ("wamid.4", "33600000001", "delivered", "regular"),
            ("wamid.5", "33600000001", "sent", "regular"),  # costs nothing before it arrives
            ("wamid.6", "77700000001", "delivered", "regular"),  # a country not on the card
        ):
            await world.receive(text(sender=sender))
            turn = await world.claim_one()
            gate = await world.admit(turn)
            await world.outbox.settle(gate.callback_data, Settlement("sent", Wamid(wamid)))
            await world.turns.finish(turn, None, "sent")
            priced = {"pricing": {"type": kind, "category": "service"}}
            await inbox.accept(parse(envelope(statuses=[status(wamid, how, **priced)])))
            ids[turn.conversation_id] = sender
        costs = (await client.http.get("/admin/costs", headers=key)).json()
        names = ("country", "category", "conversations", "messages", "free", "cost_usd")
        assert [
            (*(row[name] for name in names), row["usd_per_conversation"])
            for row in costs["countries"]
        ] == [
            ("", "service", 1, 1, 0, 0.5, 0.5),
            ("FR", "service", 1, 1, 0, 2.0, 2.0),
            ("IN", "service", 2, 3, 1, 0.5, 0.25),
        ]
        assert [
            (ids[row["conversation_id"]], row["country"], row["messages"], row["cost_usd"])
            for row in costs["conversations"]
            if row["cost_usd"] != 0.5
        ] == [("33600000001", "FR", 1, 2.0), ("919000000002", "IN", 1, 0.0)]
        assert costs["message_cost_usd"] == 3.0
        before = (await client.http.get("/admin/costs?until=2020-01-01", headers=key)).json()
        assert (before["countries"], before["message_cost_usd"]) == ([], 0)

    run(scenario)


def test_alerts_are_listed(run: Run) -> None:
    """What sending found wrong is one line, however often it happened."""

    async def scenario(client: Client) -> None:
        key = await client.key("read")
        alert = Alert("graph", "131031", "the account is locked")
        for _ in range(2):
            await client.world.database.run(lambda c: raise_alerts(c, [alert]))
        (shown,) = (await client.http.get("/admin/alerts", headers=key)).json()
        assert (shown["subject"], shown["occurrences"]) == ("131031", 2)

    run(scenario)


def test_a_person_is_exported_and_erased_over_http(run: Run) -> None:
    """And the audit log tells which contact it was, by an id that means nobody any more."""

    async def scenario(client: Client) -> None:
        key = await client.key("privacy")
        await client.world.receive(text("hi"))
        someone = {"identifier": CUSTOMER}

        async def post(what: str) -> dict[str, object]:
            answer = await client.http.post(f"/admin/privacy/{what}", headers=key, json=someone)
            assert answer.status_code == 200, answer.text
            found: dict[str, object] = answer.json()
            return found

        exported = await post("export")
        assert not (await post("verify"))["absent"]
        erased = await post("erase")
        assert erased["contacts"] == exported["contacts"]
        assert (await post("verify"))["absent"]
        targets = await client.world.rows("SELECT target FROM audit_log WHERE target <> ''")
        assert targets == [(exported["contacts"][0],)]  # type: ignore[index]  # a list

    run(scenario)
