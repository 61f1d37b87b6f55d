"""The points of ROC, precision-recall, calibration and cost curves, from scores: NumPy alone, so that pages stay light.

Held to scikit-learn in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Right and wrong decisions at each threshold, from the highest down; a row is positive where score ≥ threshold."""

    thresholds: Floats
    true_positives: Floats
    false_positives: Floats
    positives: int
    negatives: int

    @property
    def true_positive_rate(self) -> Floats:
        """Recall; NaN where there are no positives."""
        return self.true_positives / self.positives if self.positives else np.full(len(self.thresholds), np.nan)

    @property
    def false_positive_rate(self) -> Floats:
        """Share of the negatives that are taken for positives; NaN where there are none."""
        return self.false_positives / self.negatives if self.negatives else np.full(len(self.thresholds), np.nan)

    @property
    def precision(self) -> Floats:
        """Share of those taken for positives that are; 1 where none is taken."""
        taken = self.true_positives + self.false_positives
        return np.divide(self.true_positives, taken, out=np.ones_like(taken), where=taken > 0)

    def cost(self, false_positive: float, false_negative: float) -> Floats:
        """Total cost at each threshold."""
        return self.false_positives * false_positive + (self.positives - self.true_positives) * false_negative


def decision_counts(positive: NDArray[np.bool_], scores: NDArray[Any]) -> Counts:
    """Count decisions at each distinct score, and at infinity, where nothing is positive.

    Args:
        positive: whether each row truly is `(rows,)`.
        scores: the higher, the more positive `(rows,)`.
    """
    truth, values = np.asarray(positive, bool), np.asarray(scores, np.float64)
    order = np.argsort(-values, kind="stable")
    values, truth = values[order], truth[order]
    ends = np.flatnonzero(np.append(np.diff(values) != 0, True)) if len(values) else np.zeros(0, np.intp)
    hits = np.cumsum(truth)[ends].astype(np.float64)
    return Counts(
        thresholds=np.concatenate([[np.inf], values[ends]]),
        true_positives=np.concatenate([[0.0], hits]),
        false_positives=np.concatenate([[0.0], ends + 1 - hits]),
        positives=int(truth.sum()),
        negatives=int(len(truth) - truth.sum()),
    )


def roc_area(counts: Counts) -> float:
    """Area under the ROC curve by trapezoids; NaN where one side is empty."""
    rates = counts.false_positive_rate, counts.true_positive_rate
    return float(np.trapezoid(rates[1], rates[0]))


def average_precision(counts: Counts) -> float:
    """Area under the precision-recall curve as steps (average precision)."""
    return float((np.diff(counts.true_positive_rate) * counts.precision[1:]).sum())


@dataclass(frozen=True)
class CalibrationBins:
    """What was promised and what came true, in equal-width bins of the promised probability; empty bins left out."""

    edges: Floats  # (bins + 1,)
    places: NDArray[np.intp]  # which bins these are
    promised: Floats
    happened: Floats
    rows: NDArray[np.intp]


def calibration_bins(happened: NDArray[np.bool_], promised: NDArray[Any], bins: int = 10) -> CalibrationBins:
    """Gather rows by the probability that was promised them."""
    probability, came_true = np.asarray(promised, np.float64), np.asarray(happened, np.float64)
    edges = np.linspace(0, 1, bins + 1)
    number = np.clip(np.searchsorted(edges[1:-1], probability), 0, bins - 1)
    rows = np.bincount(number, minlength=bins)
    filled = np.flatnonzero(rows)
    mean_promised = np.bincount(number, weights=probability, minlength=bins)[filled] / rows[filled]
    mean_happened = np.bincount(number, weights=came_true, minlength=bins)[filled] / rows[filled]
    return CalibrationBins(edges, filled, mean_promised, mean_happened, rows[filled])


def confusion_counts(truth: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.intp]:
    """Rows by true class (down) and predicted class (across), `(classes, classes)`."""
    cells = np.asarray(truth, np.intp) * classes + np.asarray(predicted, np.intp)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
