"""Frozen layers: counted in the description, out of the gradient, the same to the last bit afterwards."""

import sys
from pathlib import Path

import pytest

from engine.errors import EngineError, ErrorKind

sys.path.insert(0, str(Path(__file__).parent))
from model_cases import SMALLEST, document, image_shape

pytestmark = pytest.mark.tensorflow


def test_a_description_counts_only_what_is_trained() -> None:
    from engine.models.describe import describe

    spec = document("image", {"kind": "cnn", **SMALLEST["cnn"]})
    whole = describe(spec, encoder_info=image_shape(16))
    weighted = [layer for layer in whole.layers if layer.parameters]
    frozen = describe(spec.edit({"training.frozen_layers": 2}), encoder_info=image_shape(16))
    assert frozen.parameters == whole.parameters
    lost = whole.trainable_parameters - frozen.trainable_parameters
    first = weighted[0].parameters + weighted[1].parameters
    # Moving means and variances of a normalisation were not trained before either.
    statistics = sum(layer.parameters // 2 for layer in weighted[:2] if layer.kind == "BatchNormalization")
    assert lost == first - statistics > 0


def test_at_least_one_layer_has_to_learn() -> None:
    from engine.models.describe import describe

    with pytest.raises(EngineError) as caught:
        describe(
            document("image", {"kind": "cnn", **SMALLEST["cnn"]}).edit({"training.frozen_layers": 1000}),
            encoder_info=image_shape(16),
        )
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert "1000 are to be frozen" in str(caught.value)
