"""The trained heads: intent, sentiment and request, from one embedding and the words.

A head compares the message with the ones it was trained on: how near each is by meaning (a
Gaussian kernel over embeddings), and weights of word pieces and clues. `switchback train` makes the
artefact. It holds for one encoder only, which it names: vectors of another would give confident
nonsense.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from serving.types import Intent, Request, Sentiment
from serving.understanding import features
from serving.understanding.features import Vector
from serving.understanding.script import Token
from serving.understanding.wordlists import DATA

ARTEFACT = DATA / "heads.npz"
PARTS = ("near", "pieces", "clues")
LEVELS = 127  # of a stored embedding's values: a byte each, 2 MB instead of 10


@dataclass(frozen=True, slots=True)
class Head:
    """A softmax over the weighted sums of three parts, its calibration already in the weights."""

    labels: tuple[str, ...]
    near: Vector  # (known messages, labels)
    pieces: Vector  # (buckets, labels)
    clues: Vector  # (clues, labels)
    bias: Vector  # (labels,)

    def probabilities(
        self, near: Vector, pieces: tuple[NDArray[np.int64], Vector], clues: Vector
    ) -> dict[str, float]:
        buckets, weights = pieces
        sums = near @ self.near + weights @ self.pieces[buckets] + clues @ self.clues + self.bias
        powers = np.exp(sums - sums.max())
        shares = powers / powers.sum()
        return dict(zip(self.labels, map(float, shares), strict=True))


@dataclass(frozen=True, slots=True)
class Reading:
    """What the heads make of one message."""

    intents: Mapping[Intent, float]  # probabilities
    sentiment: Sentiment
    request: Request
    request_share: float  # its probability


@dataclass(frozen=True, slots=True)
class Heads:
    encoder: str  # fingerprint of the encoder whose vectors these heads were trained on
    data: str  # digest of the messages they were trained on
    known: Vector  # (known messages, dimensions): embeddings, less `center`
    center: Vector  # mean of the training vectors
    width: float  # of the kernel: exp(-width * squared distance)
    intent: Head
    sentiment: Head
    request: Head  # silence, fewer messages, messages again, or none of it

    def read(self, vector: Vector, text: str, words: Sequence[Token], clues: Vector) -> Reading:
        pieces = features.pieces(text, words)
        near = nearness(vector - self.center, self.known, self.width)
        intents, feelings, requests = (
            head.probabilities(near, pieces, clues)
            for head in (self.intent, self.sentiment, self.request)
        )
        request = _likeliest(requests)
        return Reading(
            cast("dict[Intent, float]", intents),
            cast("Sentiment", _likeliest(feelings)),
            cast("Request", request),
            requests[request],
        )


def nearness(vector: Vector, known: Vector, width: float) -> Vector:
    """1 for the same embedding, towards 0 for unrelated ones; float32 (len(known),)."""
    away = known - vector
    near: Vector = np.exp(-width * np.einsum("ij,ij->i", away, away))
    return near


def _likeliest(shares: Mapping[str, float]) -> str:
    return max(shares, key=lambda label: shares[label])


def load(path: Path = ARTEFACT) -> Heads:
    """Raises ValueError for an artefact of another version of the features."""
    with np.load(path, allow_pickle=False) as stored:
        about: Mapping[str, Any] = json.loads(str(stored["about"]))
        if about["features"] != features.VERSION:
            raise ValueError(
                f"{path}: made for features {about['features']}, not {features.VERSION};"
                " run `switchback train`"
            )
        arrays = {name: stored[name] for name in stored.files if name != "about"}
    return Heads(
        about["encoder"],
        about["data"],
        arrays["known"].astype(np.float32) * np.float32(about["step"]),
        arrays["center"].astype(np.float32),
        float(about["width"]),
        _head("intent", about, arrays),
        _head("sentiment", about, arrays),
        _head("request", about, arrays),
    )


def save(heads: Heads, path: Path = ARTEFACT) -> None:
    """Weights in 16 bits, embeddings in 8: no probability moves by a hundredth."""
    named = {"intent": heads.intent, "sentiment": heads.sentiment, "request": heads.request}
    step = max(float(np.abs(heads.known).max()), 1e-9) / LEVELS
    about = {
        "encoder": heads.encoder,
        "data": heads.data,
        "features": features.VERSION,
        "step": step,
        "width": heads.width,
        "labels": {name: head.labels for name, head in named.items()},
    }
    arrays = {
        f"{name}_{part}": getattr(head, part).astype(np.float16)
        for name, head in named.items()
        for part in (*PARTS, "bias")
    }
    np.savez_compressed(
        path,
        about=np.array(json.dumps(about)),
        known=np.round(heads.known / step).astype(np.int8),
        center=heads.center.astype(np.float16),
        **arrays,
    )


def _head(name: str, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Head:
    parts = {part: arrays[f"{name}_{part}"].astype(np.float32) for part in (*PARTS, "bias")}
    return Head(tuple(about["labels"][name]), **parts)
