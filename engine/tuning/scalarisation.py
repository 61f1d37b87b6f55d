"""Two objectives as the one number that an oracle minimises: ParEGO's augmented Tchebycheff function.

KerasTuner adds objectives up as they are, so that a count of parameters drowns an accuracy. Here each is brought to 0
(best so far) … 1 (worst so far), sizes and times by their logarithm, and weighted: for the Bayesian oracle with other
weights every time it is asked, so that its proposals spread along the whole front (Knowles 2006, "ParEGO", IEEE TEC
10(1)); for the others with the weights of the document.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RHO = 0.05  # of the augmentation, as in the paper
_BY_FACTORS = ("parameters", "flops", "latency_ms", "seconds", "memory_bytes")


def scalarised(
    points: Sequence[Sequence[float]],
    goals: Sequence[tuple[str, str]],
    weights: Sequence[float],
    *,
    seed: int = 0,
    turn: int | None = None,
) -> np.ndarray:
    """One score a point, lower is better.

    Args:
        points: `(points, objectives)`.
        goals: (metric, direction) of each objective.
        weights: of the objectives, above 0.
        seed: of the drawn weights.
        turn: which question of the oracle this is, to draw weights for it; None: the weights as given.
    """
    costs = np.array(points, float)
    for i, (metric, direction) in enumerate(goals):
        if metric in _BY_FACTORS:
            costs[:, i] = np.log(np.maximum(costs[:, i], 1e-12))
        if direction == "max":
            costs[:, i] = -costs[:, i]
    low, high = costs.min(axis=0), costs.max(axis=0)
    shares = (costs - low) / np.where(high > low, high - low, 1.0)
    chosen = np.asarray(weights, float)
    if turn is not None:
        chosen = chosen * np.random.default_rng([seed, turn]).dirichlet(np.ones(len(goals)))
    chosen = chosen / chosen.sum()
    weighted = shares * chosen
    return np.asarray(weighted.max(axis=1) + RHO * weighted.sum(axis=1))
