"""Losses against their papers' formulas, written out in numpy."""

import numpy as np
import pytest

from engine.specs.training import (
    CrossEntropyLoss,
    FocalLoss,
    HuberLoss,
    LossSpec,
    MeanAbsoluteErrorLoss,
    MeanSquaredErrorLoss,
)

pytestmark = pytest.mark.tensorflow

LOGITS = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32) * 3
CODES = np.array([0, 1, 2, 3, 0, 1, 2], np.int32)


def measured(spec: LossSpec, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    from keras import ops

    from engine.training.losses import build_loss

    return ops.convert_to_numpy(build_loss(spec)(targets, ops.convert_to_tensor(outputs)))


def probabilities() -> np.ndarray:
    exponents = np.exp(LOGITS.astype(np.float64))
    return exponents / exponents.sum(axis=1, keepdims=True)


def test_cross_entropy_is_minus_log_p() -> None:
    expected = -np.log(probabilities()[np.arange(7), CODES])
    np.testing.assert_allclose(measured(CrossEntropyLoss(), CODES, LOGITS), expected, rtol=1e-5)


def test_label_smoothing_mixes_in_the_uniform_distribution() -> None:
    targets = np.eye(4)[CODES] * 0.9 + 0.1 / 4  # Szegedy et al. 2016
    expected = -(targets * np.log(probabilities())).sum(axis=1)
    np.testing.assert_allclose(measured(CrossEntropyLoss(label_smoothing=0.1), CODES, LOGITS), expected, rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_loss_is_equation_4_of_lin_et_al(gamma: float) -> None:
    p = probabilities()[np.arange(7), CODES]
    expected = -((1 - p) ** gamma) * np.log(p)
    np.testing.assert_allclose(measured(FocalLoss(gamma=gamma), CODES, LOGITS), expected, rtol=2e-4, atol=1e-7)


def test_focal_loss_has_a_gradient_where_the_model_is_certain() -> None:
    import tensorflow as tf

    from engine.training.losses import build_loss

    logits = tf.Variable([[60.0, 0.0], [0.0, 60.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(build_loss(FocalLoss(gamma=0.5))(np.array([0, 0], np.int32), logits))
    assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


def test_squared_and_absolute_error() -> None:
    y, z = np.array([[1.0], [2.0]], np.float32), np.array([[0.0], [5.0]], np.float32)
    np.testing.assert_allclose(measured(MeanSquaredErrorLoss(), y, z), [1.0, 9.0])
    np.testing.assert_allclose(measured(MeanAbsoluteErrorLoss(), y, z), [1.0, 3.0])


def test_huber_is_squared_within_delta_and_linear_beyond() -> None:
    errors = np.array([[0.5], [-2.0], [4.0]], np.float32)
    expected = [0.5 * 0.25, 0.5 * 4.0, 2.0 * (4.0 - 1.0)]  # Huber 1964 with delta 2
    np.testing.assert_allclose(measured(HuberLoss(delta=2.0), np.zeros_like(errors), errors), expected)


def test_balanced_class_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    from engine.training.losses import class_weights

    codes = np.array([0] * 10 + [1] * 3 + [2] * 1)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=codes)
    np.testing.assert_allclose(class_weights("balanced", codes, 3), expected, rtol=1e-6)
    np.testing.assert_array_equal(class_weights("none", codes, 3), np.ones(3))


def test_a_class_without_rows_has_a_weight_all_the_same() -> None:
    from engine.training.losses import class_weights

    assert np.isfinite(class_weights("balanced", np.array([0, 0, 2]), 3)).all()


def test_the_strength_of_class_weights_is_a_power_that_leaves_the_scale_of_the_loss() -> None:
    from engine.training.losses import class_weights

    codes = np.array([0] * 90 + [1] * 9 + [2])
    full, half = (class_weights("balanced", codes, 4, strength) for strength in (1.0, 0.5))
    np.testing.assert_allclose((half[1] / half[0]) ** 2, full[1] / full[0], rtol=1e-5)
    np.testing.assert_allclose((half[2] / half[0]) ** 2, full[2] / full[0], rtol=1e-5)
    assert half[codes].mean() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(class_weights("balanced", codes, 4, 0.0), np.ones(4))
    np.testing.assert_array_equal(class_weights("balanced", codes, 4), full)
