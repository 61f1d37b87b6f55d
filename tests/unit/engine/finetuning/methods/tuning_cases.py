"""A tiny pretrained body in Hugging Face's format, texts for it, bodies of Lathe's families, and documents."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.specs import ColumnKind, RunSpec

GOOD = ("fine", "lovely", "bright", "warm", "clever")
BAD = ("dull", "bleak", "cold", "slow", "empty")
OTHER = ("the", "film", "was", "a", "story", "and", "very", "quite", "it", "felt")
WIDTH, INNER, BLOCKS, HEADS, LONGEST = 16, 32, 2, 2, 16


def write_tiny_bert(folder: Path, seed: int = 0) -> Path:
    """A BERT folder with random weights: 2 blocks of width 16."""
    from engine.finetuning.sources.bert_names import expected_shapes

    folder.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, *OTHER]
    config = {
        "model_type": "bert",
        "hidden_size": WIDTH,
        "num_hidden_layers": BLOCKS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": LONGEST,
        "type_vocab_size": 2,
    }
    shape = {
        "width": WIDTH,
        "blocks": BLOCKS,
        "inner_width": INNER,
        "vocabulary_size": len(vocabulary),
        "longest": LONGEST,
        "segments": 2,
    }
    shapes = expected_shapes(shape) | {"pooler.dense.weight": (WIDTH, WIDTH), "pooler.dense.bias": (WIDTH,)}
    draw = np.random.default_rng(seed)
    tensors = {name: draw.normal(0.0, 0.2, size).astype(np.float32) for name, size in shapes.items()}
    tensors |= {name: value + 1.0 for name, value in tensors.items() if name.endswith("LayerNorm.weight")}
    write_safetensors(folder / "model.safetensors", tensors)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    return folder


def write_safetensors(file: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """https://github.com/huggingface/safetensors#format"""
    header: dict[str, Any] = {}
    offset = 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header).encode()
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in tensors.values())
    file.write_bytes(len(text).to_bytes(8, "little") + text + body)


def sentences(rows: int = 160) -> pd.DataFrame:
    """Texts that are good or bad by the words in them."""
    draw = random.Random(0)
    texts, labels = [], []
    for index in range(rows):
        words = [draw.choice(OTHER) for _ in range(5)] + [draw.choice(GOOD if index % 2 else BAD) for _ in range(2)]
        draw.shuffle(words)
        texts.append(" ".join(words))
        labels.append("good" if index % 2 else "bad")
    return pd.DataFrame({"text": texts, "label": labels})


def tuning_spec(folder: Path, method: Mapping[str, Any] | None = None, **changes: Any) -> RunSpec:
    """A document that fine-tunes the tiny body."""
    source = f"folder:{folder}"
    spec = RunSpec.parse(
        {
            "data": {
                "dataset": "0" * 16,
                "task": "text_classification",
                "preprocessing": {"kind": "text", "sequence_length": 12, "ngrams": 0, "learned_from": source},
                "split": {"kind": "random", "validation_fraction": 0.2, "test_fraction": 0.2},
            },
            "model": {"kind": "pretrained", "source": source, "method": dict(method or {"kind": "full"})},
            "training": {
                "epochs": 3,
                "batch_size": 16,
                "optimizer": {"kind": "adamw", "learning_rate": 0.01},
                "early_stopping": {"enabled": False, "restore_best": False},
            },
        }
    )
    return spec.edit({name.replace("__", "."): value for name, value in changes.items()})


def encoded_sentences(spec: RunSpec) -> Any:
    """The texts, encoded by the source's tokenizer."""
    from engine.data.load import prepare
    from engine.models.encoding import Encoder
    from engine.training.pipeline import encode

    kinds = {"text": ColumnKind.TEXT, "label": ColumnKind.CATEGORY}
    prepared = prepare(spec.data, sentences(), kinds)
    return encode(prepared, Encoder.fit(prepared)).keep()


def family_body(kind: str, **fields: Any) -> tuple[Any, Any]:
    """A small body of one of Lathe's families, with random weights, and its inputs' shape."""
    import keras
    from model_cases import SMALLEST, image_shape, table_shape, text_shape

    from engine.models.registry import Head, builder_of, seeded
    from engine.specs.models import ModelSpec

    class NoHead(Head):
        def __call__(self, features: Any, *extra_logits: Any, zeros: bool = False) -> Any:
            return features

    spec: Any = ModelSpec.alternatives[kind](**{**SMALLEST.get(kind, {}), "dropout": 0.0, **fields})
    shapes = {"bert": text_shape(8, 50), "transformer": text_shape(8, 50), "mlp": table_shape()}
    shape = shapes.get(kind) or image_shape(16, outputs=2)
    inputs = {name: keras.Input(size, dtype=dtype, name=name) for name, (size, dtype) in shape.input_specs.items()}
    with seeded(3):
        features = builder_of(spec)(spec, inputs, NoHead(2, info=shape.info))
    return keras.Model(inputs, features, name="body"), shape
