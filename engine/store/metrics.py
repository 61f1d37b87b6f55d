"""Metric curves: read from MLflow's tables, thinned to what a screen can show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import TypeVar

import sqlalchemy as sa

from engine.specs.records import MetricPoint
from engine.store.database import has_mlflow_tables, reading
from engine.store.schema import runs

# MLflow's own tables; only what is read here is named.
_metrics = sa.table(
    "metrics", *(sa.column(name) for name in ("run_uuid", "key", "value", "timestamp", "step", "is_nan"))
)
_LOWER_IS_BETTER = ("loss", "rmse", "mae", "mse", "brier", "error", "perplexity")
P = TypeVar("P")
_LARGEST = 1e300  # MLflow writes the largest float for infinity


def lower_is_better(key: str) -> bool:
    """True for losses and errors, False for scores: decides what "best" means for a metric key."""
    return any(word in key.rsplit("/", 1)[-1] for word in _LOWER_IS_BETTER)


def history(run_id: str, *, keys: Sequence[str] | None = None, max_points: int = 2000) -> dict[str, list[MetricPoint]]:
    """The metric curves of a run by key, thinned to `max_points` each (first, last and extremes are kept).

    Where a step was done twice, because a worker died after it, the later value counts.
    """
    from engine.store.runs import full_id

    with reading() as connection:
        key = full_id(run_id, connection)
        mlflow_id = connection.execute(sa.select(runs.c.mlflow_run_id).where(runs.c.id == key)).scalar()
        if not mlflow_id:
            return {}
        if has_mlflow_tables():
            rows = _read(connection, str(mlflow_id), keys)
    if not has_mlflow_tables():
        from engine.store.tracking import read_metrics

        rows = read_metrics(str(mlflow_id), keys)
    curves: dict[str, dict[int, MetricPoint]] = {}
    for name, step, value, timestamp in rows:
        point = MetricPoint.model_construct(step=step, value=value, time=timestamp / 1000)
        curves.setdefault(name, {})[step] = point
    return {name: thin(list(points.values()), max_points) for name, points in sorted(curves.items())}


def thin(points: Sequence[P], max_points: int, *, value_of: Callable[[P], float] = attrgetter("value")) -> list[P]:
    """At most `max_points` (at least 4) of a curve: first and last, and lowest and highest of equal stretches."""
    max_points = max(max_points, 4)
    if len(points) <= max_points:
        return list(points)
    inner = points[1:-1]
    stretches = (max_points - 2) // 2
    kept = [points[0]]
    for i in range(stretches):
        stretch = inner[i * len(inner) // stretches : (i + 1) * len(inner) // stretches]
        low = min(range(len(stretch)), key=lambda j: value_of(stretch[j]))
        high = max(range(len(stretch)), key=lambda j: value_of(stretch[j]))
        kept += [stretch[j] for j in sorted({low, high})]
    return [*kept, points[-1]]


def _read(
    connection: sa.Connection, mlflow_id: str, keys: Sequence[str] | None
) -> Iterable[tuple[str, int, float, int]]:
    columns = (_metrics.c.key, _metrics.c.step, _metrics.c.value, _metrics.c.timestamp)
    query = sa.select(*columns).where(
        _metrics.c.run_uuid == mlflow_id, _metrics.c.is_nan == sa.false(), sa.func.abs(_metrics.c.value) < _LARGEST
    )
    if keys is not None:
        query = query.where(_metrics.c.key.in_(list(keys)))
    return [tuple(row) for row in connection.execute(query.order_by(_metrics.c.step, _metrics.c.timestamp))]
