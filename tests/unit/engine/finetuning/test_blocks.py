"""Layers of each family are put together into the blocks that it is built of."""

import pytest
from tuning_cases import family_body

pytestmark = pytest.mark.tensorflow

EXPECTED = {
    "bert": ["embed", "block1", "block2"],
    "vit": ["stem", "block1", "block2"],
    "resnet": ["stem", "stage1_block1", "stage2_block1"],
    "convnext": ["stem", "stage1_block1", "stage2_block1"],
    "cnn": ["stage1", "stage2"],
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_blocks_are_those_of_the_family(kind: str) -> None:
    from engine.finetuning.blocks import block_of, blocks_of

    body, _ = family_body(kind, **({"blocks": 2} if kind in ("bert", "vit") else {}))
    blocks = blocks_of(body)
    assert [block.name for block in blocks] == EXPECTED[kind]
    numbers = block_of(blocks)
    assert all(layer.name in numbers for layer in body.layers if layer.weights)
    last = {"bert": "pooler_dense", "vit": "final_norm"}.get(kind)
    if last:
        assert numbers[last] == len(blocks) - 1


def test_layers_without_a_block_in_their_name_are_one_each() -> None:
    import keras

    from engine.finetuning.blocks import blocks_of

    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, activation="relu", name="one")(inputs)
    x = keras.layers.Dropout(0.1)(x)
    body = keras.Model(inputs, keras.layers.Dense(2, name="two")(x))
    assert [block.name for block in blocks_of(body)] == ["one", "two"]


def test_the_head_is_no_block() -> None:
    import keras

    from engine.finetuning.blocks import blocks_of

    body, _ = family_body("bert")
    core = keras.Model(body.input, keras.layers.Dense(2, name="head_logits")(body.output))
    assert [block.name for block in blocks_of(core)] == ["embed", "block1"]
