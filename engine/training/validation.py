"""What an epoch's validation says, worked out with numpy from the outputs of all its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from keras import ops

from engine.training.losses import Loss

if TYPE_CHECKING:
    from engine.models.encoding import Encoder

ROWS_A_LOSS = 65_536  # bounds the memory of one-hot targets


@dataclass(frozen=True)
class Validation:
    """Predictions of a part with their losses and means.

    Attributes:
        predictions: probabilities `(rows, classes)` or numbers `(rows,)` in the target's unit.
        losses: `(rows,)`.
        metrics: "loss" with "accuracy" and "macro_f1", or with "rmse", "mae" and "r2".
    """

    predictions: np.ndarray
    losses: np.ndarray
    metrics: dict[str, float]


def validate(
    outputs: np.ndarray,
    targets: np.ndarray,
    truth: np.ndarray,
    encoder: Encoder,
    loss: Loss,
    weights: np.ndarray | None,
) -> Validation:
    """Measure a model's outputs.

    Args:
        outputs: logits `(rows, classes)` or scaled numbers `(rows, 1)`.
        targets: encoded targets, as the loss takes them.
        truth: class codes, or numbers in their own unit `(rows,)`.
        encoder: decodes outputs.
        loss: per example.
        weights: one a class; the mean loss is weighted as in training, so that both can be compared.
    """
    losses = per_example_losses(loss, targets, outputs)
    predictions = encoder.decode_target(outputs)
    if weights is None:
        return Validation(predictions, losses, {"loss": float(losses.mean()), **_regression(truth, predictions)})
    mean = float(np.average(losses, weights=weights[targets]))
    return Validation(predictions, losses, {"loss": mean, **_classification(targets, outputs)})


def per_example_losses(loss: Loss, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """The losses `(rows,)` of a part, some rows at a time."""
    parts = []
    for first in range(0, len(targets), ROWS_A_LOSS):
        rows = slice(first, first + ROWS_A_LOSS)
        parts.append(ops.convert_to_numpy(loss(targets[rows], ops.convert_to_tensor(outputs[rows]))))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _classification(codes: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    predicted, classes = logits.argmax(axis=-1), logits.shape[-1]
    matrix = np.bincount(codes * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    hits, seen = np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1)
    occurs = seen > 0  # as scikit-learn: over the classes in truth or prediction
    f1 = 2.0 * hits[occurs] / seen[occurs]
    return {"accuracy": float(hits.sum() / max(len(codes), 1)), "macro_f1": float(f1.mean()) if occurs.any() else 0.0}


def _regression(truth: np.ndarray, values: np.ndarray) -> dict[str, float]:
    errors = values - truth
    spread = float(np.square(truth - truth.mean()).sum())
    squared = float(np.square(errors).sum())
    return {
        "rmse": float(np.sqrt(squared / max(len(truth), 1))),
        "mae": float(np.abs(errors).mean()),
        "r2": 1.0 - squared / spread if spread else 0.0,
    }
