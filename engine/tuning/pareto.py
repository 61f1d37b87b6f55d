"""Which of several points no other point beats in every objective."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def front_of(points: Sequence[Sequence[float]], directions: Sequence[str]) -> list[int]:
    """The points on the Pareto front.

    Args:
        points: `(points, objectives)`; points with a value that is not a number are never on the front.
        directions: "max" or "min" an objective.

    Returns:
        Ascending indices; of equal points all are on the front or none is.

    Example:
        >>> front_of([(0.9, 100), (0.8, 50), (0.8, 80)], ["max", "min"])
        [0, 1]
    """
    if not len(points):
        return []
    costs = np.asarray(points, float) * [-1.0 if direction == "max" else 1.0 for direction in directions]
    valid = np.isfinite(costs).all(axis=1)
    order = np.lexsort(costs.T[::-1])  # by the first objective, then the next
    front: list[int] = []
    kept = np.empty((0, costs.shape[1]))
    for i in order[valid[order]]:
        # Whatever dominates a point comes before it in this order, and is on the front or dominated by one that is.
        dominated = ((kept <= costs[i]).all(axis=1) & (kept < costs[i]).any(axis=1)).any()
        if not dominated:
            front.append(int(i))
            kept = np.vstack([kept, costs[i]])
    return sorted(front)
