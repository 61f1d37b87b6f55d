"""What the runs of a trial come to: a score with its spread, the other objective, a curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.text import N_


def value_of(result: Mapping[str, Any], metric: str, direction: str) -> float | None:
    """One run's value of an objective: of a validated metric the best epoch's, of a cost what it was in the end.

    Args:
        result: {"curve": [{metric: value} an epoch], "costs": {name: value}}.
        metric: "val/accuracy", "parameters"…
        direction: "max" or "min".
    """
    costs = result.get("costs", {})
    if metric in costs:
        return float(costs[metric])
    points = [float(epoch[metric]) for epoch in result.get("curve", ()) if metric in epoch]
    points = [value for value in points if math.isfinite(value)]
    if not points:
        return None
    return max(points) if direction == "max" else min(points)


def trial_result(
    results: Sequence[Mapping[str, Any]], goals: Sequence[tuple[str, str]]
) -> tuple[float, dict[str, Any]]:
    """The score of a trial and what is kept of it: the mean over its runs, their spread, every objective.

    Raises:
        EngineError: BAD_DATA where an objective was not measured or was never a number.
    """
    objectives: dict[str, float] = {}
    scores: list[float] = []
    for i, (metric, direction) in enumerate(goals):
        found = [value_of(result, metric, direction) for result in results]
        values = [value for value in found if value is not None]
        if len(values) < len(results) or not values:
            raise EngineError(
                ErrorKind.DIVERGED,
                N_("{metric} was never a number in this trial."),
                hint=N_("Lower the learning rate, or leave out the values with which training diverges."),
                metric=metric,
            )
        objectives[metric] = float(np.mean(values))
        if i == 0:
            scores = values
    record: dict[str, Any] = {
        "objectives": objectives,
        "scores": scores,
        "spread": float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        "curve": mean_curve([result.get("objective", []) for result in results]),
        "costs": dict(results[0].get("costs", {})),
    }
    return objectives[goals[0][0]], record


def mean_curve(curves: Sequence[Sequence[float]]) -> list[float]:
    """The mean over curves of different lengths, as far as any of them goes."""
    longest = max((len(curve) for curve in curves), default=0)
    means = []
    for epoch in range(longest):
        points = [curve[epoch] for curve in curves if epoch < len(curve) and math.isfinite(curve[epoch])]
        means.append(float(np.mean(points)) if points else float("nan"))
    return [value for value in means if math.isfinite(value)]
