"""Warm start: runs that were done before, told to the oracle before it is asked for the first time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from engine.errors import EngineError
from engine.specs import RunSpec
from engine.specs.search_records import TrialStatus
from engine.store.runs import get_run
from engine.store.trials import TrialRow
from engine.tuning.space import holds, is_active


def earlier_rows(spec: RunSpec, goals: Sequence[tuple[str, str]]) -> list[TrialRow]:
    """Earlier runs as completed trials: those that lie in the space and measured every objective."""
    search = spec.search
    rows: list[TrialRow] = []
    for run_id in search.warm_runs if search is not None else ():
        try:
            record = get_run(run_id)
        except EngineError:  # deleted since
            continue
        chosen = values_of(spec, record.spec)
        known = record.metrics | record.best | {"seconds": record.seconds}
        objectives = {metric: known[metric] for metric, _ in goals if math.isfinite(known.get(metric, math.nan))}
        if chosen is None or len(objectives) < len(goals):
            continue
        score = objectives[goals[0][0]]
        rows.append(
            TrialRow(
                number=len(rows),
                status=TrialStatus.COMPLETED,
                origin="earlier",
                values=chosen,
                plan={"epochs": record.spec.training.epochs},
                run_ids=[record.id],
                score=score,
                result={"objectives": objectives, "scores": [score], "curve": [score]},
                created_at=record.created_at,
                ended_at=record.ended_at or time.time(),
            )
        )
    return rows


def values_of(spec: RunSpec, other: RunSpec) -> dict[str, object] | None:
    """What another document says in the fields of a search; None where one lies outside its dimension."""
    tree = other.model_dump(mode="json")
    chosen: dict[str, object] = {}
    for dimension in spec.search.dimensions if spec.search else ():
        if not is_active(dimension, chosen):
            continue
        value = tree
        for part in dimension.path.split("."):
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, ValueError, TypeError):
                return None
        if not holds(dimension, value):
            return None
        chosen[dimension.path] = value
    return chosen
