"""What every encoder promises, the real one and the stub alike."""

import os
from pathlib import Path

import numpy as np
import pytest

from models.catalog import load_catalog
from models.encoder import Encoder
from models.hash_encoder import HashEncoder
from models.loaders import prepare
from models.open import TextEncoder

TEXTS = [
    "The Everest Base Camp trek takes 14 days.",
    "a",
    "",
    "एवरेस्ट बेस कैंप ट्रेक कितने दिन का है?",
    "long " * 900,
]


@pytest.fixture(
    scope="module",
    params=["hash", pytest.param("real", marks=[pytest.mark.models, pytest.mark.slow])],
)
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    opened: TextEncoder
    if request.param == "hash":
        opened = HashEncoder()
    else:
        models = Path(os.environ.get("SWITCHBACK_DATA_DIR", ".switchback")) / "models"
        opened = Encoder(prepare(load_catalog(), "multilingual-e5-small", models))
    opened.warm_up()
    return opened


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_every_text_gets_a_unit_vector(encoder: TextEncoder, kind: str) -> None:
    """Empty, short and overlong texts included."""
    vectors = encoder.encode(TEXTS, kind)  # type: ignore[arg-type]  # one of the two literals
    assert vectors.shape == (len(TEXTS), encoder.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)


def test_no_texts_give_no_vectors(encoder: TextEncoder) -> None:
    """An empty list has the right width all the same."""
    assert encoder.encode([], "query").shape == (0, encoder.dim)


def test_a_batch_gives_what_single_calls_give(encoder: TextEncoder) -> None:
    """Neighbours in a batch do not change a text's vector, nor the order."""
    together = encoder.encode(TEXTS, "passage")
    alone = np.vstack([encoder.encode([text], "passage") for text in TEXTS])
    assert ((together * alone).sum(axis=1) > 0.9999).all()


def test_a_question_finds_the_passage_that_shares_its_words(encoder: TextEncoder) -> None:
    """Queries and passages are comparable."""
    passages = encoder.encode(
        ["Refunds are paid in ten days.", "Bring gloves and boots."], "passage"
    )
    queries = encoder.encode(["when are refunds paid", "boots and gloves?"], "query")
    assert (queries @ passages.T).argmax(axis=1).tolist() == [0, 1]


def test_the_fingerprint_is_stable(encoder: TextEncoder) -> None:
    """The same encoder has the same name for its vectors each time it is asked."""
    assert encoder.fingerprint == encoder.fingerprint != ""


def test_a_warm_encoder_is_healthy(encoder: TextEncoder) -> None:
    """check_health passes, and warming up again changes nothing."""
    encoder.warm_up()
    encoder.check_health()
