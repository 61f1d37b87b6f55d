"""How good predictions are, as formulas over weighted rows.

Every metric is written once, for a matrix of row weights `(rows, resamples)`: a column of ones gives the value itself,
columns of multinomial counts give its bootstrap replicates. So a value and its interval can never disagree about the
formula, and a thousand resamples cost a handful of matrix products. NumPy alone: pages measure filtered rows with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.floating]

OBJECTIVES = {"accuracy": 1.0, "rmse": -1.0}  # the headline metric of a goal -> +1 where higher is better
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "rmse", "mae", "median_absolute_error"})
RANK_METRICS = ("roc_auc", "pr_auc")  # need the rows sorted by score, and so cost most
ECE_BINS = 15  # as in Guo et al. 2017


class Metrics(Protocol):
    """Predictions of one model on one set of rows, ready to be measured under any row weights."""

    rows: int

    def measure(self, weights: Floats) -> dict[str, Floats]:
        """Metric -> one value a column of `weights` `(rows, resamples)`; NaN where it is not defined."""
        ...

    def measure_ranks(self, weights: Floats) -> dict[str, Floats]:
        """The same for the metrics that depend on the order of the scores."""
        ...


class ClassificationMetrics:
    """Metrics of class probabilities.

    Args:
        truth: class codes `(rows,)`.
        probabilities: `(rows, classes)`, each row sums to 1.

    Averages follow scikit-learn: macro over the classes that occur in truth or prediction, weighted by support, a
    ratio without a denominator counts as 0. ROC AUC of more than two classes is the macro mean of one-vs-rest over the
    classes that have examples on both sides. Brier is halved for two classes (Brier 1950 sums over both).
    """

    def __init__(self, truth: NDArray[np.integer], probabilities: Floats) -> None:
        self.truth = np.asarray(truth, dtype=np.int64)
        self.probabilities = np.asarray(probabilities, dtype=np.float64)
        self.rows, self.classes = self.probabilities.shape
        self.predicted = self.probabilities.argmax(axis=1)
        self.correct = self.predicted == self.truth
        self._ranks: dict[int, tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.intp]]] = {}

    @property
    def log_losses(self) -> Floats:
        """-log p(true class) of each row."""
        chosen = self.probabilities[np.arange(self.rows), self.truth]
        total = self.probabilities.sum(axis=1)
        eps = np.finfo(np.float64).eps
        share: Floats = np.clip(chosen / np.maximum(total, eps), eps, 1.0)
        return -np.log(share)

    def measure(self, weights: Floats) -> dict[str, Floats]:
        """Accuracy, precision, recall and F1 (macro, micro, weighted), log loss, Brier, calibration error."""
        one_hot = np.eye(self.classes, dtype=np.float32)[self.truth]
        brier = ((self.probabilities - one_hot) ** 2).sum(axis=1) / (2.0 if self.classes == 2 else 1.0)
        total = weights.sum(axis=0, dtype=np.float64)
        means = _weighted_sums(np.stack([self.correct, self.log_losses, brier]), weights) / total
        by_class = self.measure_by_class(weights)
        values: dict[str, Floats] = {"accuracy": means[0]}
        support, seen = by_class["support"], by_class["support"] + by_class["predicted"] > 0
        for name in ("precision", "recall", "f1"):
            score = by_class[name]
            values[f"macro_{name}"] = (score * seen).sum(axis=0) / seen.sum(axis=0)
            values[f"micro_{name}"] = means[
                0
            ]  # one label a row: every false positive is another class's false negative
            values[f"weighted_{name}"] = (score * support).sum(axis=0) / total
        values["log_loss"], values["brier"] = means[1], means[2]
        values["calibration_error"] = self._calibration_error(weights, total)
        return values

    def measure_by_class(self, weights: Floats) -> dict[str, Floats]:
        """Precision, recall, F1, support and number of predictions, each `(classes, resamples)`."""
        labels = np.arange(self.classes)[:, None]
        is_true, is_predicted = self.truth == labels, self.predicted == labels
        hits = _weighted_sums(is_true & is_predicted, weights)
        support, predicted = _weighted_sums(is_true, weights), _weighted_sums(is_predicted, weights)
        return {
            "precision": _ratio(hits, predicted),
            "recall": _ratio(hits, support),
            "f1": _ratio(2 * hits, support + predicted),
            "support": support,
            "predicted": predicted,
        }

    def measure_ranks(self, weights: Floats) -> dict[str, Floats]:
        """ROC AUC and average precision; of the second class for two classes, else the macro mean of one-vs-rest."""
        positives = [1] if self.classes == 2 else list(range(self.classes))
        pairs = [self._rank(label, weights) for label in positives]
        auc, precision = np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])
        return {"roc_auc": _mean_defined(auc), "pr_auc": _mean_defined(precision)}

    def _rank(self, label: int, weights: Floats) -> tuple[Floats, Floats]:
        if label not in self._ranks:
            scores = self.probabilities[:, label]
            order = np.argsort(-scores, kind="stable")
            ends = np.flatnonzero(
                np.append(np.diff(scores[order]) != 0, True)
            )  # last row of each group of equal scores
            self._ranks[label] = (order, self.truth[order] == label, ends)
        order, positive, ends = self._ranks[label]
        sorted_weights = weights[order]
        counted = np.cumsum(sorted_weights, axis=0)[ends].astype(np.float64)
        hits = np.cumsum(sorted_weights * positive[:, None], axis=0)[ends].astype(np.float64)
        misses = counted - hits
        all_hits, all_misses = hits[-1], misses[-1]
        gained, lost = np.diff(hits, axis=0, prepend=0.0), np.diff(misses, axis=0, prepend=0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = (lost * (hits - gained / 2)).sum(axis=0) / (all_hits * all_misses)  # trapezoids, ties count half
            average = (gained * _ratio(hits, counted)).sum(axis=0) / np.where(all_misses > 0, all_hits, 0.0)
        return np.where(np.isfinite(auc), auc, np.nan), np.where(np.isfinite(average), average, np.nan)

    def _calibration_error(self, weights: Floats, total: Floats) -> Floats:
        """Expected calibration error of the predicted class in equal-width bins (Guo et al. 2017)."""
        confidence = self.probabilities.max(axis=1)
        bins = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
        gap = (bins == np.arange(ECE_BINS)[:, None]) * (self.correct - confidence)
        result: Floats = np.abs(_weighted_sums(gap, weights)).sum(axis=0) / total
        return result


class RegressionMetrics:
    """Metrics of predicted numbers, in the unit of the target.

    Args:
        truth: `(rows,)`.
        values: the predictions `(rows,)`.
    """

    def __init__(self, truth: Floats, values: Floats) -> None:
        self.truth = np.asarray(truth, dtype=np.float64).reshape(-1)
        self.values = np.asarray(values, dtype=np.float64).reshape(-1)
        self.rows = len(self.truth)

    def measure(self, weights: Floats) -> dict[str, Floats]:
        """RMSE, MAE, R² and median absolute error."""
        errors = self.values - self.truth
        centred = self.truth - self.truth.mean()  # keeps the difference of two large sums exact
        columns = np.stack([errors**2, np.abs(errors), centred, centred**2])
        total = weights.sum(axis=0, dtype=np.float64)
        squared, absolute, mean, square = _weighted_sums(columns, weights) / total
        variance = square - mean**2
        return {
            "rmse": np.sqrt(squared),
            "mae": absolute,
            "r2": np.where(variance > 0, 1.0 - squared / np.where(variance > 0, variance, 1.0), np.nan),
            "median_absolute_error": self._median(np.abs(errors), weights),
        }

    def measure_ranks(self, weights: Floats) -> dict[str, Floats]:
        """None."""
        return {}

    @staticmethod
    def _median(values: Floats, weights: Floats) -> Floats:
        order = np.argsort(values, kind="stable")
        counted = np.cumsum(weights[order], axis=0)
        total = counted[-1]
        lower = (counted > np.floor((total - 1) / 2)).argmax(axis=0)  # the two middle rows; one and the same where
        upper = (counted > np.floor(total / 2)).argmax(axis=0)  # the number of rows is odd
        result: Floats = (values[order][lower] + values[order][upper]) / 2
        return result


def losses_of(metrics: ClassificationMetrics | RegressionMetrics) -> Floats:
    """What each row costs: -log p(true class), or the squared error; the worst rows have the largest."""
    if isinstance(metrics, ClassificationMetrics):
        return metrics.log_losses
    return (metrics.values - metrics.truth) ** 2


def point_values(metrics: Metrics) -> dict[str, float]:
    """Every metric as one number; what is not defined on these rows is left out."""
    ones = np.ones((metrics.rows, 1), dtype=np.float64)
    values = {**metrics.measure(ones), **metrics.measure_ranks(ones)}
    return {name: float(value[0]) for name, value in values.items() if np.isfinite(value[0])}


def subset_metrics(predictions: pd.DataFrame, classes: int) -> dict[str, float]:
    """Metrics of kept prediction rows (truth, prediction or p_0, p_1…); nothing for no rows."""
    if not len(predictions):
        return {}
    truth = predictions["truth"].to_numpy()
    if not classes:
        return point_values(RegressionMetrics(truth, predictions["prediction"].to_numpy()))
    probabilities = predictions[[f"p_{label}" for label in range(classes)]].to_numpy()
    return point_values(ClassificationMetrics(truth, probabilities))


def _weighted_sums(columns: NDArray[np.generic], weights: Floats) -> Floats:
    """`(k, rows) @ (rows, resamples)`, summed in the precision of the weights' product."""
    result: Floats = np.asarray(columns).astype(weights.dtype) @ weights
    return result.astype(np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    result: Floats = np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)
    return result


def _mean_defined(values: Floats) -> Floats:
    """The mean over classes that are defined; NaN where none is."""
    defined = np.isfinite(values)
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
