"""Operations against hand computation and published figures."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from model_cases import document, image_shape, preset, text_shape

pytestmark = pytest.mark.tensorflow


def flops_of(layer: Any, *shapes: tuple[int, ...], dtype: str = "float32") -> int:
    import keras

    from engine.models.flops import layer_flops

    inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
    layer(inputs[0] if len(inputs) == 1 else inputs)
    return layer_flops(layer)


def test_layers_against_hand_computation() -> None:
    from keras import layers as k

    # 6 × 6 places × 5 filters, each a product of 3 × 3 × 4 numbers and a bias
    assert flops_of(k.Conv2D(5, 3), (8, 8, 4)) == 6 * 6 * 5 * (2 * 3 * 3 * 4 + 1)
    assert flops_of(k.Conv2D(6, 3, strides=2, padding="same", groups=2, use_bias=False), (8, 8, 4)) == (
        4 * 4 * 6 * 2 * 3 * 3 * 2
    )
    assert flops_of(k.Conv1D(5, 3, padding="same"), (10, 4)) == 10 * 5 * (2 * 3 * 4 + 1)
    assert flops_of(k.DepthwiseConv2D(3, padding="same"), (8, 8, 4)) == 8 * 8 * 4 * (2 * 9 + 1)
    assert flops_of(k.SeparableConv2D(5, 3, padding="same"), (8, 8, 4)) == 64 * (4 * 2 * 9 + 2 * 4 * 5 + 5)
    assert flops_of(k.Dense(7), (3, 4)) == 3 * (2 * 4 * 7 + 7)
    assert flops_of(k.Embedding(100, 8), (5,), dtype="int32") == 0
    assert flops_of(k.LSTM(6), (5, 4)) == 5 * (4 * (2 * 6 * (4 + 6) + 6) + 9 * 6)
    assert flops_of(k.Bidirectional(k.GRU(6)), (5, 4)) == 2 * 5 * (3 * (2 * 6 * (4 + 6) + 6) + 9 * 6)
    assert flops_of(k.Add(), (3, 4), (3, 4), (3, 4)) == 2 * 12
    assert flops_of(k.MaxPooling2D(2), (8, 8, 4)) == 4 * 4 * 4 * 4
    assert flops_of(k.GlobalAveragePooling2D(), (8, 8, 4)) == 8 * 8 * 4
    assert flops_of(k.BatchNormalization(), (8, 4)) == 2 * 32
    assert flops_of(k.LayerNormalization(), (8, 4)) == 7 * 32
    assert flops_of(k.Dropout(0.5), (8, 4)) == 0


def test_attention_against_hand_computation() -> None:
    import keras

    from engine.models.flops import layer_flops

    layer = keras.layers.MultiHeadAttention(2, 3)
    x = keras.Input((5, 6))
    layer(x, x)
    projections = 4 * 5 * (2 * 6 * 6 + 6)  # query, key, value, output: 6 → 2 heads × 3
    scores = 2 * 5 * 5 * 2 * 3 * 2  # query × key and weight × value, 2 heads of width 3
    assert layer_flops(layer) == projections + scores + 5 * 2 * 5 * 5


def test_a_layer_used_twice_counts_twice() -> None:
    import keras

    from engine.models.flops import layer_flops

    shared = keras.layers.Dense(3, use_bias=False)
    a, b = keras.Input((4,)), keras.Input((4,))
    shared(a), shared(b)
    assert layer_flops(shared) == 2 * 2 * 4 * 3


@pytest.mark.parametrize(
    ("kind", "name", "size_px", "published_gmacs"),
    [
        ("resnet", "resnet18", 224, 1.81),  # torchvision's documentation
        ("resnet", "resnet50", 224, 4.09),
        ("resnet", "resnet101", 224, 7.80),
        ("inception", "inception_v3", 299, 5.71),
        ("convnext", "convnext_tiny", 224, 4.46),
        ("vit", "vit_b16", 224, 17.56),
    ],
)
def test_published_figures(kind: str, name: str, size_px: int, published_gmacs: float) -> None:
    from engine.models.describe import describe

    flops = describe(document("image", preset(kind, name)), encoder_info=image_shape(size_px)).flops
    # The publications leave out some of: biases, normalisation, activations, pooling, softmax.
    assert flops == pytest.approx(2e9 * published_gmacs, rel=0.02)


def test_bert_base_per_token() -> None:
    """Kaplan et al. 2020, table 1: 2 × weights of the blocks + 2 × blocks × length × width for each token."""
    from engine.models.describe import describe

    length = 512
    spec = document("text", preset("bert", "bert_base"))
    expected = length * (2 * 12 * 12 * 768**2 + 2 * 2 * 12 * length * 768)
    assert describe(spec, encoder_info=text_shape(length, 30_522)).flops == pytest.approx(expected, rel=0.02)
