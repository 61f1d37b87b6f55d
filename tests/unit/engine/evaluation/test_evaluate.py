"""The record of an evaluation: metrics, intervals, baselines, verdict, warnings, rows."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, root_mean_squared_error

from engine.data.load import Prepared
from engine.errors import EngineError, ErrorKind
from engine.evaluation.baselines import fit_baselines
from engine.evaluation.evaluate import evaluate_part, evaluate_run
from engine.specs import Part, RunSpec, Task
from engine.specs.data import DataSpec
from engine.specs.models import MlpSpec
from engine.specs.training import MeanSquaredErrorLoss, TrainingSpec
from engine.store.evaluations import read_evaluation, read_predictions
from engine.store.home import run_dir
from engine.training.context import LocalContext


def run_spec(data: DataSpec) -> RunSpec:
    training = TrainingSpec() if data.task.is_classification else TrainingSpec(loss=MeanSquaredErrorLoss())
    return RunSpec(data=data, model=MlpSpec(), training=training)


def evaluate(prepared: Prepared, predictions: dict[Part, np.ndarray], run_id: str = "run1") -> LocalContext:
    context = LocalContext(run_dir(run_id))
    evaluate_run(run_spec(prepared.spec), prepared, predictions, context, step=42)
    return context


def perfect(prepared: Prepared) -> dict[Part, np.ndarray]:
    parts = (Part.VALIDATION, Part.TEST)
    if not prepared.classes:
        return {part: prepared.target[prepared.parts[part]] for part in parts}
    return {part: np.eye(len(prepared.classes))[prepared.target[prepared.parts[part]]] for part in parts}


def useless(prepared: Prepared) -> dict[Part, np.ndarray]:
    return {part: 1 - values for part, values in perfect(prepared).items()}


def test_what_is_kept_can_be_read_again(mixed_table: Prepared) -> None:
    predictions = {part: fit_baselines(mixed_table)[1].predictions[part] for part in (Part.VALIDATION, Part.TEST)}
    evaluate(mixed_table, predictions)
    record, rows = read_evaluation("run1", "test"), read_predictions("run1", "test")
    positions = mixed_table.parts[Part.TEST]
    assert record.examples == len(rows) == len(positions)
    assert rows["row"].tolist() == mixed_table.frame.index[positions].tolist()
    expected = accuracy_score(mixed_table.target[positions], predictions[Part.TEST].argmax(axis=1))
    accuracy = record.metrics["accuracy"]
    assert accuracy.value == pytest.approx(expected)
    assert accuracy.low < expected < accuracy.high
    np.testing.assert_allclose(rows["p_1"], predictions[Part.TEST][:, 1], rtol=1e-6)
    assert list(rows.columns) == ["row", "truth", "prediction", "loss", "p_0", "p_1"]


def test_metrics_are_reported_for_both_parts_at_the_last_step(numbers_table: Prepared) -> None:
    context = evaluate(numbers_table, perfect(numbers_table))
    lines = context.read("metrics")
    assert [line["step"] for line in lines] == [42, 42]
    keys = {key for line in lines for key in line["values"]}
    assert {"val/rmse", "test/rmse", "test/mae", "test/r2"} <= keys
    assert context.history("test/r2") == [(42, 1.0)]


def test_a_perfect_model_beats_and_a_useless_one_loses(mixed_table: Prepared) -> None:
    evaluate(mixed_table, perfect(mixed_table), "good")
    evaluate(mixed_table, useless(mixed_table), "bad")
    assert read_evaluation("good").verdict == "beats"
    assert read_evaluation("bad").verdict == "loses"


def test_the_classical_model_is_level_with_itself(numbers_table: Prepared) -> None:
    itself = fit_baselines(numbers_table)[1].predictions
    evaluate(numbers_table, {part: itself[part] for part in (Part.VALIDATION, Part.TEST)})
    record = read_evaluation("run1")
    assert record.verdict == "level"
    difference = record.baselines[1].difference
    assert difference is not None
    assert (difference.low, difference.value, difference.high) == (0, 0, 0)


def test_lower_rmse_beats(numbers_table: Prepared) -> None:
    evaluate(numbers_table, perfect(numbers_table))
    record = read_evaluation("run1")
    assert record.verdict == "beats"
    assert record.baselines[1].difference is not None
    assert record.baselines[1].difference.high < 0


def test_baselines_have_the_same_metrics_and_their_rows_are_kept(numbers_table: Prepared) -> None:
    evaluate(numbers_table, perfect(numbers_table))
    record = read_evaluation("run1")
    truth = numbers_table.target[numbers_table.parts[Part.TEST]]
    for baseline in record.baselines:
        assert set(baseline.metrics) == set(record.metrics)
        rows = read_predictions("run1", "test", baseline=baseline.kind)
        rmse = root_mean_squared_error(truth, rows["prediction"])
        assert baseline.metrics["rmse"].value == pytest.approx(rmse)


def test_each_class_has_its_figures(mixed_table: Prepared) -> None:
    evaluate(mixed_table, perfect(mixed_table))
    record = read_evaluation("run1")
    assert [scores["f1"].value for scores in record.by_class] == [1.0, 1.0]
    assert sum(scores["support"].value for scores in record.by_class) == record.examples


def part_record(truth: np.ndarray, probabilities: np.ndarray, part: str = "test") -> object:
    return evaluate_part(
        run_dir("run1"),
        part=part,
        task=Task.TABLE_CLASSIFICATION,
        classes=("a", "b"),
        rows=np.arange(len(truth)),
        truth=truth,
        predictions=probabilities,
    )


def test_few_rows_and_rare_classes_are_said() -> None:
    truth = np.array([0] * 40 + [1] * 3)
    record = part_record(truth, np.eye(2)[truth])
    assert any("Only 43 examples" in warning for warning in record.warnings)  # type: ignore[attr-defined]
    assert any("Class b has only 3" in warning for warning in record.warnings)  # type: ignore[attr-defined]


def test_one_class_alone_is_said_and_has_no_areas() -> None:
    truth = np.zeros(200, int)
    record = part_record(truth, np.tile([0.9, 0.1], (200, 1)))
    assert "roc_auc" not in record.metrics  # type: ignore[attr-defined]
    assert any("one class" in warning for warning in record.warnings)  # type: ignore[attr-defined]


def test_without_baselines_the_verdict_is_unknown() -> None:
    truth = np.array([0, 1] * 100)
    assert part_record(truth, np.eye(2)[truth]).verdict == "unknown"  # type: ignore[attr-defined]


def test_nan_predictions_are_a_divergence_and_leave_nothing_behind() -> None:
    probabilities = np.tile([0.5, 0.5], (10, 1))
    probabilities[3] = np.nan
    with pytest.raises(EngineError, match="1 of 10 examples") as caught:
        part_record(np.zeros(10, int), probabilities)
    assert caught.value.kind is ErrorKind.DIVERGED
    assert list(Path(run_dir("run1")).iterdir()) == []


def test_predictions_of_another_shape_are_refused() -> None:
    with pytest.raises(EngineError, match="shape") as caught:
        part_record(np.zeros(10, int), np.zeros((9, 2)))
    assert caught.value.kind is ErrorKind.INTERNAL
