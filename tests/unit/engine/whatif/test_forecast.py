"""Forecasts of runs as the store has them: at work, waiting, over, continued, cut off."""

from __future__ import annotations

import pytest

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.jobs import answers
from engine.jobs.context import StoreContext
from engine.specs import RunSpec, RunStatus
from engine.specs.prediction import Forecast
from engine.specs.records import MetricPoint
from engine.store import queue
from engine.store.runs import add_run
from engine.whatif.forecast import FEWEST_EPOCHS, forecast, moments

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"epochs": 30, "early_stopping": {"enabled": False}, "schedule": {"kind": "constant"}},
    }
)


def accuracy(epoch: int) -> float:
    return 0.9 - 0.4 * epoch**-0.8


def at_work(epochs: int, spec: RunSpec = SPEC) -> str:
    """A run whose worker has reported so many epochs of ten steps."""
    run_id = add_run(spec)
    claim = queue.claim_next()
    assert claim is not None
    assert claim.run_id == run_id
    with StoreContext(claim, spec) as context:
        for epoch in range(1, epochs + 1):
            values = {"val/accuracy": accuracy(epoch), "val/loss": 1.2 - accuracy(epoch)}
            context.metrics(10 * epoch, values)
        total = 10 * spec.training.epochs
        context.progress(epoch=epochs, step=10 * epochs, total_steps=total, seconds_left=1.0)
    return run_id


def test_a_run_at_work_is_foretold() -> None:
    found = forecast(at_work(10))
    assert found.metric == "val/accuracy"
    assert found.epochs == 10
    assert found.planned_epochs == 30
    assert found.end is not None
    assert found.end.low <= accuracy(30) <= found.end.high
    assert found.end.high - found.end.low < 0.15
    assert found.last_epoch is not None
    assert found.last_epoch.value == 30
    assert found.seconds_left is not None
    assert found.course[0].x == 11
    assert found.course[-1].x == 30
    assert found.seen[0][0] == 1  # between, a batch of the store keeps ends and extremes
    assert found.seen[-1] == (10, accuracy(10))
    assert found.notice is None


def test_the_desk_answers_the_same_as_plain_json() -> None:
    run_id = at_work(8)
    answer = Forecast.model_validate(answers.forecast(run_id=run_id, epoch=8))
    assert answer.end == forecast(run_id).end


def test_too_few_epochs_say_how_many_are_to_come() -> None:
    found = api.forecast(at_work(2))  # answered without an engine
    assert found.end is None
    assert found.notice is not None
    assert found.notice["values"] == {"needed": FEWEST_EPOCHS, "left": FEWEST_EPOCHS - 2}


def test_a_waiting_run_and_an_unknown_one() -> None:
    assert api.forecast(add_run(SPEC)).notice == {"message": "The run has not started.", "values": {}}
    with pytest.raises(EngineError) as caught:
        api.forecast("f" * 16)
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_of_a_finished_run_the_end_is_what_it_reached() -> None:
    run_id = add_run(SPEC)
    claim = queue.claim_next()
    assert claim is not None
    with StoreContext(claim, SPEC) as context:
        context.metrics(10, {"val/accuracy": 0.8, "val/loss": 0.5})
        context.metrics(20, {"val/accuracy": 0.7, "val/loss": 0.6})
        context.progress(epoch=2, step=20, total_steps=20, seconds_left=0.0)
    queue.finish(claim, RunStatus.FINISHED)
    found = api.forecast(run_id)
    assert found.over
    assert found.end is not None
    assert (found.end.low, found.end.value, found.end.high) == (0.8, 0.8, 0.8)


def points(*steps: int) -> list[MetricPoint]:
    return [MetricPoint(step=step, value=0.5, time=0.0) for step in steps]


@pytest.mark.parametrize(
    ("steps", "epochs", "total", "expected"),
    [
        ((10, 20, 30), 6, 60, ([1, 2, 3], 6)),
        ((110, 120, 130), 6, 160, ([1, 2, 3], 6)),  # goes on from another run's hundredth step
        ((10, 20, 40, 50), 6, 60, ([1, 2, 4, 5], 6)),  # a point was left out
        ((10, 20, 30), 100, 45, ([1, 2, 3], 4.5)),  # a limit in steps or seconds ends it before
        ((10, 20, 23), 3, 23, ([1, 2, 2.3], 2.3)),
        ((10,), 6, 60, ([1], 6)),
        ((), 6, 60, ([], 6)),
    ],
)
def test_moments_are_epochs_of_this_run(
    steps: tuple[int, ...], epochs: int, total: int, expected: tuple[list[float], float]
) -> None:
    found, planned = moments(points(*steps), epochs, total)
    assert found == pytest.approx(expected[0])
    assert planned == pytest.approx(expected[1])
