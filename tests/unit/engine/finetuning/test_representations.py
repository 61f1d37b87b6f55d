"""What a body makes of rows, held to the layers themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import tuning_spec

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def core(tiny_bert: Path, encoded_texts: Any) -> Any:
    from engine.models.build import build_core

    return build_core(tuning_spec(tiny_bert, {"kind": "full"}), encoded_texts.encoder)


def test_the_head_on_the_features_gives_the_outputs(core: Any, encoded_texts: Any) -> None:
    from engine.finetuning.representations import BATCH, Body, head_weights

    inputs = encoded_texts.train.take(np.arange(BATCH + 7))  # the last batch is not full
    features = Body(core).features(inputs)
    kernel, bias = head_weights(core)
    expected = np.asarray(core({name: value for name, value in inputs.items() if name in core.input}, training=False))
    assert features.shape == (BATCH + 7, 16)
    np.testing.assert_allclose(features @ kernel + bias, expected, atol=1e-5)


def test_padding_does_not_count_in_a_block_s_vector(core: Any, encoded_texts: Any) -> None:
    from engine.finetuning.outcome import outputs_of_blocks
    from engine.finetuning.representations import Body

    blocks = outputs_of_blocks(core)
    assert list(blocks) == ["embed", "block1", "block2"]
    inputs = encoded_texts.train.take(np.arange(5))
    found = Body(core, blocks).outputs(inputs)
    import keras

    whole = keras.Model(core.input, core.get_layer(blocks["block1"]).output)(inputs, training=False)
    places = inputs["tokens"] != 0
    for row in range(5):
        expected = np.asarray(whole)[row][places[row]].mean(axis=0)
        np.testing.assert_allclose(found["block1"][row], expected, atol=1e-5)


def test_a_sample_is_the_same_each_time_and_in_order() -> None:
    from engine.finetuning.representations import sample

    assert list(sample(3, 5, 0)) == [0, 1, 2]
    first = sample(1000, 10, 4)
    assert list(first) == sorted(set(first.tolist())) == list(sample(1000, 10, 4))
    assert list(first) != list(sample(1000, 10, 5))
