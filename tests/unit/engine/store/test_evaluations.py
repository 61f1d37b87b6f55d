"""Evaluations as files of a run."""

from pathlib import Path

import pandas as pd
import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import Task
from engine.specs.records import EvaluationRecord, Interval
from engine.store import evaluations
from engine.store.home import run_dir


def record(part: str) -> EvaluationRecord:
    return EvaluationRecord(
        run_id="run1",
        part=part,
        task=Task.TABLE_REGRESSION,
        examples=3,
        metrics={"rmse": Interval(value=1.0, low=0.5, high=1.5)},
        objective="rmse",
    )


def test_what_is_written_is_read() -> None:
    folder = run_dir("run1")
    evaluations.write_evaluation(folder, record("test"))
    rows = pd.DataFrame({"row": [0, 1], "truth": [1.0, 2.0]})
    evaluations.write_predictions(folder, "test", rows)
    assert evaluations.read_evaluation("run1", "test") == record("test")
    pd.testing.assert_frame_equal(evaluations.read_predictions("run1", "test"), rows)


def test_parts_come_in_the_order_in_which_people_look_at_them() -> None:
    folder = run_dir("run1")
    for part in ("validation", "0123456789abcdef", "test"):
        evaluations.write_evaluation(folder, record(part))
    assert evaluations.evaluated_parts("run1") == ["test", "validation", "0123456789abcdef"]


def test_a_run_that_was_not_evaluated_says_so_and_looking_makes_no_folder(workspace: Path) -> None:
    assert evaluations.evaluated_parts("run2") == []
    for read in (evaluations.read_evaluation, evaluations.read_predictions):
        with pytest.raises(EngineError) as caught:
            read("run2", "test")
        assert caught.value.kind is ErrorKind.NOT_FOUND
    assert not (workspace / "runs" / "run2").exists()


@pytest.mark.parametrize("part", ["../test", "test/../../x", "TEST", "", "0123"])
def test_a_part_never_leaves_the_folder(part: str) -> None:
    with pytest.raises(EngineError) as caught:
        evaluations.read_evaluation("run1", part)
    assert caught.value.kind is ErrorKind.BAD_INPUT


def test_a_run_id_never_leaves_the_folder() -> None:
    with pytest.raises(EngineError) as caught:
        evaluations.read_evaluation("../run1", "test")
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_a_record_that_cannot_be_read_asks_to_evaluate_again() -> None:
    folder = run_dir("run1")
    evaluations.write_evaluation(folder, record("test")).write_text('{"part": 3}')
    with pytest.raises(EngineError, match="Evaluate the run again"):
        evaluations.read_evaluation("run1", "test")


def test_no_temporary_file_is_left() -> None:
    folder = run_dir("run1")
    evaluations.write_evaluation(folder, record("test"))
    evaluations.write_predictions(folder, "test", pd.DataFrame({"row": [1]}))
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["evaluation_test.json", "test.parquet"]
