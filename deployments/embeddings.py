"""The wire shape of OpenAI's embeddings, shared by the real gateway and the stub's."""

import base64
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field


class EmbeddingsBody(BaseModel):
    """OpenAI's embeddings request. `input_type` is ours: e5 models tell the two apart."""

    model: str
    input: str | Annotated[list[str], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    input_type: Literal["query", "passage"] = "passage"


def embeddings_response(model: str, vectors: np.ndarray, encoding: str) -> dict[str, Any]:
    """OpenAI's list of embeddings for a float32 array (n, dim)."""

    def encoded(vector: np.ndarray) -> Any:
        if encoding == "base64":
            return base64.b64encode(vector.astype("<f4").tobytes()).decode()
        return vector.tolist()

    data = [
        {"object": "embedding", "index": index, "embedding": encoded(vector)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 0, "total_tokens": 0}  # not counted: nobody is billed for these
    return {"object": "list", "model": model, "data": data, "usage": usage}
