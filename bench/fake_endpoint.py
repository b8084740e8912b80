"""OpenAI-compatible servers on loopback that answer, refuse, hang, drip or break off."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

Manner = Literal["good", "down", "busy", "mute", "hang", "drip", "cut", "garbage", "refuse"]
OK = 200
STATUS = {"down": 500, "busy": 429, "refuse": 400}
DRIP_S = 0.05


@dataclass
class FakeEndpoint:
    """One server; each model name has a manner of its own. `served` counts answers in full."""

    manners: dict[str, Manner] = field(default_factory=dict)
    text: str = "In September the Hampta Pass trek costs ₹10,500 per person."
    tokens: tuple[int, int] = (1000, 100)
    asked: list[str] = field(default_factory=list)
    served: int = 0
    url: str = ""
    _calls: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator["FakeEndpoint"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            server.close()
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.create_task(self._serve(reader, writer))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length:")[1].split("\r\n")[0])
                model = json.loads(await reader.readexactly(length))["model"]
                self.asked.append(model)
                if not await self._answer(self.manners.get(model, "good"), model, writer):
                    break
        writer.close()

    async def _answer(self, manner: Manner, model: str, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        body = self._body(model, "" if manner == "mute" else self.text)
        match manner:
            case "hang":
                await asyncio.sleep(3600)
            case "garbage":
                body = b'{"choices": [{"mess'
            case "cut":
                writer.write(_head(200, len(body)) + body[: len(body) // 2])
                await writer.drain()
                return False
            case "drip":  # every read gets something, so that no timeout of a read ever ends it
                writer.write(_head(200, len(body)))
                for byte in body:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(DRIP_S)
                return True
        status = STATUS.get(manner, OK)
        self.served += status == OK
        writer.write(_head(status, len(body)) + body)
        await writer.drain()
        return True

    def _body(self, model: str, text: str) -> bytes:
        tokens_in, tokens_out = self.tokens
        message = {"role": "assistant", "content": text}
        answer: dict[str, Any] = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
            },
        }
        return json.dumps(answer).encode()


def _head(status: int, length: int) -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
