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
    {"kind": "adalora", "initial_rank": 4, "rank": 2, "interval_steps": 2, "targets": "attention"},
    {"kind": "adapters", "width": 4},
    {"kind": "prompt", "length": 3},
    {"kind": "prefix", "length": 3},
    {"kind": "ia3"},
]
NAMES = [str(method["kind"]) + ("_dora" if method.get("weight_decomposed") else "") for method in METHODS]
# Their first features are others: learned places are looked at from the beginning.
MOVES_AT_ONCE = ("prompt", "prefix")
ACCOUNTS = ("_importance", "_uncertainty", "_kept")
WITHOUT_ATTENTION = ("cnn", "resnet", "convnext", "mlp")


def is_refused(fields: dict[str, Any], kind: str) -> bool:
    """Whether a method makes no sense for a family."""
    convolves = kind in WITHOUT_ATTENTION
    return {
        "lora": convolves and fields.get("targets") is None,
        "bitfit": kind == "resnet",  # its convolutions have none, and its normalisation rests whole
        "adapters": kind in ("cnn", "mlp"),
        "adalora": convolves,
        "prompt": convolves,
        "prefix": convolves,
        "ia3": kind in ("cnn", "resnet", "mlp"),
    }.get(fields["kind"], False)


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
    if is_refused(fields, kind):
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

    spec = tuning_spec(tiny_bert, fields, training__epochs=2)
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
        # Random streams go on; AdaLoRA keeps account of what matters.
        moved = {path for path in moved if "seed_generator" not in path and not path.endswith(ACCOUNTS)}
        assert moved <= learns
        assert len(moved) > len(learns) / 2
        ends.append(after)
        curves.append(context.history("train_epoch/loss") + context.history("val/loss"))
    assert curves[0] == curves[1]
    assert all(np.array_equal(ends[0][path], ends[1][path]) for path in ends[0])


@pytest.mark.parametrize("fields", METHODS, ids=NAMES)
def test_a_description_counts_what_learns_without_making_weights(fields: dict[str, Any], tiny_bert: Path) -> None:
    from engine.finetuning.methods import apply
    from engine.models.describe import weightless
    from engine.models.flops import layer_flops

    body, _ = family_body("bert")
    before = sum(layer_flops(layer) for layer in body.layers)
    with weightless():
        described, _ = family_body("bert")
        described = apply(method_of(fields), described, seed=1)
    tuned = apply(method_of(fields), body, seed=1)
    assert [v.path for v in described.trainable_variables] == [v.path for v in tuned.trainable_variables]
    flops = sum(layer_flops(layer) for layer in tuned.layers)
    adds = method_of(fields).adds_weights and fields["kind"] != "ia3"
    assert flops > before if adds else flops == before
