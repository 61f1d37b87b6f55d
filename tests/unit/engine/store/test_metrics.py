import itertools

from engine.specs import RunSpec
from engine.specs.records import MetricPoint
from engine.store import tracking
from engine.store.metrics import history, lower_is_better, thin
from engine.store.runs import add_run


def test_scores_rise_and_losses_fall() -> None:
    falling = ("train/loss", "val/rmse", "test/mae", "test/log_loss", "val/brier", "test/calibration_error")
    rising = ("val/accuracy", "test/macro_f1", "test/roc_auc", "test/r2")
    assert all(lower_is_better(key) for key in falling)
    assert not any(lower_is_better(key) for key in rising)


def points(values: list[float]) -> list[MetricPoint]:
    return [MetricPoint(step=step, value=value, time=0.0) for step, value in enumerate(values)]


def test_a_short_curve_stays_whole() -> None:
    curve = points([3.0, 1.0, 2.0])
    assert thin(curve, 2000) == curve
    assert thin([], 10) == []


def test_a_thinned_curve_keeps_its_ends_and_its_extremes() -> None:
    values = [float(i % 97) for i in range(10_001)]
    values[4321], values[8765] = -500.0, 900.0  # what a person must not miss
    thinned = thin(points(values), 100)
    assert len(thinned) <= 100
    assert thinned[0].step == 0
    assert thinned[-1].step == 10_000
    assert min(p.value for p in thinned) == -500.0
    assert max(p.value for p in thinned) == 900.0
    assert all(a.step < b.step for a, b in itertools.pairwise(thinned))


def test_history_comes_from_mlflow_and_forgets_steps_that_were_done_twice() -> None:
    spec = RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
            "model": {"kind": "mlp"},
            "training": {"loss": {"kind": "mse"}},
        }
    )
    run_id = add_run(spec)
    assert history(run_id) == {}
    mlflow_id = tracking.ensure_run(run_id, spec)
    assert tracking.ensure_run(run_id, spec) == mlflow_id
    first = [("train/loss", 10.0 - step, 1_000 + step, step) for step in range(5)]
    again = [("train/loss", 20.0 - step, 2_000 + step, step) for step in range(3, 6)]  # from the checkpoint at step 3
    broken = [("train/loss", float("nan"), 3_000, 6), ("train/loss", float("inf"), 3_000, 7)]
    tracking.log_metrics(mlflow_id, [*first, *again, *broken, ("val/rmse", 1.5, 4_000, 5)])
    curves = history(run_id)
    assert [(p.step, p.value) for p in curves["train/loss"]] == [(0, 10), (1, 9), (2, 8), (3, 17), (4, 16), (5, 15)]
    assert curves["val/rmse"] == [MetricPoint(step=5, value=1.5, time=4.0)]
    assert list(history(run_id[:8], keys=["val/rmse"])) == ["val/rmse"]
    # and MLflow's own client sees the run as its users know runs
    seen = tracking.client().get_run(mlflow_id)
    assert seen.data.params["training.loss.kind"] == "mse"
    assert seen.data.tags["lathe.run_id"] == run_id
    assert seen.data.metrics["val/rmse"] == 1.5
