"""Rows of trials as the records that pages see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from engine.specs.search_records import TrialPart, TrialRecord, TrialStatus


def standing(trial: TrialRecord) -> Any:
    """What `engine.store.searches.leaders` looks at of a row of `lathe_trials`."""
    result = json.dumps({"objectives": trial.objectives})
    return SimpleNamespace(number=trial.number, status=trial.status.value, score=trial.score, result=result)


def with_place(trial: TrialRecord, best: bool, pareto: bool) -> TrialRecord:
    """The trial as it stands among the others now."""
    if (trial.best, trial.pareto) == (best, pareto):
        return trial
    return trial.model_copy(update={"best": best, "pareto": pareto})


def trial_record(row: Any, live: Sequence[Any], best: int | None, front: frozenset[int]) -> TrialRecord:
    """A trial as pages see it.

    Args:
        row: of `lathe_trials`.
        live: the rows of its runs.
        best: number of the best trial.
        front: numbers of those on the Pareto front.
    """
    status = TrialStatus(row.status)
    if status is TrialStatus.RUNNING and not any(run.started_at for run in live):
        status = TrialStatus.WAITING
    result = json.loads(row.result)
    started = [run.started_at for run in live if run.started_at]
    if not status.is_over and not result.get("curve"):
        result = {**result, **_live_curve(live)}
    plan = json.loads(row.plan)
    return TrialRecord.model_construct(
        search_id=row.search_id,
        number=row.number,
        status=status,
        origin=row.origin,
        values=json.loads(row.values),
        **plan,
        run_ids=tuple(json.loads(row.run_ids)),
        score=row.score,
        spread=result.get("spread"),
        scores=tuple(result.get("scores", ())),
        objectives=result.get("objectives", {}),
        curve=tuple(result.get("curve", ())),
        first_curve_epoch=plan.get("first_epoch", 0) + 1,
        pareto=row.number in front,
        best=row.number == best,
        error=json.loads(row.error) if row.error else None,
        reason=row.reason,
        created_at=row.created_at,
        started_at=min(started, default=None),
        ended_at=row.ended_at,
        worker=next((run.worker for run in reversed(live) if run.worker), ""),
        seconds=sum(run.seconds for run in live),
        parts=_parts(live) if len(live) > 1 else (),
    )


def _parts(live: Sequence[Any]) -> tuple[TrialPart, ...]:
    return tuple(
        TrialPart.model_construct(
            part=run.part, worker=run.worker or "", started_at=run.started_at, ended_at=run.ended_at
        )
        for run in live
        if run.started_at
    )


def _live_curve(live: Sequence[Any]) -> dict[str, Any]:
    from engine.tuning.outcome import mean_curve

    results = [json.loads(run.result) for run in live if run.result]
    return {"curve": mean_curve([result.get("objective", []) for result in results])}
