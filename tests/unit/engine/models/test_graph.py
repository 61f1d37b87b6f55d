"""The layer editor's networks: shapes, shortcuts, errors that name the layer and the mend."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.specs import Modality
from engine.specs.models.graph import starting_graph

sys.path.insert(0, str(Path(__file__).parent))
from model_cases import batch, document, image_shape, table_shape, text_shape

pytestmark = pytest.mark.tensorflow

SHAPES = {
    "image": image_shape(16, 1, 3),
    "text": text_shape(12, 50, 3, ngrams=20),
    "table": table_shape(3),
}


def build(modality: str, nodes: list[dict[str, Any]], **fields: Any) -> Any:
    from engine.models.build import build_core

    return build_core(document(modality, {"kind": "graph", "nodes": nodes, **fields}), SHAPES[modality])


@pytest.mark.parametrize("modality", list(Modality))
def test_a_starting_graph_learns_by_heart(modality: Modality) -> None:
    import keras

    from engine.models.build import build_core

    shape = SHAPES[modality.value]
    model = build_core(document(modality.value, starting_graph(modality)), shape)
    empty = build_core(document(modality.value, {"kind": "graph"}), shape)
    assert [layer.name for layer in empty.layers] == [layer.name for layer in model.layers]
    inputs, classes = batch(shape)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    model.fit(inputs, classes, batch_size=len(classes), epochs=80, verbose=0)
    assert model.evaluate(inputs, classes, verbose=0) < 0.2


def test_every_image_layer() -> None:
    model = build(
        "image",
        [
            {"kind": "conv2d", "id": "c", "filters": 8},
            {"kind": "depthwise_conv2d", "id": "d"},
            {"kind": "normalization", "id": "n", "method": "group"},
            {"kind": "stochastic_depth", "id": "s"},
            {"kind": "add", "id": "shortcut", "inputs": ["previous", "c"]},
            {"kind": "separable_conv2d", "id": "broad", "filters": 16, "inputs": ["shortcut"], "strides": 2},
            {"kind": "pool", "id": "small", "method": "average", "inputs": ["shortcut"]},
            {"kind": "concatenate", "id": "both", "inputs": ["broad", "small"]},
            {"kind": "dense", "id": "gate", "units": 24, "activation": "tanh"},
            {"kind": "multiply", "id": "gated", "inputs": ["previous", "both"]},
            {"kind": "reshape", "id": "steps", "shape": [-1, 24]},
            {"kind": "attention", "id": "look", "heads": 3},
            {"kind": "flatten", "id": "f"},
            {"kind": "activation", "id": "bend", "function": "leaky_relu"},
        ],
    )
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shapes["both"] == (8, 8, 24)
    assert shapes["steps"] == (64, 24)
    assert shapes["f"] == (64 * 24,)
    assert model.get_layer("look").count_params() == 4 * (24 * 24 + 24)
    inputs, _ = batch(SHAPES["image"])
    assert np.isfinite(model.predict(inputs, verbose=0)).all()


def test_padding_is_skipped_where_it_can_be_and_dropped_where_not() -> None:
    nodes = [
        {"kind": "embedding", "id": "e", "width": 8},
        {"kind": "recurrent", "id": "r", "cell": "gru", "units": 4},
    ]
    model = build("text", nodes)
    inputs, _ = batch(SHAPES["text"], 2)
    inputs["tokens"][:, 6:] = 0
    layer = model.get_layer("r")
    after_six = layer(model.get_layer("e")(inputs["tokens"][:, :6]))
    after_all = layer(model.get_layer("e")(inputs["tokens"]))
    np.testing.assert_allclose(np.asarray(after_six), np.asarray(after_all), atol=1e-6)
    # A warning (an error here) would tell of a layer that lost its mask.
    convolved = [
        {"kind": "embedding", "id": "e", "width": 8},
        {"kind": "conv1d", "id": "c"},
        {"kind": "positions", "id": "p"},
        {"kind": "attention", "id": "a"},
        {"kind": "global_pool", "id": "g"},
    ]
    assert build("text", convolved).output_shape == (None, 3)


def test_penalties_reach_every_kernel() -> None:
    nodes = [{"kind": "conv2d", "id": "c"}, {"kind": "flatten", "id": "f"}, {"kind": "dense", "id": "d"}]
    assert len(build("image", nodes, l1=1e-4).losses) == 3  # with the head


@pytest.mark.parametrize(
    ("modality", "nodes", "says", "mend"),
    [
        (
            "image",
            [{"kind": "dense", "id": "a"}],
            r"last layer a puts out \(batch, 16, 16, 128\)",
            "pooling or flatten",
        ),
        (
            "image",
            [{"kind": "flatten", "id": "f"}, {"kind": "conv2d", "id": "c"}],
            r"Layer c cannot take what f puts out: \(batch, 256\)",
            "before flatten",
        ),
        (
            "image",
            [
                {"kind": "conv2d", "id": "c", "filters": 4},
                {"kind": "conv2d", "id": "d", "filters": 8},
                {"kind": "add", "id": "s", "inputs": ["c", "d"]},
            ],
            r"Layer s does not fit what it is given: \(16, 16, 4\), \(16, 16, 8\)",
            "same shape",
        ),
        (
            "image",
            [{"kind": "conv2d", "id": "c", "kernel_size": 17, "padding": "valid"}],
            r"Layer c does not fit .*\(16, 16, 1\)",
            "over 17 of 16",
        ),
        ("image", [{"kind": "pool", "id": "p", "size": 32}], r"Layer p does not fit", "lower its size"),
        ("image", [{"kind": "reshape", "id": "p", "shape": [15, 16]}], r"Layer p does not fit", "256 numbers cannot"),
        (
            "image",
            [{"kind": "reshape", "id": "p", "shape": [16, -1]}, {"kind": "attention", "id": "a", "heads": 5}],
            r"Layer a does not fit what it is given: \(16, 16\)",
            "5 heads cannot share a width of 16",
        ),
        ("text", [{"kind": "dense", "id": "d"}], "Layer d cannot take what input puts out", "embedding layer before"),
        (
            "text",
            [
                {"kind": "embedding", "id": "e"},
                {"kind": "dropout", "id": "d"},
                {"kind": "global_pool", "id": "g", "inputs": ["e"]},
            ],
            "Layer d leads nowhere",
            "or delete it",
        ),
        ("table", [{"kind": "recurrent", "id": "r"}], "Layer r cannot take what input puts out", "image or a sequence"),
    ],
)
def test_a_wrong_shape_names_the_layer_and_the_mend(
    modality: str, nodes: list[dict[str, Any]], says: str, mend: str
) -> None:
    with pytest.raises(EngineError, match=says) as caught:
        build(modality, nodes)
    assert mend in str(caught.value)
    assert EngineError.from_record(caught.value.to_record()).hint == caught.value.hint
