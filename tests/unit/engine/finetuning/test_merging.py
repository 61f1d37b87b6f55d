"""A merged model gives what the unmerged one gives, with the layers of an ordinary one."""

from typing import Any

import numpy as np
import pytest
from tuning_cases import family_body

from engine.specs.finetuning import MethodSpec

pytestmark = pytest.mark.tensorflow

CASES: list[tuple[str, dict[str, Any]]] = [
    ("bert", {"kind": "lora", "rank": 4}),
    ("bert", {"kind": "lora", "rank": 4, "targets": "all", "weight_decomposed": True}),
    ("vit", {"kind": "lora", "rank": 4, "targets": "all", "rank_stabilised": True}),
    ("cnn", {"kind": "lora", "rank": 2, "targets": "all"}),
    ("convnext", {"kind": "lora", "rank": 2, "targets": "all", "weight_decomposed": True}),
    ("bert", {"kind": "adalora", "initial_rank": 4, "rank": 2}),
    ("bert", {"kind": "ia3"}),
    ("convnext", {"kind": "ia3"}),
]


@pytest.mark.parametrize(("kind", "fields"), CASES)
def test_merged_and_unmerged_agree(kind: str, fields: dict[str, Any]) -> None:
    from model_cases import batch

    from engine.finetuning.merging import merged
    from engine.finetuning.methods import apply

    # ConvNeXt's blocks begin at a millionth of their size; then nothing that is done to them could be seen.
    body, shape = family_body(kind, **({"layer_scale": 0.0} if kind == "convnext" else {}))
    plain = {layer.name: type(layer) for layer in body.layers}
    parameters = body.count_params()
    examples, _ = batch(shape, rows=4)
    if "image" in examples:
        examples["image"] /= 127.5  # a body is given scaled pictures
    first = np.asarray(body(examples, training=False))
    tuned = apply(MethodSpec.alternatives[fields["kind"]](**fields), body, seed=1)
    draw = np.random.default_rng(0)
    for variable in tuned.trainable_variables:
        variable.assign(np.asarray(variable) + draw.normal(0.0, 0.05, variable.shape))
    expected = np.asarray(tuned(examples, training=False))
    assert np.abs(expected - first).max() > 1e-4  # it was moved
    whole = merged(tuned)
    assert {layer.name: type(layer) for layer in whole.layers} == plain
    assert whole.count_params() == parameters
    np.testing.assert_allclose(np.asarray(whole(examples, training=False)), expected, atol=1e-5, rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(tuned(examples, training=False)), expected)  # it is left as it was


def test_what_has_no_matrix_to_go_into_stays() -> None:
    from model_cases import batch

    from engine.finetuning.merging import merged
    from engine.finetuning.methods import apply

    for fields in ({"kind": "prefix", "length": 3}, {"kind": "adapters", "width": 4}, {"kind": "prompt", "length": 2}):
        body, shape = family_body("bert")
        examples, _ = batch(shape, rows=4)
        tuned = apply(MethodSpec.alternatives[str(fields["kind"])](**fields), body, seed=1)
        draw = np.random.default_rng(0)
        for variable in tuned.trainable_variables:
            variable.assign(np.asarray(variable) + draw.normal(0.0, 0.1, variable.shape))
        expected = np.asarray(tuned(examples, training=False))
        np.testing.assert_allclose(np.asarray(merged(tuned)(examples, training=False)), expected, atol=1e-6)
