"""The labelled messages, and training on them."""

from collections import Counter

import numpy as np
import pytest

from evals.labelled import VARIETIES, messages, requests
from evals.training import fit
from serving.types import INTENTS
from serving.understanding.reading import Trained, parse_text


def test_no_message_is_both_trained_on_and_measured() -> None:
    """Held out means held out, whatever the case of its letters."""
    trained = {one.text.lower() for one in messages("messages")}
    assert not trained & {one.text.lower() for one in messages("held_out")}
    trained = {one.text.lower() for one in requests("requests.tsv")}
    control_words = {one.text.lower() for one in requests("opt_out.tsv") if not one.must}
    assert not trained & control_words


def test_every_variety_has_messages_of_every_intent() -> None:
    """At least 150 messages for each variety, and 30 for each of its intents."""
    counts = Counter((one.variety, one.intent) for one in messages("messages"))
    for variety in VARIETIES:
        assert sum(counts[variety, intent] for intent in INTENTS) >= 150
        assert min(counts[variety, intent] for intent in INTENTS) >= 30


@pytest.mark.slow
def test_training_learns_what_it_is_shown() -> None:
    """Heads fitted to few messages read those messages as they are labelled."""
    shown = [one for one in messages("messages") if one.variety == "en"][::9]
    asking = [one for one in requests("requests.tsv") if one.variety == "en"][::5]
    vectors = np.random.default_rng(7).normal(size=(len(shown) + len(asking), 24))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    trained = fit(shown, asking, vectors, "random")
    now = np.datetime64("2026-11-23").astype("datetime64[s]").item()
    right = [
        parse_text(one.text, now, {}, trained=Trained(trained, vector)).intent == one.intent
        for one, vector in zip(shown, vectors, strict=False)
    ]
    assert sum(right) / len(right) > 0.95
