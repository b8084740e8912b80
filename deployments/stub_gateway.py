"""The `/v1` of stub models: the same routes and shapes as the real gateway, without vLLM."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from ray import serve
from ray.serve.handle import DeploymentHandle

from deployments.auth import require_api_key
from deployments.embeddings import EmbeddingsBody, embeddings_response
from models.open import HASH_ENCODER
from serving.ports import ChatMessage
from serving.stubs import CHARS_PER_TOKEN, stub_answer

web = FastAPI(title="Switchback stub models", dependencies=[Depends(require_api_key)])


class Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str


class ChatBody(BaseModel):
    model: str
    messages: Annotated[list[Message], Field(min_length=1)]
    max_tokens: Annotated[int, Field(gt=0)] = 64
    stream: bool = False


# These stand above the class: serve.ingress copies it, with the names that exist by then.


def _completion(model: str, text: str, prompt_tokens: int) -> dict[str, Any]:
    completion_tokens = len(text) // CHARS_PER_TOKEN
    message = {"role": "assistant", "content": text}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


async def _events(model: str, text: str) -> AsyncIterator[str]:
    shared = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }
    for word in text.split(" "):
        choice = {"index": 0, "delta": {"content": word + " "}, "finish_reason": None}
        yield f"data: {json.dumps({**shared, 'choices': [choice]})}\n\n"
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield f"data: {json.dumps({**shared, 'choices': [end]})}\n\ndata: [DONE]\n\n"


@serve.ingress(web)
class StubGateway:
    def __init__(self, model_ids: Sequence[str], encoder: DeploymentHandle, stub_ms: float) -> None:
        self._ids = tuple(model_ids)
        self._encoder = encoder
        self._latency_s = stub_ms / 1e3

    @web.get("/models")
    async def models(self) -> dict[str, Any]:
        data = [{"id": name, "object": "model", "owned_by": "stub"} for name in self._ids]
        return {"object": "list", "data": data}

    @web.post("/chat/completions")
    async def chat(self, body: ChatBody) -> Response:
        if body.model not in self._ids:
            raise HTTPException(404, f"no model {body.model!r}; known: {', '.join(self._ids)}")
        await asyncio.sleep(self._latency_s)
        messages = [ChatMessage(message.role, message.content) for message in body.messages]
        text = stub_answer(messages, body.max_tokens)
        if body.stream:
            return StreamingResponse(_events(body.model, text), media_type="text/event-stream")
        prompt = sum(len(message.content) for message in messages) // CHARS_PER_TOKEN
        return JSONResponse(_completion(body.model, text, prompt))

    @web.post("/embeddings")
    async def embeddings(self, body: EmbeddingsBody) -> dict[str, Any]:
        if body.model != HASH_ENCODER:
            raise HTTPException(404, f"no embedding model {body.model!r}; {HASH_ENCODER!r} is")
        texts = [body.input] if isinstance(body.input, str) else body.input
        vectors = await self._encoder.encode.remote(texts, body.input_type)
        return embeddings_response(body.model, vectors, body.encoding_format)
