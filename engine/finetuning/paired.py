"""Whether two models differ on the same rows: McNemar's exact test, and the paired bootstrap."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.bootstrap import bootstrap
from engine.evaluation.metrics import ClassificationMetrics, RegressionMetrics
from engine.specs.finetuning_records import BeforeAfter
from engine.specs.records import Interval

LEVEL = 0.05  # of significance, two-sided

AnyMetrics = ClassificationMetrics | RegressionMetrics


def mcnemar(right_before: NDArray[np.bool_], right_after: NDArray[np.bool_]) -> tuple[int, int, float]:
    """McNemar's exact test (1947; the binomial form): of the rows that one model alone gets right, is half of them due?

    Args:
        right_before: `(rows,)`, which rows the first model gets right.
        right_after: `(rows,)`, the same of the second.

    Returns:
        Rows that only the first gets right, rows that only the second does, and the two-sided p-value (1 where both
        agree on every row).
    """
    from scipy.stats import binomtest

    before, after = np.asarray(right_before, bool), np.asarray(right_after, bool)
    only_before, only_after = int((before & ~after).sum()), int((after & ~before).sum())
    if only_before + only_after == 0:
        return 0, 0, 1.0
    return only_before, only_after, float(binomtest(only_before, only_before + only_after, 0.5).pvalue)


def metrics_of(truth: NDArray[np.generic], predictions: NDArray[np.floating], classes: int) -> AnyMetrics:
    """Predictions ready to be measured: probabilities `(rows, classes)`, or numbers `(rows,)` where `classes` is 0."""
    if classes:
        return ClassificationMetrics(np.asarray(truth, np.int64), np.asarray(predictions, np.float64))
    return RegressionMetrics(np.asarray(truth, np.float64), np.asarray(predictions, np.float64))


def measured(
    truth: NDArray[np.generic], before: NDArray[np.floating], after: NDArray[np.floating], classes: int
) -> tuple[str, Interval, Interval, Interval]:
    """The headline metric of both models with its interval, and the difference (after minus before).

    Args:
        truth: class codes or numbers `(rows,)`.
        before: probabilities `(rows, classes)` or numbers `(rows,)` of the first model.
        after: the same of the second.
        classes: how many; 0 for numbers.
    """
    metric = "accuracy" if classes else "rmse"
    first = bootstrap(metrics_of(truth, before, classes))
    second = bootstrap(metrics_of(truth, after, classes))
    return metric, first.intervals[metric], second.intervals[metric], second.difference(first, metric)


def before_and_after(
    truth: NDArray[np.generic],
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    classes: int,
    *,
    part: str,
    rows_there: int,
    fitted_rows: int,
    train_rows: int,
) -> BeforeAfter:
    """The record of both models on the same rows, with the verdict.

    Args:
        truth: as for `measured`.
        before: as for `measured`.
        after: as for `measured`.
        classes: as for `measured`.
        part: that the rows are of.
        rows_there: rows of that part.
        fitted_rows: rows that the first model learned from.
        train_rows: rows of the train part.
    """
    metric, first, second, difference = measured(truth, before, after, classes)
    only_before = only_after = 0
    p_value = None
    if classes:
        codes = np.asarray(truth, np.int64)
        right = [np.asarray(one).argmax(axis=1) == codes for one in (before, after)]
        only_before, only_after, p_value = mcnemar(right[0], right[1])
    return BeforeAfter(
        part=part,
        metric=metric,
        before=first,
        after=second,
        difference=difference,
        rows=len(truth),
        rows_there=rows_there,
        fitted_rows=fitted_rows,
        train_rows=train_rows,
        only_before=only_before,
        only_after=only_after,
        p_value=p_value,
        verdict=_verdict(difference, p_value),
    )


def _verdict(difference: Interval, p_value: float | None) -> Literal["better", "worse", "level"]:
    if p_value is not None:
        clear, better = p_value < LEVEL, difference.value > 0
    else:  # an error: lower is better
        clear, better = difference.low > 0 or difference.high < 0, difference.value < 0
    if not clear:
        return "level"
    return "better" if better else "worse"
