"""Training of the heads on the labelled messages: `switchback train`.

Three multinomial logistic regressions over the same three parts: the embedding, the pieces of words
and the clues of the word lists. A temperature, fitted on families that were left out,
makes their probabilities honest.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit

from deployments.local.understanding import encoder
from deployments.settings import Settings
from evals.labelled import NOW, Asking, Labelled, messages, requests, treks
from serving.understanding import features, heads
from serving.understanding.heads import Head, Heads
from serving.understanding.reading import clues_of, parse_text
from serving.understanding.script import tokens
from serving.understanding.treks import TrekFinder

# How much each part weighs before regularisation; chosen on left-out families of the training part.
EMBEDDING, PIECES, CLUES = 6.0, 3.0, 0.25
INVERSE_REGULARISATION = 1.0
LEFT_OUT = 0.2  # of the families, for the temperature

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    family: str
    embedding: Matrix
    pieces: tuple[NDArray[np.int64], Matrix]
    clues: Matrix


def train(settings: Settings, path: Path = heads.ARTEFACT) -> Heads:
    """Train the heads for the profile's encoder and write the artefact."""
    labelled, asking = messages("messages"), requests("requests.tsv")
    own = encoder(settings)
    texts = [*(one.text for one in labelled), *(one.text for one in asking)]
    trained = fit(labelled, asking, own.encode(texts, "query"), str(own.fingerprint))
    heads.save(trained, path)
    return trained


def fit(
    labelled: Sequence[Labelled], asking: Sequence[Asking], vectors: Matrix, fingerprint: str
) -> Heads:
    """The heads for these messages; `vectors` are those of `labelled`, then of `asking`."""
    center = vectors.mean(axis=0)
    finder = treks()
    texts = [(one.text, one.family) for one in labelled]
    texts += [(one.text, one.family) for one in asking]
    pairs = zip(texts, vectors - center, strict=True)
    examples = [_example(text, family, vector, finder) for (text, family), vector in pairs]
    customers = examples[: len(labelled)]  # those who ask for silence have no other intent
    digest = hashlib.sha256("\n".join(map(str, [*labelled, *asking])).encode()).hexdigest()[:12]
    return Heads(
        encoder=fingerprint,
        data=digest,
        center=center,
        intent=_fit_head(customers, [one.intent for one in labelled]),
        sentiment=_fit_head(customers, [one.sentiment for one in labelled]),
        request=_fit_head(examples, ["none"] * len(labelled) + [one.request for one in asking]),
    )


def _example(text: str, family: str, embedding: Matrix, finder: TrekFinder) -> Example:
    words = tokens(text)
    clues = clues_of(text, words, parse_text(text, NOW, finder))
    return Example(family, embedding, features.pieces(text, words), clues)


def _fit_head(examples: Sequence[Example], labels: Sequence[str]) -> Head:
    inputs = _inputs(examples)
    families = [example.family for example in examples]
    temperature = _temperature(inputs, np.array(labels), families)
    model = _regression().fit(inputs, labels)
    weights = (model.coef_.T / temperature).astype(np.float32)
    dimensions = len(examples[0].embedding)
    end = dimensions + features.BUCKETS
    return Head(
        labels=tuple(map(str, model.classes_)),
        embedding=weights[:dimensions] * EMBEDDING,
        pieces=weights[dimensions:end] * PIECES,
        clues=weights[end:] * CLUES,
        bias=(model.intercept_ / temperature).astype(np.float32),
    )


def _inputs(examples: Sequence[Example]) -> Any:
    embeddings = np.stack([example.embedding for example in examples])
    clues = np.stack([example.clues for example in examples])
    lengths = [len(example.pieces[0]) for example in examples]
    pieces = sparse.csr_matrix(
        (
            np.concatenate([example.pieces[1] for example in examples]),
            np.concatenate([example.pieces[0] for example in examples]),
            np.cumsum([0, *lengths]),
        ),
        shape=(len(examples), features.BUCKETS),
    )
    parts = [sparse.csr_matrix(embeddings * EMBEDDING), pieces * PIECES]
    return sparse.hstack([*parts, sparse.csr_matrix(clues * CLUES)]).tocsr()


def _temperature(inputs: Any, labels: NDArray[Any], families: Sequence[str]) -> float:
    """The divisor of the sums under which families that were left out are least surprising."""
    division = GroupShuffleSplit(n_splits=1, test_size=LEFT_OUT, random_state=0)
    rest, left_out = next(division.split(inputs, labels, families))
    model = _regression().fit(inputs[rest], labels[rest])
    scores = model.decision_function(inputs[left_out])
    wanted = np.searchsorted(model.classes_, labels[left_out])

    def surprise(temperature: float) -> float:
        scaled = scores / temperature
        top = scaled.max(axis=1)
        total = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
        return float((total - scaled[np.arange(len(wanted)), wanted]).mean())

    return float(minimize_scalar(surprise, bounds=(0.2, 5.0), method="bounded").x)


def _regression() -> LogisticRegression:
    return LogisticRegression(C=INVERSE_REGULARISATION, max_iter=300, tol=1e-3)
