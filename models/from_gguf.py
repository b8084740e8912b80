"""A quantised GGUF language model made into a folder that vLLM and transformers load."""

from pathlib import Path


def convert(source: Path, target: Path) -> None:
    """Write config, tokenizer with chat template and float16 safetensors into `target`.

    float16 keeps three more bits of the dequantised weights than bfloat16 at the same size.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    folder, name = str(source.parent), source.name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    tokenizer.save_pretrained(str(target))
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file=name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float16,
    )
    model.save_pretrained(str(target))
