"""How sure a metric is: 95 % intervals by the bootstrap (Efron 1979), and whether two models really differ.

Rows are drawn with replacement as multinomial counts; both models of a comparison see the same draws, so that what
makes a row hard for both cancels out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics import ClassificationMetrics, Metrics, point_values
from engine.specs.records import Interval

RESAMPLES = 1000
CONFIDENCE = 0.95
CHUNK_CELLS = 2_000_000  # rows × resamples held at once: 8 MB of float32
CELLS = 40_000_000  # rows × resamples in all: about a second
RANK_CELLS = 25_000_000  # the same for sorted metrics, which also pay for each class
MIN_RESAMPLES = 200  # enough for a 95 % percentile (Efron & Tibshirani 1993 call 200 the least)
REFLECTED = frozenset(
    {"calibration_error"}
)  # resampling pushes these up: reflect the interval about the value ("basic" bootstrap)
PROPORTIONS = ("accuracy", "micro_precision", "micro_recall", "micro_f1")


@dataclass(frozen=True)
class Bootstrapped:
    """A model's metrics with their replicates: metric -> `(resamples,)`."""

    values: dict[str, float]
    replicates: dict[str, NDArray[np.floating]]
    rows: int
    by_class: tuple[dict[str, Interval], ...] = field(default=())

    @property
    def intervals(self) -> dict[str, Interval]:
        """Every metric with its 95 % interval."""
        return {
            name: interval(value, self.replicates[name], name=name, trials=self.rows if name in PROPORTIONS else 0)
            for name, value in self.values.items()
        }

    def difference(self, other: Bootstrapped, metric: str) -> Interval:
        """This model's `metric` minus the other's on the same rows, with the interval of the paired bootstrap."""
        draws = min(len(self.replicates[metric]), len(other.replicates[metric]))
        samples = self.replicates[metric][:draws] - other.replicates[metric][:draws]
        return interval(self.values[metric] - other.values[metric], samples)


def bootstrap(
    metrics: Metrics, *, resamples: int = RESAMPLES, seed: int = 0, with_classes: bool = False
) -> Bootstrapped:
    """Measure predictions and resample them.

    Args:
        metrics: the predictions.
        resamples: how many draws at most; fewer where there are very many rows, whose intervals are narrow anyway.
        seed: the same seed draws the same rows, also for another model on as many rows.
        with_classes: also give precision, recall and F1 of each class their intervals.
    """
    rows = metrics.rows
    draws = max(min(resamples, MIN_RESAMPLES), min(resamples, CELLS // max(rows, 1)))
    classes = metrics.classes if isinstance(metrics, ClassificationMetrics) else 1
    rank_draws = max(min(draws, MIN_RESAMPLES), min(draws, RANK_CELLS // max(rows * classes, 1)))
    collected: dict[str, list[NDArray[np.floating]]] = {}
    classwise: dict[str, list[NDArray[np.floating]]] = {}
    done = 0
    for weights in resample_weights(rows, draws, seed):
        parts = metrics.measure(weights)
        if done < rank_draws:
            parts |= metrics.measure_ranks(weights[:, : rank_draws - done])
        for name, value in parts.items():
            collected.setdefault(name, []).append(value)
        if with_classes and isinstance(metrics, ClassificationMetrics):
            for name, value in metrics.measure_by_class(weights).items():
                classwise.setdefault(name, []).append(value)
        done += weights.shape[1]
    replicates = {name: np.concatenate(chunks) for name, chunks in collected.items()}
    by_class = _class_intervals(metrics, classwise) if isinstance(metrics, ClassificationMetrics) else ()
    return Bootstrapped(point_values(metrics), replicates, rows, by_class)


def resample_weights(rows: int, resamples: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """How often each row was drawn, `(rows, some resamples)` at a time."""
    random = np.random.default_rng(seed)
    chunk = max(1, CHUNK_CELLS // max(rows, 1))
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        drawn = random.integers(0, rows, size=(rows, count), dtype=np.int64)
        cells = drawn * count + np.arange(count)
        yield np.bincount(cells.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float32)


def interval(value: float, samples: NDArray[np.floating], *, name: str = "", trials: int = 0) -> Interval:
    """The 95 % percentile interval about a value; it always holds the value itself.

    Args:
        value: of the metric on all rows.
        samples: its replicates; undefined ones (NaN) do not count.
        name: of the metric: some need another kind of interval.
        trials: where the value is a share of so many independent rows, how many; 0 where it is not.
    """
    samples = samples[np.isfinite(samples)]
    if not len(samples):
        return Interval(value=value, low=value, high=value)
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(bound) for bound in np.quantile(samples, [tail, 1 - tail]))
    if name in REFLECTED:
        low, high = max(0.0, 2 * value - high), 2 * value - low
    if trials and value in (0.0, 1.0):
        margin = 1 - tail ** (1 / trials)  # all right or all wrong: resampling sees no doubt, Clopper & Pearson 1934 do
        low, high = (0.0, margin) if value == 0.0 else (1 - margin, 1.0)
    return Interval(value=value, low=min(low, value), high=max(high, value))


def _class_intervals(
    metrics: ClassificationMetrics, classwise: dict[str, list[NDArray[np.floating]]]
) -> tuple[dict[str, Interval], ...]:
    if not classwise:
        return ()
    values = metrics.measure_by_class(np.ones((metrics.rows, 1)))
    samples = {name: np.concatenate(chunks, axis=1) for name, chunks in classwise.items()}
    return tuple(
        {
            name: interval(float(values[name][label, 0]), samples[name][label], trials=_trials(values, name, label))
            for name in ("precision", "recall", "f1", "support")
        }
        for label in range(metrics.classes)
    )


def _trials(values: dict[str, NDArray[np.floating]], name: str, label: int) -> int:
    """Recall is a share of the class's rows, precision of the predictions of it; F1 is no share of anything."""
    counted = {"recall": "support", "precision": "predicted"}.get(name)
    return int(values[counted][label, 0]) if counted else 0
