"""What a list shows of a run while it learns: newest and best values, and a small curve of its objective."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.specs import Task
from engine.store.metrics import lower_is_better

SPARKLINE_POINTS = 40
_CURVE_LIMIT = 400  # points kept to draw the small curve from


def objectives_of(task: Task) -> tuple[str, ...]:
    """The metric that a run is about, and what stands in for it where it is not measured."""
    first = "accuracy" if task.is_classification else "rmse"
    return (f"val/{first}", "val/loss", f"train/{first}", "train/loss")


class ProgressBook:
    """Collects metric values into the few numbers that the index of runs keeps.

    Args:
        task: decides which metric is the objective.
        before: what the attempt before wrote, to go on from.
        curves: the (step, value) points of the objectives in the attempts before.
    """

    def __init__(
        self, task: Task, before: Mapping[str, Any], curves: Mapping[str, Sequence[tuple[int, float]]] | None = None
    ) -> None:
        self._objectives = objectives_of(task)
        self._curves = {key: list(points) for key, points in (curves or {}).items()}
        self.metrics: dict[str, float] = dict(before.get("metrics", {}))
        self.best: dict[str, float] = dict(before.get("best", {}))
        self.fields: dict[str, Any] = {k: before[k] for k in ("epoch", "step", "total_steps", "phase") if k in before}

    def add(self, step: int, values: Mapping[str, float]) -> dict[str, float]:
        """Take in values after `step` steps; returns those that a list can show (finite ones)."""
        finite = {key: float(value) for key, value in values.items() if math.isfinite(value)}
        self.metrics.update(finite)
        for key, value in finite.items():
            known = self.best.get(key)
            if known is None or (value < known if lower_is_better(key) else value > known):
                self.best[key] = value
            if key in self._objectives:
                self._extend(key, step, value)
        return finite

    def to_record(self) -> dict[str, Any]:
        """As the index keeps it."""
        curve = next((points for key in self._objectives if len(points := self._curves.get(key, [])) > 1), [])
        last = len(curve) - 1
        picked = min(SPARKLINE_POINTS, len(curve))
        places = [round(i * last / (picked - 1)) for i in range(picked)] if picked > 1 else range(picked)
        return self.fields | {
            "metrics": self.metrics,
            "best": self.best,
            "sparkline": [curve[place][1] for place in places],
        }

    def _extend(self, key: str, step: int, value: float) -> None:
        points = self._curves.setdefault(key, [])
        while points and points[-1][0] >= step:  # done again, from a checkpoint
            points.pop()
        points.append((step, value))
        if len(points) > _CURVE_LIMIT:
            self._curves[key] = points[::2]
