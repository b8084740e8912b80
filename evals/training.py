"""Training of the heads on the labelled messages: `switchback train`.

For each label a support vector machine tells its messages from all others; its kernel is nearness
of embeddings plus shared word pieces and clues. A softmax, fitted on families that were left out,
makes probabilities of what they say.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from deployments.local.understanding import encoder
from deployments.settings import Settings
from evals.labelled import NOW, Asking, Labelled, messages, requests, treks
from serving.understanding import features, heads
from serving.understanding.heads import Head, Heads
from serving.understanding.reading import clues_of, parse_text
from serving.understanding.script import tokens
from serving.understanding.treks import TrekFinder

# Chosen on left-out families of the training part.
PIECES, CLUES = 3.0, 0.25  # how much a piece and a clue weigh against each other ...
WORDS = 0.06  # ... and both against nearness by meaning
WIDTH = 1.0  # of the kernel, against the embeddings' own spread
PENALTY = 10.0  # of a message on the wrong side
FOLDS = 3  # of families; what is left out of one is what the softmax is fitted on

Matrix = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Example:
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
    known = vectors - center
    examples = [_example(text, finder) for text, _ in texts]
    words = _words(examples)
    width = WIDTH / (known.shape[1] * float(known.var()))
    kernel = _kernel(known, words, width)
    families = np.array([family for _, family in texts])
    customers = len(labelled)  # those who ask for silence have no other intent

    def head(labels: Sequence[str]) -> Head:
        first = len(labels)
        return _fit_head(kernel[:first, :first], words[:first], families[:first], labels)

    trained = Heads(
        encoder=fingerprint,
        data=hashlib.sha256("\n".join(map(str, [*labelled, *asking])).encode()).hexdigest()[:12],
        known=known,
        center=center,
        width=width,
        intent=head([one.intent for one in labelled]),
        sentiment=head([one.sentiment for one in labelled]),
        request=head(["none"] * customers + [one.request for one in asking]),
    )
    return _without_idle(trained)


def _example(text: str, finder: TrekFinder) -> Example:
    words = tokens(text)
    clues = clues_of(text, words, parse_text(text, NOW, finder))
    return Example(features.pieces(text, words), clues)


def _words(examples: Sequence[Example]) -> Any:
    """Sparse (messages, buckets and clues)."""
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
    return sparse.hstack([pieces * PIECES, sparse.csr_matrix(clues * CLUES)]).tocsr()


def _kernel(known: Matrix, words: Any, width: float) -> Matrix:
    near = np.stack([heads.nearness(vector, known, width) for vector in known])
    return np.asarray(near + WORDS * (words @ words.T).toarray(), np.float64)


def _fit_head(kernel: Matrix, words: Any, families: NDArray[Any], labels: Sequence[str]) -> Head:
    """Weights of what a message is compared with, the softmax's included."""
    wanted = np.array(labels)
    names = sorted(set(labels))
    scale, shift = _softmax(_left_out(kernel, families, wanted, names), wanted, names)
    fitted = [_machine(kernel, wanted == name) for name in names]
    near = np.stack([dual for dual, _ in fitted], axis=1) @ scale
    linear = WORDS * (words.T @ near)
    linear[: features.BUCKETS] *= PIECES
    linear[features.BUCKETS :] *= CLUES
    return Head(
        labels=tuple(names),
        near=near.astype(np.float32),
        pieces=linear[: features.BUCKETS].astype(np.float32),
        clues=linear[features.BUCKETS :].astype(np.float32),
        bias=(np.array([bias for _, bias in fitted]) @ scale + shift).astype(np.float32),
    )


def _machine(kernel: Matrix, inside: NDArray[Any]) -> tuple[Matrix, float]:
    """The weight of every message, most of them 0, and the bias."""
    from sklearn.svm import SVC  # noqa: PLC0415  # three seconds

    machine = SVC(C=PENALTY, kernel="precomputed", cache_size=500).fit(kernel, inside)
    weights = np.zeros(len(kernel))
    weights[machine.support_] = machine.dual_coef_[0]
    return weights, float(machine.intercept_[0])


def _left_out(
    kernel: Matrix, families: NDArray[Any], wanted: NDArray[Any], names: Sequence[str]
) -> Matrix:
    """What machines trained without a message's family say of it: (messages, labels)."""
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415

    said = np.zeros((len(kernel), len(names)))
    for rest, out in GroupKFold(FOLDS).split(kernel, wanted, families):
        for place, name in enumerate(names):
            weights, bias = _machine(kernel[np.ix_(rest, rest)], wanted[rest] == name)
            said[out, place] = kernel[np.ix_(out, rest)] @ weights + bias
    return said


def _softmax(said: Matrix, wanted: NDArray[Any], names: Sequence[str]) -> tuple[Matrix, Matrix]:
    """What the machines say becomes `softmax(said @ scale + shift)`."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    model = LogisticRegression(max_iter=300).fit(said, wanted)
    assert list(model.classes_) == list(names)
    return model.coef_.T, model.intercept_


def _without_idle(trained: Heads) -> Heads:
    """Messages that no head compares with need not be kept."""
    parts = {name: getattr(trained, name) for name in ("intent", "sentiment", "request")}
    rows = len(trained.known)
    near = {
        name: np.pad(head.near, ((0, rows - len(head.near)), (0, 0)))
        for name, head in parts.items()
    }
    used = np.any(np.hstack(list(near.values())) != 0, axis=1)
    kept = {name: replace(head, near=near[name][used]) for name, head in parts.items()}
    return replace(trained, known=trained.known[used], **kept)
