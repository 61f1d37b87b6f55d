"""A body in fewer bits: how far off it is, how much smaller, and that what was added learns on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuning_cases import family_body, tuning_spec

from engine.errors import EngineError, ErrorKind
from engine.specs.finetuning import MethodSpec

pytestmark = pytest.mark.tensorflow


def method_of(fields: dict[str, Any]) -> Any:
    return MethodSpec.alternatives[fields["kind"]](**fields)


@pytest.mark.parametrize(("kind", "largest"), [("int8", 127), ("int4", 7)])
def test_a_matrix_is_off_by_half_a_step_of_its_scale_at_most(kind: str, largest: int) -> None:
    import keras

    from engine.finetuning.linear import TunedDense

    draw = np.random.default_rng(0)
    matrix = draw.normal(size=(128, 6)).astype(np.float32)
    plain = keras.layers.Dense(6)
    plain.build((None, 128))
    plain.set_weights([matrix, draw.normal(size=6).astype(np.float32)])
    packed = TunedDense(6, stored=kind)
    packed.build((None, 128))
    packed.take(plain)
    groups = matrix.reshape((1, 128, 6) if kind == "int8" else (2, 64, 6))
    half = np.abs(groups).max(axis=1, keepdims=True) / largest / 2
    off = np.abs(np.asarray(packed.matrix()) - matrix).reshape(groups.shape)
    assert (off <= half + 1e-6).all()
    assert off.max() > 0.5 * half.max()  # it was rounded
    x = draw.normal(size=(3, 128)).astype(np.float32)
    expected = x @ np.asarray(packed.matrix()) + plain.get_weights()[1]
    np.testing.assert_allclose(np.asarray(packed(x)), expected, atol=1e-4)


@pytest.mark.parametrize("fields", [{"kind": "head"}, {"kind": "lora", "rank": 4, "weight_decomposed": True}])
@pytest.mark.parametrize("family", ["bert", "vit", "cnn"])
def test_a_quantised_body_is_near_the_whole_one(family: str, fields: dict[str, Any]) -> None:
    from model_cases import batch

    from engine.finetuning.methods import apply

    more = {"targets": "all"} if family == "cnn" and fields["kind"] == "lora" else {}
    body, shape = family_body(family)
    examples, _ = batch(shape, rows=8)
    if "image" in examples:
        examples["image"] /= 127.5
    whole = np.asarray(body(examples, training=False))
    apart = {}
    for stored in ("int8", "int4"):
        tuned = apply(method_of(fields | more), family_body(family)[0], seed=1, stored=stored)
        apart[stored] = np.abs(np.asarray(tuned(examples, training=False)) - whole).mean() / whole.std()
    assert 0.0 < apart["int8"] < 0.02
    assert apart["int8"] < apart["int4"] < 0.5


def test_it_takes_a_quarter_of_the_memory() -> None:
    from engine.finetuning.methods import apply

    def nbytes(model: Any) -> int:
        size = {"float32": 4, "int8": 1}
        return sum(int(np.prod(v.shape)) * size[v.dtype] for v in model.weights)

    size = {"width": 64, "inner_width": 256, "blocks": 2, "longest": 16}
    whole = nbytes(family_body("bert", **size)[0])
    sizes = {}
    for stored in ("int8", "int4"):
        body, _ = family_body("bert", **size)
        sizes[stored] = nbytes(apply(method_of({"kind": "head"}), body, seed=1, stored=stored)) / whole
    assert sizes["int8"] < 0.32
    assert sizes["int4"] < 0.22


@pytest.mark.parametrize("stored", ["int8", "int4"])
def test_lora_learns_on_it_and_is_saved_as_it_is(
    stored: str, tiny_bert: Path, encoded_texts: Any, tmp_path: Path
) -> None:
    import keras

    import engine.models.layers  # noqa: F401
    from engine.training.compiling import compiled_steps
    from engine.training.context import LocalContext
    from engine.training.job import train
    from engine.training.saving import CORE, save_model

    spec = tuning_spec(tiny_bert, {"kind": "lora", "rank": 4, "targets": "all"}, model__quantised=stored)
    inputs = encoded_texts.validation.take(np.arange(8))
    with compiled_steps(spec, encoded_texts) as stepper:
        core = stepper.settings.core
        resting = [np.asarray(v) for v in core.non_trainable_weights]
        assert any(v.dtype == np.int8 for v in resting)
        context = LocalContext(tmp_path)
        train(spec, encoded_texts, stepper, context)
        for before, variable in zip(resting, core.non_trainable_weights, strict=True):
            np.testing.assert_array_equal(np.asarray(variable), before)
        losses = [loss for _, loss in context.history("train_epoch/loss")]
        assert losses[-1] < losses[0]
        folder = save_model(tmp_path, spec, core, encoded_texts)
        loaded = keras.saving.load_model(folder / CORE, compile=False)
        expected = np.asarray(core(inputs, training=False))
        np.testing.assert_allclose(np.asarray(loaded(inputs, training=False)), expected, atol=1e-5)


def test_a_method_that_moves_the_body_is_refused() -> None:
    from engine.finetuning.methods import apply

    with pytest.raises(EngineError) as caught:
        apply(method_of({"kind": "full"}), family_body("bert")[0], seed=1, stored="int8")
    assert caught.value.kind is ErrorKind.BAD_INPUT
