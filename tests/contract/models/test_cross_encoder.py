"""A real cross-encoder, tiny and untrained, read from a folder as any other is."""

from pathlib import Path

import numpy as np
import pytest

from models.cross_encoder import CrossEncoder
from models.errors import ModelsError

pytestmark = [pytest.mark.models, pytest.mark.slow]

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "how", "much", "price", "tent", "health"]


def write_model(folder: Path, *, labels: int) -> Path:
    """Two layers of sixteen numbers: everything a reranker has, except knowledge."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    torch.manual_seed(7)
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, num_labels=labels,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_every_passage_gets_a_relevance_of_its_own(tmp_path: Path) -> None:
    """Between 0 and 1, in order, whatever stands beside it in the batch."""
    model = CrossEncoder(write_model(tmp_path / "model", labels=1), device="cpu")
    model.warm_up()
    together = model.relevance("how much", ["price price", "tent", "price tent health"])
    alone = [model.relevance("how much", [text])[0] for text in ("price price", "tent")]
    assert together.shape == (3,)
    assert together.dtype == np.float32
    assert ((together > 0) & (together < 1)).all()
    assert np.allclose(together[:2], alone, atol=1e-5)
    assert model.relevance("how much", []).shape == (0,)


def test_a_classifier_is_not_taken_for_a_reranker(tmp_path: Path) -> None:
    """A model with several labels is refused by name when it is loaded."""
    model = CrossEncoder(write_model(tmp_path / "model", labels=3), device="cpu")
    with pytest.raises(ModelsError, match="3 labels"):
        model.warm_up()


def test_it_must_be_warm(tmp_path: Path) -> None:
    """Using it unloaded is an error that says so."""
    with pytest.raises(ModelsError, match="not warmed up"):
        CrossEncoder(tmp_path).relevance("how much", ["price"])
