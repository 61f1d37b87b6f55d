"""How a run that is at work will end: read from the store, continued by `engine.whatif.ending`.

What needs no arithmetic (a run that is over, too few epochs) is answered without importing any.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import EngineError
from engine.specs import Part, RunSpec, RunStatus
from engine.specs.prediction import Band, CoursePoint, Forecast
from engine.specs.records import MetricPoint, RunRecord
from engine.specs.split import GivenSplit
from engine.store.datasets import get_dataset
from engine.store.metrics import thin
from engine.store.runs import get_run, history
from engine.text import N_

FEWEST_EPOCHS = 4  # see `engine.whatif.curves.FEWEST_POINTS`
MOST_SEEN = 200  # points of a curve that are given back, to be drawn
ROWS_FOR_ACCURACY = 1000  # as early stopping has it (`engine.training.callbacks.early_stopping`)


def objective(spec: RunSpec) -> tuple[str, bool]:
    """The metric that a run of this document is judged by, and whether higher is better."""
    return ("val/accuracy", True) if spec.data.task.is_classification else ("val/rmse", False)


def without_arithmetic(run: RunRecord) -> Forecast | None:
    """The answer where nothing has to be worked out: the run is over, or too young; None where it has to."""
    key, higher = objective(run.spec)
    best = run.best.get(key)
    known = Forecast(
        run_id=run.id,
        metric=key,
        higher_is_better=higher,
        epochs=float(run.epoch),
        planned_epochs=float(run.spec.training.epochs),
        best=best,
        over=run.status.is_over,
    )
    if run.status is RunStatus.FINISHED and best is not None:
        return known.model_copy(
            update={"end": _exactly(best), "last_epoch": _exactly(run.epoch), "seconds_left": _exactly(0.0)}
        )
    if run.status.is_over:
        return _unknown(known, N_("The run is over."))
    if run.status is RunStatus.SCHEDULED:
        return _unknown(known, N_("The run has not started."))
    if run.epoch < FEWEST_EPOCHS:
        left = FEWEST_EPOCHS - run.epoch
        return _unknown(known, N_("A forecast needs {needed} epochs; {left} more to come."), FEWEST_EPOCHS, left)
    return None


def forecast(run_id: str) -> Forecast:
    """How a run will end, judged by the best value of its objective on validation.

    Args:
        run_id: of a run in any state; where nothing can be foretold, the answer says why.

    Raises:
        EngineError: NOT_FOUND.
    """
    run = get_run(run_id)
    answered = without_arithmetic(run)
    if answered is not None:
        return answered
    key, higher = objective(run.spec)
    curves = history(run.id, keys=[key, "val/loss"], max_points=1000)
    points = curves.get(key, [])
    epochs, planned = moments(points, run.spec.training.epochs, run.total_steps)
    known = Forecast(
        run_id=run.id,
        metric=key,
        higher_is_better=higher,
        epochs=epochs[-1] if epochs else 0.0,
        planned_epochs=planned,
        best=run.best.get(key),
    )
    if len(points) < FEWEST_EPOCHS:
        left = FEWEST_EPOCHS - len(points)
        return _unknown(known, N_("A forecast needs {needed} epochs; {left} more to come."), FEWEST_EPOCHS, left)
    if epochs[-1] >= planned - 0.5:
        return _unknown(known, N_("The last epoch is done."))
    return _continued(run, known, points, curves.get("val/loss", []), epochs, planned)


def moments(points: Sequence[MetricPoint], epochs: int, total_steps: int) -> tuple[list[float], float]:
    """When each validation was, in epochs of this run, and the epochs that the run will have.

    A curve may be thinned, and a run that continues another begins at the other's last step; so an epoch is the
    smallest distance of two points.

    Args:
        points: of a validation metric.
        epochs: planned by the document.
        total_steps: that the run will take as its clock sees it, 0 where not known; counts those of its parent.
    """
    if not points:
        return [], float(epochs)
    steps = [point.step for point in points]
    distances = [after - before for before, after in itertools.pairwise(steps) if after > before]
    inner = distances[:-1] or distances  # the last epoch may be cut off by a limit
    per_epoch = min(inner) if inner else steps[0]
    first = max(steps[0] - per_epoch, 0)
    planned = float(epochs)
    if total_steps > first:
        planned = min(planned, (total_steps - first) / per_epoch)
    return [(step - first) / per_epoch for step in steps], planned


def _continued(
    run: RunRecord,
    known: Forecast,
    points: Sequence[MetricPoint],
    losses: Sequence[MetricPoint],
    epochs: Sequence[float],
    planned: float,
) -> Forecast:
    from engine.whatif.ending import predict_end

    accuracy = run.spec.data.task.is_classification
    by_loss = _judged_by_loss(run.spec)
    judge = [point.value if by_loss or not accuracy else -point.value for point in (losses if by_loss else points)]
    ending = predict_end(
        run.spec.training,
        epochs,
        [point.value for point in points],
        planned=planned,
        lower_is_better=not known.higher_is_better,
        bounds=(0.0, 1.0) if accuracy else (0.0, float("inf")),
        resolution=1.0 / max(validation_rows(run.spec), 1) if accuracy else 0.0,
        losses=[point.value for point in losses],
        by_loss=by_loss,
        waited=round(epochs[-1] - epochs[judge.index(min(judge))]) if len(judge) == len(epochs) else 0,
    )
    pace_s, now = _seconds_per_epoch(points, epochs), time.time()
    since_s = max(now - points[-1].time, 0.0)
    seen = thin(list(zip(epochs, (point.value for point in points), strict=True)), MOST_SEEN, value_of=_second)
    left = [
        max((end - epochs[-1]) * pace_s - since_s, 0.0)
        for end in (ending.epochs_low, ending.epochs, ending.epochs_high)
    ]
    return known.model_copy(
        update={
            "end": Band(value=ending.value, low=ending.low, high=ending.high),
            "last_epoch": Band(value=ending.epochs, low=ending.epochs_low, high=ending.epochs_high),
            "seconds_left": Band(low=left[0], value=left[1], high=left[2]),
            "made_at": now,
            "seen": tuple((round(epoch, 6), value) for epoch, value in seen),
            "families": {name: round(weight, 4) for name, weight in ending.families.items()},
            "course": tuple(
                CoursePoint(x=float(x), value=float(value), low=float(low), high=float(high))
                for x, value, low, high in zip(ending.moments, ending.middle, ending.lower, ending.upper, strict=True)
            ),
        }
    )


def validation_rows(spec: RunSpec) -> int:
    """About how many rows the validation part has; 0 where the data set is not there any more."""
    try:
        dataset = get_dataset(spec.data.dataset)
    except EngineError:
        return 0
    split = spec.data.split
    if isinstance(split, GivenSplit) and Part.VALIDATION in dataset.parts:
        return dataset.parts[Part.VALIDATION]
    if hasattr(split, "folds"):
        return int(dataset.rows * (1.0 - split.test_fraction) / split.folds)
    return int(dataset.rows * split.validation_fraction)


def _judged_by_loss(spec: RunSpec) -> bool:
    """What early stopping looks at, as `score_of` decides it."""
    monitor = spec.training.early_stopping.monitor
    if monitor != "auto":
        return monitor == "loss"
    return not spec.data.task.is_classification or validation_rows(spec) < ROWS_FOR_ACCURACY


def _seconds_per_epoch(points: Sequence[MetricPoint], epochs: Sequence[float]) -> float:
    """Median over the newest epochs; points that were written in one batch carry the same moment."""
    recent = min(len(points), 10)
    spent, done = points[-1].time - points[-recent].time, epochs[-1] - epochs[-recent]
    return max(spent / done, 0.0) if done > 0 else 0.0


def _second(pair: tuple[float, float]) -> float:
    return pair[1]


def _exactly(value: float) -> Band:
    return Band(value=float(value), low=float(value), high=float(value))


def _unknown(known: Forecast, message: str, needed: int = 0, left: int = 0) -> Forecast:
    values: Mapping[str, Any] = {"needed": needed, "left": left} if needed else {}
    return known.model_copy(update={"notice": {"message": message, "values": dict(values)}})
