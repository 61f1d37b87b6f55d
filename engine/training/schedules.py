"""The learning rate over a run, as a plain function of the share of the run that is done.

Computed outside the compiled step and handed in, one number a step: a schedule can follow the clock (a run with a time
limit), and a change of it needs no new trace.
"""

import math
from collections.abc import Callable
from typing import Any

from engine.specs.training import ConstantSchedule, CosineSchedule, OneCycleSchedule, ScheduleSpec, StepSchedule

# Where one-cycle begins and ends, as shares of the peak (Smith & Topin 2019: "several orders of magnitude" lower).
ONE_CYCLE_START = 0.04
ONE_CYCLE_END = 0.001


def rate_at(spec: ScheduleSpec, peak: float, done: float) -> float:
    """The learning rate where a share `done` (0 to 1) of the run lies behind.

    Args:
        spec: the schedule.
        peak: the optimizer's learning rate.
        done: steps done / steps planned, or seconds / time limit where that is further.

    Example:
        >>> round(rate_at(CosineSchedule(final_fraction=0.0), 0.1, 0.5), 6)
        0.05
    """
    done = min(max(done, 0.0), 1.0)
    warmup = spec.warmup_fraction
    if done < warmup:
        return peak * done / warmup * _factor(spec, 0.0)
    after = (done - warmup) / (1.0 - warmup)
    return peak * _factor(spec, after)


def _factor(spec: ScheduleSpec, done: float) -> float:
    return _FACTORS[type(spec)](spec, done)


def _constant(spec: ConstantSchedule, done: float) -> float:
    return 1.0


def _cosine(spec: CosineSchedule, done: float) -> float:
    """Loshchilov & Hutter (2017), equation 5, without restarts."""
    return spec.final_fraction + (1.0 - spec.final_fraction) * 0.5 * (1.0 + math.cos(math.pi * done))


def _step(spec: StepSchedule, done: float) -> float:
    # A hair is added so that 3 × 0.1 counts as three tenths.
    return float(spec.factor ** math.floor(done / spec.every_fraction + 1e-9))


def _one_cycle(spec: OneCycleSchedule, done: float) -> float:
    """Two half cosines (the shape that fast.ai and PyTorch use for Smith & Topin's cycle)."""
    if done < spec.peak_fraction:
        low, high, share = ONE_CYCLE_START, 1.0, done / spec.peak_fraction
    else:
        low, high, share = 1.0, ONE_CYCLE_END, (done - spec.peak_fraction) / (1.0 - spec.peak_fraction)
    return high + (low - high) * 0.5 * (1.0 + math.cos(math.pi * share))


_FACTORS: dict[type[ScheduleSpec], Callable[[Any, float], float]] = {
    ConstantSchedule: _constant,
    CosineSchedule: _cosine,
    StepSchedule: _step,
    OneCycleSchedule: _one_cycle,
}
