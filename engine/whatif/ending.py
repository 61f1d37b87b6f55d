"""How a run will end: the best value that it will be judged by, and when patience or the plan ends it.

Pure: a prefix of the curves in, a distribution out. `engine.whatif.forecast` reads the prefix from the store,
`bench/forecast.py` cuts it from finished runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.specs.training import EarlyStopping, TrainingSpec
from engine.training.schedules import rate_at
from engine.whatif.curves import Extrapolation, Prefix, extrapolate

Array = NDArray[np.float64]
MOST_POINTS = 120  # of a prefix; more are averaged in pairs, threes…
MOST_FUTURE = 100  # moments to come; each stands for several epochs where more are planned
LEVEL = 0.9  # of every interval here


@dataclass(frozen=True)
class Ending:
    """The distribution of a run's end.

    Attributes:
        value: median of the best value, in the metric's unit.
        low: lower end of the 90 % interval.
        high: upper end.
        epochs: median of the epoch at which it ends.
        epochs_low: lower end of its 90 % interval.
        epochs_high: upper end.
        moments: epochs to come `(future,)`.
        middle: median course of the curve there `(future,)`.
        lower: of the 90 % band of single epochs `(future,)`.
        upper: of the same.
        families: weight of each curve family.
    """

    value: float
    low: float
    high: float
    epochs: float
    epochs_low: float
    epochs_high: float
    moments: Array
    middle: Array
    lower: Array
    upper: Array
    families: dict[str, float]


def predict_end(
    training: TrainingSpec,
    epochs: Sequence[float],
    values: Sequence[float],
    *,
    planned: float,
    lower_is_better: bool,
    bounds: tuple[float, float],
    resolution: float = 0.0,
    losses: Sequence[float] = (),
    by_loss: bool = False,
    waited: int = 0,
    first_epoch: float = 0.0,
    seed: int = 0,
) -> Ending:
    """Continue a run's curves to its end.

    Args:
        training: schedule and early stopping of the run.
        epochs: moments of the validations so far, in epochs of this run, ascending.
        values: the metric there.
        planned: epochs of the whole run.
        lower_is_better: for errors.
        bounds: lowest and highest value of the metric.
        resolution: its smallest step, where known.
        losses: validation losses at the same moments.
        by_loss: early stopping looks at the loss, not at the metric.
        waited: epochs since the last gain by which early stopping counts.
        first_epoch: where a run that continues another began.
        seed: of the draws.
    """
    times = np.asarray(epochs, float) - first_epoch
    future, counts = _moments(float(times[-1]), planned)
    prefix = _prefix(training, times, np.asarray(values, float), future, counts, planned, lower_is_better)
    prefix = _bounded(prefix, bounds, resolution)
    course = extrapolate(prefix, seed=seed)
    sign = 1.0 if lower_is_better else -1.0
    known = float((sign * np.asarray(values, float)).min())
    stops = np.full(len(course.paths), len(future) - 1)
    stopping = training.early_stopping
    if stopping.enabled:
        judged, best = sign * course.paths, known
        if by_loss and len(losses) == len(times):
            of_loss = _prefix(training, times, np.asarray(losses, float), future, counts, planned, True)
            judged = extrapolate(_bounded(of_loss, (0.0, np.inf), 0.0), seed=seed + 1).paths
            best = float(np.min(losses))
        stops = _stops(judged, best, waited, counts, stopping)
    reached = np.minimum.accumulate(np.minimum(sign * course.paths, known), axis=1)
    final = sign * reached[np.arange(len(reached)), stops]
    ends = future[stops] + first_epoch
    return _summary(final, ends, future + first_epoch, course, counts)


def naive_interval(values: Sequence[float], *, lower_is_better: bool) -> tuple[float, float]:
    """The peer: the best value so far ± twice the spread of the last five epochs."""
    best = min(values) if lower_is_better else max(values)
    spread = 2.0 * float(np.std(values[-5:]))
    return best - spread, best + spread


def _summary(final: Array, ends: Array, moments: Array, course: Extrapolation, counts: Array) -> Ending:
    low, value, high = (float(x) for x in np.quantile(final, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]))
    first, middle, last = (float(x) for x in np.quantile(ends, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]))
    band = np.quantile(course.means, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], axis=0)
    return Ending(value, low, high, middle, first, last, moments, band[1], band[0], band[2], course.families)


def _moments(now: float, planned: float) -> tuple[Array, Array]:
    left = max(round(planned - now), 1)
    marks = np.unique(np.round(np.linspace(0, left, min(left, MOST_FUTURE) + 1)).astype(int))
    return now + marks[1:].astype(float), np.diff(marks).astype(float)


def _prefix(
    training: TrainingSpec,
    times: Array,
    values: Array,
    future: Array,
    counts: Array,
    planned: float,
    lower_is_better: bool,
) -> Prefix:
    if len(times) > MOST_POINTS:
        groups = np.array_split(np.arange(len(times)), MOST_POINTS)
        times, values = (np.array([part[group].mean() for group in groups]) for part in (times, values))
    moments = np.concatenate([times, future])
    grid = np.linspace(0.0, moments[-1], 2001)
    rates = np.array([rate_at(training.schedule, 1.0, moment / planned) for moment in grid])
    area = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(grid))])
    before = grid - 1e-6 * grid[-1]  # a step of the schedule between two epochs counts from the second on
    return Prefix(
        times,
        values,
        future,
        counts,
        rates=np.interp(moments, before, rates),
        areas=np.maximum(np.interp(moments, grid, area), 1e-9),
        lower_is_better=lower_is_better,
    )


def _bounded(prefix: Prefix, bounds: tuple[float, float], resolution: float) -> Prefix:
    return replace(prefix, bounds=bounds, resolution=resolution)


def _stops(judged: Array, best: float, waited: int, counts: Array, stopping: EarlyStopping) -> NDArray[np.intp]:
    """The place of the moment at which patience is over on each path `(draws,)`; the last one where it never is."""
    draws, moments = judged.shape
    least, waits = np.full(draws, best), np.full(draws, float(waited))
    stops = np.full(draws, moments - 1)
    open_ = np.ones(draws, bool)
    for place in range(moments):
        gained = judged[:, place] < least - stopping.min_delta
        waits = np.where(gained, 0.0, waits + counts[place])
        least = np.minimum(least, judged[:, place])
        over = open_ & (waits >= stopping.patience_epochs)
        stops[over] = place
        open_ &= ~over
    return stops
