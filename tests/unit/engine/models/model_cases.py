"""Documents, shapes and tiny batches that the model tests share."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.specs import RunSpec
from engine.specs.models import ModelSpec


@dataclass(frozen=True)
class Shape:
    """An encoder's shape."""

    input_specs: dict[str, tuple[tuple[int, ...], str]]
    info: dict[str, Any]


def image_shape(size_px: int, channels: int = 3, outputs: int = 1000) -> Shape:
    return Shape({"image": ((size_px, size_px, channels), "float32")}, {"outputs": outputs})


def text_shape(length: int, vocabulary_size: int, outputs: int = 2, ngrams: int = 0) -> Shape:
    specs: dict[str, tuple[tuple[int, ...], str]] = {"tokens": ((length,), "int32")}
    if ngrams:
        specs |= {"ngram_ids": ((length,), "int32"), "ngram_weights": ((length,), "float32")}
    return Shape(specs, {"outputs": outputs, "vocabulary_size": vocabulary_size, "ngram_features": ngrams})


def table_shape(outputs: int = 2) -> Shape:
    specs = {"numbers": ((5, 4), "float32"), "categories": ((2,), "int32")}
    return Shape(specs, {"outputs": outputs, "category_sizes": [3, 4]})


def document(modality: str, model: ModelSpec | dict[str, Any], **changes: Any) -> RunSpec:
    data = {"dataset": "0" * 16, "task": f"{modality}_classification", "preprocessing": {"kind": modality}}
    return RunSpec.parse({"data": data, "model": model}).edit(changes)


def preset(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, **ModelSpec.alternatives[kind].presets[name], **fields}  # type: ignore[attr-defined]


# Each family as small as it can be with all of its parts: compiling takes most of the time of a test.
SMALLEST: dict[str, dict[str, Any]] = {
    "cnn": {"filters": [8, 16]},
    "resnet": {"filters": 8, "blocks": [1, 1]},
    "inception": {"width": 0.125},
    "convnext": {"blocks": [1, 1], "filters": [16, 32]},
    "vit": {"blocks": 1, "width": 32, "inner_width": 64},
    "mlp": {"units": [32]},
    "transformer": {"blocks": 1, "width": 32},
    "bert": {"blocks": 1, "width": 32, "inner_width": 64},
}


def batch(shape: Shape, rows: int = 16) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Random examples with random classes: nothing to find, only to learn by heart."""
    draw = np.random.default_rng(0)
    inputs: dict[str, np.ndarray] = {}
    for name, (size, dtype) in shape.input_specs.items():
        if dtype == "float32":
            inputs[name] = (draw.random((rows, *size)) * (255 if name == "image" else 1)).astype(np.float32)
        else:
            most = shape.info["vocabulary_size"] if name == "tokens" else 3
            inputs[name] = draw.integers(0, most, (rows, *size)).astype(np.int32)
    return inputs, draw.integers(0, shape.info["outputs"], rows).astype(np.int32)
