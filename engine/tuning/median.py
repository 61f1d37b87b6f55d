"""The median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def is_worse_than_median(
    curve: Sequence[float], others: Sequence[Sequence[float]], direction: str, *, at_least: int = 4
) -> bool:
    """Whether a trial is to be stopped at its newest step.

    It is where its best value so far is strictly worse than the median, over the other trials, of their running
    averages up to the same step.

    Args:
        curve: the objective after each step so far.
        others: of trials that have ended; those that did not come this far have no say.
        direction: "max" or "min".
        at_least: how many others have to have a say.

    Example:
        >>> is_worse_than_median([0.1, 0.2], [[0.3, 0.5], [0.2, 0.6], [0.4, 0.4]], "max", at_least=3)
        True
    """
    step = len(curve)
    if not step:
        return False
    averages = [float(np.mean(other[:step])) for other in others if len(other) >= step]
    if len(averages) < max(at_least, 1):
        return False
    median = float(np.median(averages))
    return max(curve) < median if direction == "max" else min(curve) > median
