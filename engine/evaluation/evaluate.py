"""The verdict on a run: metrics with intervals, beside simple models on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, ErrorKind
from engine.evaluation.baselines import Baseline
from engine.evaluation.bootstrap import Bootstrapped, bootstrap
from engine.evaluation.cache import cached_baselines
from engine.evaluation.metrics import OBJECTIVES, ClassificationMetrics, RegressionMetrics, losses_of
from engine.specs import Part, RunSpec, Task
from engine.specs.records import BaselineRecord, EvaluationRecord, Interval
from engine.store.evaluations import write_evaluation, write_predictions
from engine.text import N_

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.load import Prepared
    from engine.training.context import RunContext

FEW_EXAMPLES = 100  # the 95 % interval of an accuracy of 0.9 is then about ±6 points
FEW_OF_A_CLASS = 10
KEY_OF_PART = {Part.TRAIN: "train", Part.VALIDATION: "val", Part.TEST: "test"}


def evaluate_run(
    spec: RunSpec,
    prepared: Prepared,
    predictions_by_part: Mapping[Part, NDArray[np.floating]],
    context: RunContext,
    *,
    step: int = 0,
) -> dict[Part, EvaluationRecord]:
    """Measure a finished run, keep records and rows below its folder and report `val/…` and `test/…` metrics.

    Args:
        spec: the document of the run.
        prepared: its data, with the parts that were predicted.
        predictions_by_part: probabilities `(rows, classes)` or values `(rows,)`, in the order of the part's positions.
        context: gets the metrics and a line of log a part.
        step: optimizer steps that the run took, for the metrics' histories.

    Raises:
        EngineError: DIVERGED where predictions are not finite, INTERNAL where they do not fit the rows.
    """
    parts = [part for part, rows in prepared.parts.items() if part in predictions_by_part and len(rows)]
    yardsticks = [part for part in parts if part is not Part.TRAIN]
    baselines = cached_baselines(prepared, yardsticks, seed=spec.seed) if yardsticks else []
    records = {}
    for part in parts:
        positions = np.asarray(prepared.parts[part])
        record = evaluate_part(
            context.run_dir,
            part=part.value,
            task=spec.data.task,
            classes=tuple(prepared.classes),
            rows=prepared.frame.index.to_numpy()[positions],
            truth=np.asarray(prepared.target)[positions],
            predictions=np.asarray(predictions_by_part[part]),
            baselines=[
                (baseline, baseline.predictions[part]) for baseline in baselines if part in baseline.predictions
            ],
        )
        context.metrics(step, {f"{KEY_OF_PART[part]}/{name}": found.value for name, found in record.metrics.items()})
        context.log(_log_line(record))
        records[part] = record
    return records


def evaluate_part(
    run_dir: Any,
    *,
    part: str,
    task: Task,
    classes: tuple[str, ...],
    rows: NDArray[np.integer],
    truth: NDArray[np.generic],
    predictions: NDArray[np.floating],
    baselines: Sequence[tuple[Baseline, NDArray[np.floating]]] = (),
) -> EvaluationRecord:
    """Measure predictions of one part (or data set) and keep the record and the rows behind it.

    Args:
        run_dir: the run's folder; its name is the run's id.
        part: "train", "validation", "test" or the id of a data set.
        task: what was learned.
        classes: the class names by code; empty for regression.
        rows: row numbers in the data set.
        truth: class codes or numbers `(rows,)`.
        predictions: probabilities `(rows, classes)` or values `(rows,)`.
        baselines: simple models with their predictions of the same rows.
    """
    objective = "accuracy" if task.is_classification else "rmse"
    metrics = _metrics(classes, truth, predictions, expected_rows=len(rows))
    result = bootstrap(metrics, with_classes=True)
    write_predictions(run_dir, part, prediction_rows(rows, metrics))
    beside = []
    for baseline, predicted in baselines:
        simple = _metrics(classes, truth, predicted, expected_rows=len(rows))
        write_predictions(run_dir, part, prediction_rows(rows, simple), baseline=baseline.kind)
        beside.append(_baseline_record(baseline, result, bootstrap(simple), objective))
    notices = _notices(part, classes, truth) + [notice for baseline, _ in baselines for notice in baseline.notices]
    record = EvaluationRecord(
        run_id=run_dir.name,
        part=part,
        task=task,
        examples=len(rows),
        classes=classes,
        metrics=result.intervals,
        baselines=tuple(beside),
        objective=objective,
        by_class=result.by_class,
        verdict=_verdict(beside, objective),
        warnings=tuple(notice["message"].format(**notice["values"]) for notice in notices),
        notices=tuple(notices),
    )
    write_evaluation(run_dir, record)
    return record


def prediction_rows(rows: NDArray[np.integer], metrics: ClassificationMetrics | RegressionMetrics) -> pd.DataFrame:
    """One row an example: row, truth, prediction (class codes or numbers), loss, and for classes p_0, p_1…"""
    import pandas as pd

    if isinstance(metrics, RegressionMetrics):
        columns = {"row": rows, "truth": metrics.truth, "prediction": metrics.values, "loss": losses_of(metrics)}
        return pd.DataFrame(columns)
    frame = pd.DataFrame(
        {
            "row": rows,
            "truth": metrics.truth.astype(np.int32),
            "prediction": metrics.predicted.astype(np.int32),
            "loss": losses_of(metrics).astype(np.float32),
        }
    )
    names = [f"p_{label}" for label in range(metrics.classes)]
    return pd.concat([frame, pd.DataFrame(metrics.probabilities.astype(np.float32), columns=names)], axis=1)


def _metrics(
    classes: tuple[str, ...], truth: NDArray[np.generic], predictions: NDArray[np.floating], *, expected_rows: int
) -> ClassificationMetrics | RegressionMetrics:
    predictions = np.asarray(predictions, dtype=np.float64)
    shape = (expected_rows, len(classes)) if classes else (expected_rows,)
    if not classes:
        predictions = predictions.reshape(len(predictions), -1).squeeze(axis=1)
    if predictions.shape != shape:
        raise EngineError(
            ErrorKind.INTERNAL,
            N_("The predictions have the shape {got}, expected {expected}."),
            hint=N_("Please report this: it is a defect of Lathe."),
            got=predictions.shape,
            expected=shape,
        )
    broken = int((~np.isfinite(predictions)).reshape(expected_rows, -1).any(axis=1).sum())
    if broken:
        raise EngineError(
            ErrorKind.DIVERGED,
            N_("The model gives no usable number for {broken} of {rows} examples."),
            hint=N_("Train again with a lower learning rate or with gradient clipping."),
            broken=broken,
            rows=expected_rows,
        )
    if classes:
        return ClassificationMetrics(truth.astype(np.int64), predictions)
    return RegressionMetrics(truth.astype(np.float64), predictions)


def _baseline_record(baseline: Baseline, run: Bootstrapped, simple: Bootstrapped, objective: str) -> BaselineRecord:
    return BaselineRecord(
        name=baseline.name,
        kind=baseline.kind,
        metrics=simple.intervals,
        seconds=baseline.seconds,
        difference=run.difference(simple, objective),
    )


def _verdict(baselines: Sequence[BaselineRecord], objective: str) -> Literal["beats", "level", "loses", "unknown"]:
    """Against the best classical model: where the whole interval of the difference lies on one side."""
    sign = OBJECTIVES[objective]
    rivals = [baseline for baseline in baselines if baseline.kind == "classical" and baseline.difference]
    if not rivals:
        return "unknown"
    best = max(rivals, key=lambda baseline: sign * baseline.metrics[objective].value)
    low, high = _oriented(best.difference, sign)
    return "beats" if low > 0 else "loses" if high < 0 else "level"


def _oriented(difference: Interval | None, sign: float) -> tuple[float, float]:
    if difference is None:
        return 0.0, 0.0
    ends = sorted((sign * difference.low, sign * difference.high))
    return ends[0], ends[1]


def _notices(part: str, classes: tuple[str, ...], truth: NDArray[np.generic]) -> list[dict[str, Any]]:
    notices: list[dict[str, Any]] = []
    if part == Part.VALIDATION:
        notices.append(_notice(N_("Training watched the validation part; the test part is the fair measure.")))
    if len(truth) < FEW_EXAMPLES:
        message = N_("Only {examples} examples: the intervals are wide, and a few points of difference say little.")
        notices.append(_notice(message, examples=len(truth)))
    if not classes:
        return notices
    counts = np.bincount(truth.astype(np.int64), minlength=len(classes))
    if (counts > 0).sum() < 2:
        notices.append(_notice(N_("All examples belong to one class: the areas under ROC and PR are not defined.")))
    rare = [label for label in np.argsort(counts) if 0 < counts[label] < FEW_OF_A_CLASS][:3]
    message = N_("Class {name} has only {examples} examples here: its figures are rough.")
    return notices + [_notice(message, name=classes[label], examples=int(counts[label])) for label in rare]


def _notice(message: str, **values: Any) -> dict[str, Any]:
    return {"message": message, "values": values}


def _log_line(record: EvaluationRecord) -> str:
    found = record.metrics[record.objective]
    beside = ", ".join(f"{b.name} {b.metrics[record.objective].value:.4g}" for b in record.baselines)
    line = f"{record.part}: {record.objective} {found.value:.4g} (95 % interval {found.low:.4g} to {found.high:.4g})"
    return f"{line}; {beside}" if beside else line
