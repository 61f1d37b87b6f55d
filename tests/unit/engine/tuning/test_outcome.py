import math

import pytest

from engine.errors import EngineError
from engine.tuning.outcome import mean_curve, trial_result, value_of

RESULT = {
    "curve": [{"val/accuracy": 0.5, "val/loss": 2.0}, {"val/accuracy": 0.8, "val/loss": 1.0}, {"val/accuracy": 0.7}],
    "objective": [0.5, 0.8, 0.7],
    "costs": {"parameters": 100.0},
}


def test_a_metric_counts_at_its_best_epoch_and_a_cost_as_it_was() -> None:
    assert value_of(RESULT, "val/accuracy", "max") == 0.8
    assert value_of(RESULT, "val/loss", "min") == 1.0
    assert value_of(RESULT, "parameters", "min") == 100.0
    assert value_of(RESULT, "val/rmse", "min") is None


def test_a_trial_is_the_mean_of_its_runs_with_their_spread() -> None:
    other = {**RESULT, "curve": [{"val/accuracy": 0.9}], "objective": [0.9]}
    score, record = trial_result([RESULT, other], [("val/accuracy", "max"), ("parameters", "min")])
    assert score == pytest.approx(0.85)
    assert record["scores"] == [0.8, 0.9]
    assert record["spread"] == pytest.approx(math.sqrt(0.005))
    assert record["objectives"] == {"val/accuracy": pytest.approx(0.85), "parameters": 100.0}
    assert record["curve"] == pytest.approx([0.7, 0.8, 0.7])


def test_a_metric_that_was_never_a_number_is_named() -> None:
    broken = {"curve": [{"val/accuracy": math.nan}], "objective": [math.nan]}
    with pytest.raises(EngineError, match="val/accuracy was never a number"):
        trial_result([RESULT, broken], [("val/accuracy", "max")])


def test_curves_of_different_lengths() -> None:
    assert mean_curve([[1.0, 2.0], [3.0], [math.nan, 4.0]]) == [2.0, 3.0]
    assert mean_curve([]) == []
