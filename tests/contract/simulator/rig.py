"""A simulator in this process, a webhook that records what arrives, and a clock that can be set."""

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
from fastapi.testclient import TestClient

from simulator.app import Retry, Settings

Until = Callable[[Callable[[], Any]], Any]
SECRET, TOKEN, VERIFY, NUMBER = "test_app_secret", "test-token", "test-verify", "106500000000002"
DANA = "15550100123"
NOE = "FR.90000000000000000077"


@dataclass
class Webhook:
    """Plays the bot's side. `answers` are used up first, then 200."""

    answers: list[int | Exception] = field(default_factory=list)
    posts: list[httpx.Request] = field(default_factory=list)
    challenge_prefix: str = ""
    strict: bool = False  # answers 401 to a wrong signature

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            good = request.url.params["hub.verify_token"] == VERIFY
            text = self.challenge_prefix + request.url.params["hub.challenge"]
            return httpx.Response(200 if good else 403, text=text)
        self.posts.append(request)
        if self.strict and not signed(request):
            return httpx.Response(401)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    def values(self) -> list[dict[str, Any]]:
        """Every `value` of every correctly signed body, in order of arrival."""
        bodies = [json.loads(post.content) for post in self.posts if signed(post)]
        entries = [entry for body in bodies for entry in body["entry"]]
        return [change["value"] for entry in entries for change in entry["changes"]]

    def messages(self) -> list[dict[str, Any]]:
        return [message for value in self.values() for message in value.get("messages", [])]

    def statuses(self, wamid: str | None = None) -> list[dict[str, Any]]:
        found = [status for value in self.values() for status in value.get("statuses", [])]
        return [status for status in found if wamid in (None, status["id"])]


def signed(post: httpx.Request) -> bool:
    """Whether the signature is right for the raw bytes."""
    digest = hmac.new(SECRET.encode(), post.content, sha256).hexdigest()
    return bool(post.headers.get("x-hub-signature-256") == f"sha256={digest}")


@dataclass
class Clock:
    """Unix seconds: the real ones, moved, or standing still."""

    offset_s: float = 0.0
    stopped_at: float | None = None

    def __call__(self) -> float:
        return (time.time() if self.stopped_at is None else self.stopped_at) + self.offset_s

    def stop(self) -> None:
        self.stopped_at = time.time()


@dataclass
class Rig:
    """The simulator's two sides."""

    client: TestClient
    webhook: Webhook
    clock: Clock

    def send(self, body: dict[str, Any], **headers: str) -> Any:
        auth = {"Authorization": f"Bearer {TOKEN}"} | headers
        path = f"/v26.0/{NUMBER}/messages"
        return self.client.post(path, json={"messaging_product": "whatsapp"} | body, headers=auth)

    def text(self, to: str = DANA, body: str = "Hello", **more: Any) -> Any:
        return self.send({"to": f"+{to}", "type": "text", "text": {"body": body}} | more)

    def says(self, customer: str = DANA, **action: Any) -> str:
        answer = self.client.post(f"/sim/customers/{customer}/messages", json=action)
        assert answer.status_code == 201, answer.text
        wamid: str = answer.json()["id"]
        return wamid

    def faults(self, **knobs: Any) -> None:
        answer = self.client.patch("/sim/faults", json=knobs)
        assert answer.status_code == 200, answer.text

    def chat(self, customer: str = DANA) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/sim/customers/{customer}/messages").json()[
            "messages"
        ]
        return found

    def upload(self, data: bytes, mime_type: str) -> Any:
        return self.client.post(
            f"/v26.0/{NUMBER}/media",
            data={"messaging_product": "whatsapp", "type": mime_type},
            files={"file": ("file", data, mime_type)},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )


QUICK = {"sent_delay_s": 0.01, "delivered_delay_s": 0.02, "read_delay_s": 0.03, "jitter": 0}


def make_settings(**more: Any) -> Settings:
    return Settings(
        app_secret=SECRET,
        verify_token=VERIFY,
        access_token=TOKEN,
        webhook_url="http://bot.test/webhook",
        public_url="http://testserver",
        seed=7,
        retry=Retry(base_s=0.01, timeout_s=5),
        **more,
    )
