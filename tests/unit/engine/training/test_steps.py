"""One compiled step is the step that Keras itself would take."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.specs import RunSpec

pytestmark = pytest.mark.tensorflow


def stepper_and_chunk(spec: RunSpec, encoded: Any, rows: int = 80) -> tuple[Any, Any]:
    from engine.training.compiling import forget_all
    from engine.training.steps import Chunk

    forget_all()
    from engine.training.compiling import _compile

    stepper = _compile(spec, encoded)[0].stepper
    stepper.settings.clip_norm = spec.training.clip_norm
    indices = np.arange(rows)
    targets = encoded.train.targets[indices]
    chunk = Chunk(encoded.train.take(indices), targets, np.ones(rows, np.float32), spec.training.batch_size)
    return stepper, chunk


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
def test_it_is_keras_own_step(
    table_spec: Callable[..., RunSpec], encoded_for: Callable[[RunSpec], Any], clip_norm: float
) -> None:
    """Two full batches and a ragged one, against `train_on_batch` of the same model with `global_clipnorm`."""
    import keras

    spec = table_spec(model__dropout=0.0, model__l2=0.01, training__clip_norm=clip_norm)
    encoded = encoded_for(spec)
    stepper, chunk = stepper_and_chunk(spec, encoded)
    reference = keras.models.clone_model(stepper.settings.model)
    reference.set_weights(stepper.settings.model.get_weights())
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=1e-4, global_clipnorm=clip_norm or None)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    reference.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    sums = stepper.train(chunk, np.full(3, 0.01, np.float32), np.zeros(3, np.float32))
    for first in range(0, 80, 32):
        rows = slice(first, first + 32)
        reference.train_on_batch({name: value[rows] for name, value in chunk.inputs.items()}, chunk.targets[rows])
    for ours, theirs in zip(stepper.settings.model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)
    assert sums[3] == 80


def test_the_gradient_norm_is_that_of_all_gradients(
    table_spec: Callable[..., RunSpec], encoded_for: Callable[[RunSpec], Any]
) -> None:
    import tensorflow as tf

    spec = table_spec(model__dropout=0.0)
    encoded = encoded_for(spec)
    stepper, chunk = stepper_and_chunk(spec, encoded, rows=32)
    model = stepper.settings.model
    with tf.GradientTape() as tape:
        logits = model(chunk.inputs, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(chunk.targets, logits))
    gradients = tape.gradient(loss, model.trainable_variables)
    expected = float(tf.linalg.global_norm(gradients))
    sums = stepper.train(chunk, np.full(1, 0.01, np.float32), np.zeros(1, np.float32))
    assert sums[4] == pytest.approx(expected, rel=1e-4)
    assert sums[0] / sums[1] == pytest.approx(float(loss), rel=1e-4)


def test_the_average_follows_its_formula(
    table_spec: Callable[..., RunSpec], encoded_for: Callable[[RunSpec], Any]
) -> None:
    spec = table_spec(training__weight_averaging=0.5)
    stepper, chunk = stepper_and_chunk(spec, encoded_for(spec), rows=32)
    variables = stepper.settings.model.trainable_variables
    average = [np.array(v.value) for v in variables]
    for momentum in (0.3, 0.5):
        stepper.train(chunk, np.full(1, 0.01, np.float32), np.full(1, momentum, np.float32))
        average = [momentum * a + (1 - momentum) * np.array(v.value) for a, v in zip(average, variables, strict=True)]
    for ours, expected in zip(stepper.state()["average"], average, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)
    trained = stepper.state()["model"]
    with stepper.averaged():
        np.testing.assert_allclose(np.array(variables[0].value), average[0], rtol=1e-5, atol=1e-7)
    for before, after in zip(trained, stepper.state()["model"], strict=True):
        np.testing.assert_array_equal(before, after)


def test_class_weights_scale_the_gradient(
    table_spec: Callable[..., RunSpec], encoded_for: Callable[[RunSpec], Any]
) -> None:
    from dataclasses import replace

    spec = table_spec(model__dropout=0.0, training__clip_norm=0.0)
    stepper, chunk = stepper_and_chunk(spec, encoded_for(spec), rows=32)
    first = stepper.state()
    plain = stepper.train(chunk, np.zeros(1, np.float32), np.zeros(1, np.float32))
    stepper.load_state(first)
    doubled = replace(chunk, weights=chunk.weights * 2)
    twice = stepper.train(doubled, np.zeros(1, np.float32), np.zeros(1, np.float32))
    assert twice[4] == pytest.approx(2 * plain[4], rel=1e-5)
    assert twice[0] / twice[1] == pytest.approx(plain[0] / plain[1], rel=1e-5)
