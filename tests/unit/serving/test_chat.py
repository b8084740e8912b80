"""The chain of models behind a tier, against endpoints in this process."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from models.types import ModelId
from serving.chat import ChatEndpoint, OpenAiChat
from serving.errors import Degraded
from serving.ports import ChatMessage, ChatReply, ChatRequest
from serving.types import Language


@dataclass
class Endpoint:
    """An OpenAI-compatible server on loopback: each model has a status and a text."""

    answers: dict[str, tuple[int, str]]
    asked: list[dict[str, Any]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def serve(self) -> ThreadingHTTPServer:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.asked.append(body)
                status, text = owner.answers[body["model"]]
                if text == "HANG":
                    owner.hold.wait(20)
                    status = 500
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(completion(body["model"], text)).encode())

            def log_message(self, *args: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/v1"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server


def completion(model: str, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint(
        {
            "good": (200, " Fine. "),
            "down": (500, ""),
            "busy": (429, ""),
            "mute": (200, ""),
            "slow": (200, "HANG"),
            "picky": (400, ""),
        }
    )
    server = served.serve()
    yield served
    served.hold.set()
    server.shutdown()
    server.server_close()


def at(endpoint: Endpoint, name: str, **more: Any) -> ChatEndpoint:
    return ChatEndpoint(ModelId(f"our-{name}"), name, endpoint.url, "key", **more)


def ask(
    *chain: ChatEndpoint, language: Language = "en", deadline_s: float = 10.0, prompt: str = "Hi"
) -> ChatReply:
    async def run() -> ChatReply:
        chat = OpenAiChat({"fast": chain})
        request = ChatRequest("fast", (ChatMessage("user", prompt),), language, 50, deadline_s)
        try:
            return await chat.complete(request)
        finally:
            await chat.close()

    return asyncio.run(run())


def test_the_first_model_answers_with_its_cost(endpoint: Endpoint) -> None:
    """Our name of the model, tokens, and dollars by its own price."""
    reply = ask(at(endpoint, "good", price_in=2.0, price_out=10.0))
    assert reply == ChatReply("Fine.", ModelId("our-good"), 1000, 100, 0.003)
    assert endpoint.asked[0]["max_tokens"] == 50
    assert endpoint.asked[0]["temperature"] == 0.0


@pytest.mark.parametrize("first", ["down", "busy", "mute", "picky"])
def test_a_failing_model_hands_over_and_the_reply_says_so(endpoint: Endpoint, first: str) -> None:
    """Each is asked once; the mark names tier and model."""
    reply = ask(at(endpoint, first), at(endpoint, "good"))
    assert reply.model == "our-good"
    assert reply.degraded == ("tier:fast->our-good",)
    assert [body["model"] for body in endpoint.asked] == [first, "good"]


def test_a_hanging_model_leaves_time_for_the_next(endpoint: Endpoint) -> None:
    """Half of the deadline is the first one's; the second still answers within the whole."""
    assert ask(at(endpoint, "slow"), at(endpoint, "good"), deadline_s=4.0).model == "our-good"


def test_a_model_that_does_not_write_the_language_is_passed_over(endpoint: Endpoint) -> None:
    """It is not even asked."""
    english = at(endpoint, "down", languages=frozenset({"en"}))
    reply = ask(english, at(endpoint, "good"), language="hi")
    assert reply.degraded == ("tier:fast->our-good",)
    assert [body["model"] for body in endpoint.asked] == ["good"]


def test_a_model_whose_window_is_too_small_is_passed_over(endpoint: Endpoint) -> None:
    """The estimate is by characters; the endpoint has the last word."""
    small = at(endpoint, "down", max_context=100)
    assert ask(small, at(endpoint, "good"), prompt="word " * 200).model == "our-good"


def test_when_none_writes_the_language_the_step_is_told(endpoint: Endpoint) -> None:
    """The caller has a fallback that needs no model."""
    with pytest.raises(Degraded, match="no model of tier 'fast' writes 'fr'"):
        ask(at(endpoint, "good", languages=frozenset({"en"})), language="fr")


def test_when_all_fail_the_reasons_are_kept_and_the_prompt_is_not(endpoint: Endpoint) -> None:
    """Errors name model and status, never what the customer wrote."""
    with pytest.raises(Degraded) as caught:
        ask(at(endpoint, "down"), at(endpoint, "busy"), prompt="my secret")
    assert "our-down: InternalServerError (HTTP 500)" in str(caught.value)
    assert "our-busy: RateLimitError (HTTP 429)" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_endpoint_that_is_not_there_is_passed_over(endpoint: Endpoint) -> None:
    """A refused connection is an error like others."""
    gone = ChatEndpoint(ModelId("gone"), "gone", "http://127.0.0.1:9/v1", "key")
    assert ask(gone, at(endpoint, "good")).model == "our-good"
