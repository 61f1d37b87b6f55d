"""What holds for every method: it begins where the source is, moves only what it may, and does so again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import family_body, tuning_spec

from engine.errors import EngineError, ErrorKind
from engine.specs.finetuning import MethodSpec

pytestmark = pytest.mark.tensorflow

METHODS: list[dict[str, Any]] = [
    {"kind": "head"},
    {"kind": "last_blocks", "blocks": 1},
    {"kind": "gradual"},
    {"kind": "full"},
    {"kind": "bitfit"},
    {"kind": "lora", "rank": 4, "adapter_dropout": 0.1},
    {"kind": "lora", "rank": 4, "weight_decomposed": True, "targets": "all"},
]
NAMES = [str(method["kind"]) + ("_dora" if method.get("weight_decomposed") else "") for method in METHODS]
# Their first features are others: learned places are looked at from the beginning.
MOVES_AT_ONCE = ("prompt", "prefix")
WITHOUT_ATTENTION = ("cnn", "resnet", "convnext", "mlp")


def needs_attention(fields: dict[str, Any]) -> bool:
    return fields["kind"] == "lora" and fields.get("targets") is None


def method_of(fields: dict[str, Any]) -> Any:
    return MethodSpec.alternatives[fields["kind"]](**fields)


def numbers(model: Any) -> dict[str, np.ndarray]:
    import keras

    return {v.path: np.array(keras.ops.convert_to_numpy(v.value)) for v in model.variables}


@pytest.mark.parametrize("kind", ["bert", "transformer", "vit", "cnn", "resnet", "convnext", "mlp"])
@pytest.mark.parametrize("fields", METHODS, ids=NAMES)
def test_at_first_the_tuned_body_is_the_source_bit_for_bit(kind: str, fields: dict[str, Any]) -> None:
    from model_cases import batch

    from engine.finetuning.methods import apply

    body, shape = family_body(kind)
    examples, _ = batch(shape, rows=3)
    expected = np.asarray(body(examples, training=False))
    method = method_of(fields)
    if (needs_attention(fields) and kind in WITHOUT_ATTENTION) or (fields["kind"] == "bitfit" and kind == "resnet"):
        with pytest.raises(EngineError) as caught:
            apply(method, body, seed=1)
        assert caught.value.kind is ErrorKind.BAD_INPUT
        return
    tuned = apply(method, body, seed=1)
    features = np.asarray(tuned(examples, training=False))
    assert features.shape == expected.shape
    if method.kind not in MOVES_AT_ONCE:
        np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize("fields", METHODS, ids=NAMES)
def test_what_rests_stays_and_the_same_seed_gives_the_same_curve(
    fields: dict[str, Any], tiny_bert: Path, encoded_texts: Any, tmp_path: Path
) -> None:
    from engine.training.compiling import compiled_steps
    from engine.training.context import LocalContext
    from engine.training.job import train

    # Sums of a compiled call are rounded: calls of the same lengths give the same means to the last bit.
    spec = tuning_spec(tiny_bert, fields, training__epochs=2, training__steps_per_execution=3)
    ends, curves = [], []
    for attempt in ("one", "two"):
        context = LocalContext(tmp_path / attempt)
        with compiled_steps(spec, encoded_texts) as stepper:
            core = stepper.settings.core
            learns = {v.path for v in core.trainable_variables}
            before = numbers(core)
            train(spec, encoded_texts, stepper, context)
            after = numbers(core)
        moved = {path for path in before if not np.array_equal(before[path], after[path])}
        moved = {path for path in moved if "seed_generator" not in path}
        assert moved <= learns
        assert len(moved) > len(learns) / 2
        ends.append(after)
        curves.append(context.history("train_epoch/loss") + context.history("val/loss"))
    assert curves[0] == curves[1]
    assert all(np.array_equal(ends[0][path], ends[1][path]) for path in ends[0])
