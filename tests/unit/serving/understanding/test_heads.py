"""The trained heads: what they are read from and what they answer."""

import json
from pathlib import Path

import numpy as np
import pytest

from serving.types import INTENTS
from serving.understanding import features, heads
from serving.understanding.optout import NOTHING, OptOut, detect, settle
from serving.understanding.script import tokens
from tests.fakes.heads import CLUES, DIMENSIONS, constant_heads


def test_the_shipped_artefact_answers_with_probabilities() -> None:
    """It loads, names its encoder, and gives each of the eight intents a share of one."""
    shipped = heads.load()
    text = "how much is it?"
    clues = np.zeros(shipped.intent.clues.shape[0], np.float32)
    read = shipped.read(shipped.center, text, tokens(text), clues)
    assert shipped.encoder
    assert set(read.intents) == set(INTENTS)
    assert sum(read.intents.values()) == pytest.approx(1)


def test_heads_are_read_back_as_they_were_saved(tmp_path: Path) -> None:
    """Sixteen bits are enough for the same answer."""
    path = tmp_path / "heads.npz"
    heads.save(constant_heads("booking", "stop"), path)
    read = heads.load(path).read(
        np.zeros(DIMENSIONS, np.float32), "hi", tokens("hi"), np.zeros(CLUES, np.float32)
    )
    assert max(read.intents, key=lambda intent: read.intents[intent]) == "booking"
    assert read.request == "stop"


def test_an_artefact_of_other_features_is_refused(tmp_path: Path) -> None:
    """Weights for other inputs would answer nonsense: the way out is named."""
    with np.load(heads.ARTEFACT) as shipped:
        arrays = dict(shipped)
    about = json.loads(str(arrays["about"])) | {"features": features.VERSION + 1}
    np.savez(tmp_path / "heads.npz", **arrays | {"about": np.array(json.dumps(about))})
    with pytest.raises(ValueError, match="switchback train"):
        heads.load(tmp_path / "heads.npz")


def test_pieces_of_both_scripts_meet() -> None:
    """A Hindi word in Devanagari and the same in Latin letters share pieces."""
    deva, latin = (
        set(features.pieces(text, tokens(text))[0]) for text in ("कितना खर्च", "kitanaa kharch")
    )
    assert len(deva & latin) > len(latin) / 3


def test_a_control_word_is_final() -> None:
    """However sure the head is, STOP stops."""
    assert settle(detect("STOP"), "none", 1.0).opt_out


def test_a_sure_head_takes_back_what_only_looks_like_a_request() -> None:
    """A phrase stands against a doubtful head and falls before a sure one."""
    found = OptOut(opt_out=True, rule="phrase:x")
    assert settle(found, "none", 0.6) == found
    assert settle(found, "none", 0.95) is NOTHING


def test_a_sure_head_knows_better_which_request_it_is() -> None:
    """Of "I asked you to stop, now please write again" the phrase names the request that was."""
    found = OptOut(opt_out=True, rule="phrase:x")
    assert settle(found, "start", 0.6) == found
    assert settle(found, "start", 0.95).resubscribe
    fewer = settle(found, "marketing", 0.95)
    assert (fewer.opt_out, fewer.scope) == (True, "marketing")
    assert settle(found, "stop", 0.95) == found


def test_a_wording_that_no_phrase_knows_is_still_a_request() -> None:
    """Unless the head is doubtful, or was not asked."""
    asked = settle(NOTHING, "marketing", 0.8)
    assert (asked.opt_out, asked.scope, asked.rule) == (True, "marketing", "learned:marketing")
    assert settle(NOTHING, "start", 0.8).resubscribe
    assert settle(NOTHING, "stop", 0.4) is NOTHING
    assert settle(NOTHING, "stop", 0.0) is NOTHING
