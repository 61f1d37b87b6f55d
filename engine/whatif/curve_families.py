"""Shapes that learning curves take, as columns of a linear model.

Every family of Domhan et al. (2015) and Viering & Loog (2021) has the form `level + amplitude × g(t; shape)` with a
falling `g`. Here each `g` is rescaled to 1 at the first and 0 at the last moment, so that the level is the value at
the end and the amplitude is all that is gained on the way, whatever the family: the two numbers of which one has an
idea beforehand. The shape has one or two numbers more; those lie on a grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Curve = Callable[[Array], Array]


@dataclass(frozen=True)
class Shape:
    """One falling curve: a family with its shape numbers.

    Attributes:
        family: its name in the literature.
        weight: prior share of this shape; those of a family add up to one.
        values: moments from the first epoch on, as shares of the horizon `(points,)` → height `(points,)`.
    """

    family: str
    weight: float
    values: Curve


def _power(t: Array, exponent: float, shift: float = 0.0) -> Array:
    height: Array = (t + shift) ** -exponent
    return height


def _exponential(t: Array, rate: float) -> Array:
    return np.exp(-rate * t)


def _inverse_logarithm(t: Array, first: float) -> Array:
    height: Array = 1.0 / np.log(t / first + 1.0)
    return height


def _logarithm(t: Array) -> Array:
    return -np.log(t)


def _log_power(t: Array, middle: float, power: float) -> Array:
    height: Array = 1.0 / (1.0 + (t / middle) ** power)
    return height


def _weibull(t: Array, middle: float, power: float) -> Array:
    return np.exp(-((t / middle) ** power))


def _powers(first: float) -> list[Curve]:
    """pow3: t^-alpha. Exponents seen in practice lie between 0.1 and 2 (Hestness et al. 2017)."""
    return [partial(_power, exponent=exponent) for exponent in (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)]


def _shifted_powers(first: float) -> list[Curve]:
    """pow4: (t + b)^-alpha, flat at first."""
    grid = product((2.0, 8.0), (0.5, 1.0, 2.0, 4.0))
    return [partial(_power, exponent=exponent, shift=shift * first) for shift, exponent in grid]


def _exponentials(first: float) -> list[Curve]:
    """exp3: exp(-kt)."""
    return [partial(_exponential, rate=2.0 ** (n / 2)) for n in range(2, 13)]


def _logarithms(first: float) -> list[Curve]:
    """ilog2 and its unbounded cousin: 1 / log(t + 1) and -log t."""
    return [partial(_inverse_logarithm, first=first), _logarithm]


def _log_powers(first: float) -> list[Curve]:
    """Log-power, which is MMF (Morgan-Mercer-Flodin) by another name: 1 / (1 + (t / t0)^c)."""
    return [partial(_log_power, middle=m, power=c) for m, c in product((0.03, 0.1, 0.3), (0.7, 1.5, 3.0))]


def _weibulls(first: float) -> list[Curve]:
    """Weibull, and Janoschek, which has the same shape: exp(-(t / t0)^c)."""
    return [partial(_weibull, middle=m, power=c) for m, c in product((0.03, 0.1, 0.3), (0.4, 0.7, 1.5, 2.5))]


FAMILIES: dict[str, Callable[[float], list[Curve]]] = {
    "power law": _powers,
    "shifted power law": _shifted_powers,
    "exponential": _exponentials,
    "logarithm": _logarithms,
    "log-power (MMF)": _log_powers,
    "Weibull (Janoschek)": _weibulls,
}


def shapes(first: float, families: Sequence[str] = ()) -> list[Shape]:
    """All shapes of some families.

    Args:
        first: the first moment as a share of the horizon.
        families: names; all where not given.
    """
    found = []
    for name, family in FAMILIES.items():
        if families and name not in families:
            continue
        members = family(first)
        found += [Shape(name, 1.0 / len(members), member) for member in members]
    return found


def column(shape: Shape, moments: Array, horizon: float) -> Array | None:
    """A shape at moments `(points,)`, 1 at the first of them and 0 at the horizon; None where it is flat there.

    Args:
        shape: which.
        moments: ascending, above 0, in any unit.
        horizon: the last moment, in the same unit.
    """
    heights = shape.values(np.append(moments, horizon) / horizon)
    fall = heights[0] - heights[-1]
    if not np.isfinite(heights).all() or fall <= 1e-9 * max(abs(heights[0]), 1e-300):
        return None
    result: Array = (heights[:-1] - heights[-1]) / fall
    return result
