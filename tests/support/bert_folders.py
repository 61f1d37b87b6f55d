"""A tiny folder of the BERT family in Hugging Face's layout, with random weights, written without its libraries."""

import json
from pathlib import Path
from typing import Any

import numpy as np

TEXT = "the a film was good bad not very boring great story actor love hate plot long short fun sad never"
WORDS = TEXT.split()
PIECES = ["##ly", "##ing", "##s", "##ed", "go", "walk", "##er", "un", "##like", "caf", "##e"]
SIGNS = list(".,!?'-()[]你好电影不很看 ".replace(" ", "")) + list("abcdefghijklmnopqrstuvwxyz")
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*WORDS, *PIECES, *SIGNS])]
CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "vocab_size": len(VOCABULARY),
    "max_position_embeddings": 24,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}


def write_bert_folder(
    folder: Path,
    *,
    config: dict[str, Any] | None = None,
    tensors: dict[str, np.ndarray] | None = None,
    vocabulary: list[str] | None = None,
    pooling: str = "",
    prefix: str = "",
) -> Path:
    """Write `config.json`, `model.safetensors`, `vocab.txt` and `tokenizer_config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = CONFIG | (config or {})
    (folder / "config.json").write_text(json.dumps(whole))
    (folder / "vocab.txt").write_text("\n".join(vocabulary or VOCABULARY) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    given = random_tensors(whole) if tensors is None else tensors
    write_safetensors(folder / "model.safetensors", {prefix + name: array for name, array in given.items()})
    if pooling:
        (folder / "1_Pooling").mkdir(exist_ok=True)
        settings = {"pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean"}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    return folder


def random_tensors(config: dict[str, Any] = CONFIG, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights by Hugging Face's names, large enough that every part shows in the result."""
    draw = np.random.default_rng(seed)
    width, inner = config["hidden_size"], config["intermediate_size"]

    def normal(*shape: int) -> np.ndarray:
        return (0.3 * draw.standard_normal(shape)).astype(np.float32)

    def norm(name: str) -> dict[str, np.ndarray]:
        return {f"{name}.weight": 1 + normal(width), f"{name}.bias": normal(width)}

    def dense(name: str, out: int, into: int) -> dict[str, np.ndarray]:
        return {f"{name}.weight": normal(out, into), f"{name}.bias": normal(out)}

    tensors = {
        "embeddings.word_embeddings.weight": normal(config["vocab_size"], width),
        "embeddings.position_embeddings.weight": normal(config["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": normal(config["type_vocab_size"], width),
        **norm("embeddings.LayerNorm"),
        **dense("pooler.dense", width, width),
    }
    for block in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{block}"
        for part in ("query", "key", "value"):
            tensors |= dense(f"{name}.attention.self.{part}", width, width)
        tensors |= dense(f"{name}.attention.output.dense", width, width)
        tensors |= norm(f"{name}.attention.output.LayerNorm")
        tensors |= dense(f"{name}.intermediate.dense", inner, width)
        tensors |= dense(f"{name}.output.dense", width, inner)
        tensors |= norm(f"{name}.output.LayerNorm")
    return tensors


def write_safetensors(file: Path, tensors: dict[str, np.ndarray]) -> None:
    """https://github.com/huggingface/safetensors#format"""
    names = {
        np.dtype("float32"): "F32",
        np.dtype("float16"): "F16",
        np.dtype("int64"): "I64",
        np.dtype("uint16"): "BF16",
    }
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    head = json.dumps(header).encode()
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in tensors.values())
    file.write_bytes(len(head).to_bytes(8, "little") + head + body)


def reference_bert(tensors: dict[str, np.ndarray], tokens: np.ndarray, heads: int, *, tanh: bool = False) -> np.ndarray:
    """BERT's hidden states `(texts, length, width)` by the formulas of the paper, in NumPy and double precision."""
    from scipy.special import erf

    weights = {name: np.asarray(array, np.float64) for name, array in tensors.items()}

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return centred * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def gelu(x: np.ndarray) -> np.ndarray:
        if tanh:
            return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
        return 0.5 * x * (1 + erf(x / np.sqrt(2)))

    texts, length = tokens.shape
    x = weights["embeddings.word_embeddings.weight"][tokens]
    x = x + weights["embeddings.position_embeddings.weight"][:length]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    width = x.shape[-1]
    blocks = sum(name.endswith("attention.self.query.weight") for name in weights)

    def split(y: np.ndarray) -> np.ndarray:
        return y.reshape(texts, length, heads, width // heads).transpose(0, 2, 1, 3)

    for block in range(blocks):
        name = f"encoder.layer.{block}"
        query, key, value = (split(dense(x, f"{name}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(width // heads)
        scores = np.where((tokens != 0)[:, None, None], scores, -np.inf)
        share = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (share / share.sum(-1, keepdims=True)) @ value
        mixed = mixed.transpose(0, 2, 1, 3).reshape(texts, length, width)
        x = norm(x + dense(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = gelu(dense(x, f"{name}.intermediate.dense"))
        x = norm(x + dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    return x
