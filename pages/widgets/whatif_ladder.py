"""The values that a knob can be turned to: some twenty, around where it stands."""

from __future__ import annotations

import math
from typing import Any

from engine.specs.knobs import Knob

PER_DECADE = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
FACTOR = 100.0  # how far a logarithmic knob turns to each side
WHOLE_FACTOR = 8  # the same for whole numbers, in halves and doubles
WIDE = 30.0  # an upper bound so many times the value is out of the hand's reach: the knob turns in factors
MOST = 41  # positions; more cannot be told apart by hand
SMALLEST = 1e-6  # what counts as the least above zero on a logarithmic scale


def ladder(knob: Knob, also: tuple[Any, ...] = ()) -> list[Any]:
    """The positions of a numeric knob, ascending.

    Args:
        knob: as it stands in the baseline, so that its positions stay while it is turned.
        also: values that have to be among them: the present one, one from a link.
    """
    value = float(knob.value)
    low = -math.inf if knob.low is None else knob.low
    high = math.inf if knob.high is None else knob.high
    if knob.kind == "int" and (knob.scale == "log" or high - low > 4 * MOST):
        found = _doubled(int(value), low, high)
    elif knob.scale == "log" or (value > 0 and low >= 0 and high > WIDE * value):
        found = _decades(value, low, high)
    else:
        found = _even(value, low, high, knob.step or (1.0 if knob.kind == "int" else 0.0))
    values = {_rounded(number) for number in found if low <= number <= high} | {knob.value, *also}
    if knob.kind == "int":
        values = {round(number) for number in values}
    return sorted(values)


def _decades(value: float, low: float, high: float) -> list[float]:
    """1, 1.5, 2, 3, 5, 7, 10… around the value; zero in front where it is allowed."""
    if value > 0:
        bottom, top = max(low, value / FACTOR), min(high, value * FACTOR)
    else:
        bottom, top = max(low, SMALLEST), min(high, 1.0)
    bottom = max(bottom, SMALLEST)
    first, last = math.floor(math.log10(bottom)), math.ceil(math.log10(max(top, bottom)))
    found = [digit * 10.0**power for power in range(first, last + 1) for digit in PER_DECADE]
    kept = [number for number in found if bottom <= number * (1 + 1e-9) and number <= top * (1 + 1e-9)]
    return [0.0, *kept] if low <= 0 else kept


def _doubled(value: int, low: float, high: float) -> list[float]:
    """Halves and doubles of the value; from zero: 0, 1, 2, 4, 8…"""
    if value <= 0:
        return [0.0, *(2.0**power for power in range(WHOLE_FACTOR + 2))]
    steps = range(-int(math.log2(WHOLE_FACTOR)) - 1, int(math.log2(WHOLE_FACTOR)) + 2)
    return [max(low, min(high, max(1.0, float(round(value * 2.0**power))))) for power in steps]


def _even(value: float, low: float, high: float, step: float) -> list[float]:
    """Even steps over the whole range; round the value where the range is too long for that."""
    if not math.isfinite(low) or not math.isfinite(high):
        low, high = (0.0, max(2 * value, 1.0)) if value >= 0 else (2 * value, 0.0)
    if not step:
        step = _nice((high - low) / 20)
    while (high - low) / step > MOST - 1:
        step = _nice(2 * step)
    first = math.ceil(low / step - 1e-9)
    found = [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]
    return [low, *found] if low >= step / 10 else found  # a bound a hair above zero is none to turn to


def _nice(step: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(digit * power for digit in (1.0, 2.0, 5.0, 10.0) if digit * power >= step * (1 - 1e-9))


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")
