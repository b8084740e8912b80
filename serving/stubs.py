"""A language model and a Graph API that cost nothing: for load and fault tests, nothing else.

Deterministic: the model answers with the first sentences of what it was given, after a set
delay; the Graph API accepts everything. Each passes the contract suite of what it stands for.
"""

import asyncio
import re
import uuid
from collections.abc import Sequence

from models.types import ModelId
from serving.ports import ChatMessage, ChatReply, ChatRequest, GraphResult, OutgoingMessage
from serving.types import Candidate, Wamid

STUB = ModelId("stub")
SOURCES = re.compile(r"<sources>\n(?P<lines>.*?)\n</sources>", re.DOTALL)
SENTENCE = re.compile(r"(?<=[.!?।])\s+|\n")
CHARS_PER_TOKEN = 4  # only so that counts are not zero


class StubChat:
    """`serving.ports.ChatModel` with a configurable latency."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s

    def candidates(self, request: ChatRequest) -> tuple[Candidate, ...]:
        return (Candidate(request.tier, STUB, 0.0),)

    async def complete(self, request: ChatRequest) -> ChatReply:
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        text = stub_answer(request.messages, request.max_tokens)
        prompt = sum(len(message.content) for message in request.messages)
        return ChatReply(
            text=text,
            model=STUB,
            prompt_tokens=prompt // CHARS_PER_TOKEN,
            completion_tokens=len(text) // CHARS_PER_TOKEN,
            cost_usd=0.0,
        )


def stub_answer(messages: Sequence[ChatMessage], max_tokens: int) -> str:
    """The first sentences of the sources, or of the last message without any, within the limit."""
    last = messages[-1].content if messages else ""
    given = SOURCES.search(last)
    source = given["lines"] if given else last
    sentences = [one for one in SENTENCE.split(source.strip()) if one.strip()]
    answer = ""
    for sentence in sentences:
        if answer and len(answer) + len(sentence) > max_tokens * CHARS_PER_TOKEN:
            break
        answer = f"{answer} {sentence.strip()}".strip()
    return answer[: max_tokens * CHARS_PER_TOKEN] or "Yes."


class StubGraph:
    """`serving.ports.Graph` that accepts at once."""

    async def send(self, message: OutgoingMessage, deadline_s: float) -> GraphResult:
        del message, deadline_s
        return GraphResult("accepted", Wamid(f"wamid.{uuid.uuid4().hex}"))

    async def show_typing(self, phone_number_id: str, wamid: Wamid) -> bool:
        del phone_number_id, wamid
        return True
