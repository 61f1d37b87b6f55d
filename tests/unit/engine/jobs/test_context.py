import time
from collections.abc import Callable

import pytest

from engine.jobs.context import StoreContext, thin_batch
from engine.specs import RunSpec, RunStatus
from engine.specs.records import ExampleRecord
from engine.store import branches, queue
from engine.store.artifacts import append_log, read_examples, read_log
from engine.store.metrics import history
from engine.store.queue import Claim
from engine.store.runs import add_run, get_run
from engine.training.context import RunContext

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"loss": {"kind": "mse"}},
    }
)


def wait_for(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def claim() -> Claim:
    add_run(SPEC)
    found = queue.claim_next()
    assert found is not None
    return found


def test_what_a_job_says_can_be_read_by_others_and_survives_the_worker(claim: Claim) -> None:
    with StoreContext(claim, SPEC) as context:
        assert isinstance(context, RunContext)
        context.phase("training")
        context.metrics(1, {"train/loss": 4.0})
        wait_for(lambda: history(claim.run_id))  # live, not only at the end
        for step in range(2, 6):
            context.metrics(step, {"train/loss": 5.0 - step, "val/rmse": float(step)})
        context.progress(epoch=1, step=5, total_steps=10, seconds_left=2.5)
        context.log("first\nsecond")
        context.examples([ExampleRecord(row=3, truth="1", prediction="2", loss=0.5, group="worst")])
        wait_for(lambda: get_run(claim.run_id).step == 5)
        live = get_run(claim.run_id)
        assert (live.status, live.phase, live.epoch, live.seconds_left) == (RunStatus.RUNNING, "training", 1, 2.5)
    record = get_run(claim.run_id)
    assert record.metrics == {"train/loss": 0.0, "val/rmse": 5.0}
    assert record.best == {"train/loss": 0.0, "val/rmse": 2.0}
    assert record.sparkline == (2.0, 3.0, 4.0, 5.0)
    assert record.seconds > 0
    curves = history(claim.run_id)
    assert [point.step for point in curves["train/loss"]] == [1, 2, 3, 4, 5]
    assert [line.split(" ", 1)[-1] for line in read_log(claim.run_id)] == ["first", "second"]
    assert read_examples(claim.run_id)[0].row == 3

    queue.give_back(claim, counted=True)
    again = queue.claim_next()
    assert again is not None
    with StoreContext(again, SPEC) as context:
        assert not context.stop_requested()
        queue.request_stop(claim.run_id)
        wait_for(context.stop_requested)
        assert not context.give_back
    assert get_run(claim.run_id).sparkline == (2.0, 3.0, 4.0, 5.0)


def test_a_worker_that_lost_its_run_is_told_to_stop_and_writes_no_more(claim: Claim) -> None:
    with StoreContext(claim, SPEC) as context:
        queue.give_back(claim, counted=True)
        wait_for(context.stop_requested)
        context.metrics(7, {"val/rmse": 1.0})
        context.log("too late")
    assert context.lost
    assert get_run(claim.run_id).metrics == {}
    assert read_log(claim.run_id) == []


def test_a_large_batch_keeps_its_ends_and_its_extremes() -> None:
    values = [5.0] * 100
    values[33], values[66] = 9.0, 1.0
    points = [("loss", value, 0, step) for step, value in enumerate(values)]
    steps = [point[3] for point in thin_batch(points)]
    assert len(steps) <= 8
    assert {0, 33, 66, 99} <= set(steps)
    assert thin_batch(points[:8]) == points[:8]


def test_a_log_is_bounded(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.store import artifacts
    from engine.store.home import run_dir

    monkeypatch.setattr(artifacts, "LOG_LIMIT_BYTES", 1000)
    for number in range(300):
        append_log(run_dir(claim.run_id), [f"line {number}"])
    lines = read_log(claim.run_id, last=1000)
    assert lines[-1] == "line 299"
    assert 20 < len(lines) < 130
    assert all(line.startswith("line ") for line in lines)


def test_a_request_for_a_checkpoint_reaches_the_job_and_its_answer_comes_back(claim: Claim) -> None:
    with StoreContext(claim, SPEC) as context:
        assert context.checkpoint_requested() == 0
        first = branches.ask(claim.run_id)
        second = branches.ask(claim.run_id)
        assert (first, second) == (1, 2)
        wait_for(lambda: context.checkpoint_requested() == 2)
        assert branches.answer_to(claim.run_id, 1).step is None
        context.checkpoint_kept(2, 140)
        wait_for(lambda: branches.answer_to(claim.run_id, 2).step == 140)
        assert branches.answer_to(claim.run_id, 1).step == 140  # one checkpoint serves both who waited
        wait_for(lambda: context.checkpoint_requested() == 0)
        third = branches.ask(claim.run_id)
        assert third == 3
        branches.withdraw(claim.run_id, third)
        wait_for(lambda: context.checkpoint_requested() == 0)
    queue.finish(claim, RunStatus.FINISHED)
    assert branches.ask(claim.run_id) is None
    assert branches.answer_to(claim.run_id, 3).status is RunStatus.FINISHED
