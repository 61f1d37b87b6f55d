"""LoRA and DoRA: their formulas by hand, their parameters by the papers' count, and what is refused."""

from math import sqrt
from typing import Any

import numpy as np
import pytest
from tuning_cases import family_body

from engine.errors import EngineError, ErrorKind
from engine.specs.finetuning import Lora

pytestmark = pytest.mark.tensorflow


def tuned_body(kind: str, **fields: Any) -> Any:
    from engine.finetuning.methods import apply

    body, _ = family_body(kind)
    return apply(Lora(**fields), body, seed=1)


def trainable(model: Any) -> int:
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def moved(layer: Any) -> dict[str, np.ndarray]:
    """The layer's numbers after its added weights were moved away from where they began."""
    import keras

    draw = np.random.default_rng(0)
    for variable in layer.trainable_variables:
        variable.assign(np.asarray(variable) + draw.normal(0.0, 0.1, variable.shape))
    return {v.name: np.asarray(keras.ops.convert_to_numpy(v), np.float64) for v in layer.variables}


@pytest.mark.parametrize("decomposed", [False, True])
@pytest.mark.parametrize("stabilised", [False, True])
def test_a_dense_layer_computes_the_formula(decomposed: bool, stabilised: bool) -> None:
    tuned = tuned_body(
        "bert", rank=4, alpha=6.0, targets="dense", weight_decomposed=decomposed, rank_stabilised=stabilised
    )
    layer = tuned.get_layer("block1_expand")
    numbers = moved(layer)
    x = np.random.default_rng(1).normal(size=(5, 3, 32)).astype(np.float32)
    weight = numbers["kernel"] + (6.0 / (sqrt(4) if stabilised else 4)) * numbers["lora_a"] @ numbers["lora_b"]
    if decomposed:
        weight = numbers["dora_magnitude"] * weight / np.linalg.norm(weight, axis=0)
    np.testing.assert_allclose(np.asarray(layer(x)), x @ weight + numbers["bias"], atol=1e-5)


def test_a_projection_of_attention_computes_the_formula() -> None:
    tuned = tuned_body("bert", rank=4, alpha=4.0, targets="attention")
    attention = tuned.get_layer("block1_attention")
    draw = np.random.default_rng(1)
    for part, shape in {
        "query_dense": (2, 5, 32),
        "output_dense": (2, 5, attention.num_heads, attention.key_dim),
    }.items():
        layer = getattr(attention, part)
        numbers = moved(layer)
        x = draw.normal(size=shape).astype(np.float32)
        weight = numbers["kernel"].reshape(32, 32) + numbers["lora_a"] @ numbers["lora_b"]
        expected = x.reshape(2, 5, 32) @ weight + numbers["bias"].reshape(-1)
        np.testing.assert_allclose(np.asarray(layer(x)).reshape(2, 5, 32), expected, atol=1e-5)


def test_a_convolution_computes_the_formula() -> None:
    from keras import ops

    tuned = tuned_body("cnn", rank=2, alpha=2.0, targets="all")
    layer = next(layer for layer in tuned.layers if layer.name == "stage1_1conv")
    numbers = moved(layer)
    kernel = numbers["kernel"] + np.einsum("hwir,ro->hwio", numbers["lora_a"].reshape(3, 3, 3, 2), numbers["lora_b"])
    x = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype(np.float32)
    expected = ops.conv(x, kernel.astype(np.float32), padding="same")
    np.testing.assert_allclose(np.asarray(layer(x)), np.asarray(expected), atol=1e-5)


def test_parameters_are_those_of_the_paper() -> None:
    """Hu et al. 2022, section 4.2: 2 · rank · width for each of the matrices; DoRA adds one a column."""
    width, inner, rank = 32, 64, 4
    assert trainable(tuned_body("bert", rank=rank)) == 2 * 2 * rank * width
    assert trainable(tuned_body("bert", rank=rank, targets="attention")) == 4 * 2 * rank * width
    dense = 2 * rank * (width + inner) + 2 * rank * width  # two in the block, and the pooler
    assert trainable(tuned_body("bert", rank=rank, targets="dense")) == dense
    assert trainable(tuned_body("bert", rank=rank, weight_decomposed=True)) == 2 * (2 * rank * width + width)


def test_a_rank_above_the_matrix_is_refused() -> None:
    with pytest.raises(EngineError) as caught:
        tuned_body("bert", rank=33)
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert "block1_attention/query" in str(caught.value)
    assert "32 × 32" in str(caught.value)


def test_a_place_that_is_not_there_is_refused_with_what_there_is() -> None:
    with pytest.raises(EngineError) as caught:
        tuned_body("cnn", rank=2, targets="query_value")
    assert "0 attention, 1 dense and 2 convolution" in str(caught.value)


def test_nothing_is_drawn_where_models_have_no_weights() -> None:
    from engine.models.describe import weightless

    with weightless():
        tuned = tuned_body("bert", rank=4)
        assert trainable(tuned) == 2 * 2 * 4 * 32
