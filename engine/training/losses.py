"""Losses of one example each, written with `keras.ops` so that every backend shares them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from engine.models.live import LiveNumber, zeros_are_kept
from engine.specs.training import (
    CrossEntropyLoss,
    FocalLoss,
    HuberLoss,
    LossSpec,
    MeanAbsoluteErrorLoss,
    MeanSquaredErrorLoss,
)

Loss = Callable[[Any, Any], Any]


def build_loss(spec: LossSpec) -> Loss:
    """The loss of a document as a function `(targets, outputs) -> (batch,)`.

    Per example rather than averaged, because class weights, the ragged last batch and the ranking of examples by loss
    all need it so.

    Classification: int class codes `(batch,)` and logits `(batch, classes)`. Regression: `(batch, 1)` both.
    """
    return _BUILDERS[type(spec)](spec)


def _smooth_targets(targets: Any, classes: int, smoothing: Any) -> Any:
    """One-hot targets mixed with the uniform distribution (Szegedy et al. 2016, section 7)."""
    one_hot = ops.one_hot(targets, classes, dtype="float32")  # (batch, classes)
    return one_hot * (1.0 - smoothing) + smoothing / classes


def _cross_entropy(spec: CrossEntropyLoss) -> Loss:
    smoothing = _live_smoothing(spec)

    def loss(targets: Any, logits: Any) -> Any:
        plain = ops.sparse_categorical_crossentropy(targets, logits, from_logits=True)
        if smoothing is None or smoothing.is_off:
            return plain
        # The cross-entropy with the uniform distribution is logsumexp - mean of the logits.
        uniform = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
        share = smoothing.get()
        return (1.0 - share) * plain + share * uniform

    return loss


def _live_smoothing(spec: CrossEntropyLoss) -> LiveNumber | None:
    """None where there is no smoothing and it is not to be turned up: the plain loss is quicker."""
    if spec.label_smoothing == 0.0 and not zeros_are_kept():
        return None
    return LiveNumber(spec.label_smoothing, "label_smoothing")


def _focal(spec: FocalLoss) -> Loss:
    gamma, smoothing = spec.gamma, LiveNumber(spec.label_smoothing, "label_smoothing")

    def loss(targets: Any, logits: Any) -> Any:
        """FL(p) = -(1 - p)^gamma log p of Lin et al. (2017), equation 4, summed over the (smoothed) classes."""
        log_p = ops.log_softmax(logits, axis=-1)
        # expm1 keeps 1 - p exact near p = 1; the floor keeps the power's gradient finite there for gamma < 1.
        missing = ops.maximum(-ops.expm1(log_p), 1e-7)
        weighted = ops.power(missing, gamma) * log_p
        return -ops.sum(_smooth_targets(targets, logits.shape[-1], smoothing.get()) * weighted, axis=-1)

    return loss


def _mean_squared_error(spec: MeanSquaredErrorLoss) -> Loss:
    return lambda targets, outputs: ops.mean(ops.square(outputs - targets), axis=-1)


def _mean_absolute_error(spec: MeanAbsoluteErrorLoss) -> Loss:
    return lambda targets, outputs: ops.mean(ops.absolute(outputs - targets), axis=-1)


def _huber(spec: HuberLoss) -> Loss:
    delta = spec.delta

    def loss(targets: Any, outputs: Any) -> Any:
        """½e² within delta, delta(|e| - ½delta) beyond (Huber 1964)."""
        error = ops.absolute(outputs - targets)
        inside = ops.minimum(error, delta)
        return ops.mean(0.5 * ops.square(inside) + delta * (error - inside), axis=-1)

    return loss


_BUILDERS: dict[type[LossSpec], Callable[[Any], Loss]] = {
    CrossEntropyLoss: _cross_entropy,
    FocalLoss: _focal,
    MeanSquaredErrorLoss: _mean_squared_error,
    MeanAbsoluteErrorLoss: _mean_absolute_error,
    HuberLoss: _huber,
}


def class_weights(mode: str, codes: np.ndarray, classes: int, strength: float = 1.0) -> np.ndarray:
    """One weight a class `(classes,)` float32; "balanced" is rows / (classes × count), scikit-learn's formula.

    A class without a train row keeps weight 1: there is nothing to balance.

    Args:
        mode: "none" or "balanced".
        codes: the class codes of the train rows.
        classes: how many classes there are.
        strength: the power of those weights, 0 (all the same) to 1. Their mean over the rows stays 1, so that the
            loss keeps its scale.
    """
    if mode != "balanced":
        return np.ones(classes, np.float32)
    counts = np.bincount(codes, minlength=classes).astype(np.float64)
    present = max(int((counts > 0).sum()), 1)
    weights = np.where(counts > 0, len(codes) / (present * np.maximum(counts, 1.0)), 1.0)
    if strength != 1.0 and len(codes):
        weights = np.where(counts > 0, weights**strength, 1.0)
        weights[counts > 0] *= len(codes) / float((weights * counts).sum())
    return weights.astype(np.float32)
