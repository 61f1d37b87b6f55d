"""Curves: how many steps an epoch has, whatever the time limit makes of the plan."""

from engine.specs import RunSpec, RunStatus
from engine.specs.records import MetricPoint, RunRecord
from pages.widgets.curves import shown_metrics, steps_of_epoch


def run(total_steps: int, epochs: int) -> RunRecord:
    spec = RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "name": "houses", "task": "table_regression",
                     "preprocessing": {"kind": "table"}},
            "model": {"kind": "mlp"},
            "training": {"loss": {"kind": "mse"}, "epochs": epochs},
        }
    )  # fmt: skip
    return RunRecord(id="1" * 16, name="", status=RunStatus.RUNNING, spec=spec, created_at=0.0, total_steps=total_steps)


def points(*steps: int) -> list[MetricPoint]:
    return [MetricPoint(step=step, value=1.0, time=0.0) for step in steps]


def test_an_epoch_lasts_from_one_validation_to_the_next() -> None:
    history = {"train/loss": points(1, 9), "val/loss": points(80, 160, 240)}
    assert steps_of_epoch(run(total_steps=900, epochs=60), history) == 80  # the plan was cut by the time limit


def test_before_the_first_validation_the_plan_says_it() -> None:
    assert steps_of_epoch(run(total_steps=900, epochs=60), {"train/loss": points(1)}) == 15
    assert steps_of_epoch(run(total_steps=0, epochs=60), {}) is None


def test_the_loss_comes_first_and_final_values_have_no_curve() -> None:
    history = {"train/accuracy": points(1), "train/loss": points(1), "val/macro_f1": points(9), "test/mae": points(9)}
    assert shown_metrics(history) == ["loss", "accuracy"]
