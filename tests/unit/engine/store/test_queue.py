import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.store import queue
from engine.store.database import writing
from engine.store.runs import add_run, get_run
from engine.store.schema import details

SPEC = RunSpec.parse(
    {
        "data": {"dataset": "0" * 16, "task": "table_regression", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
        "training": {"loss": {"kind": "mse"}},
    }
)


def claim() -> queue.Claim:
    found = queue.claim_next()
    assert found is not None
    return found


def test_runs_are_claimed_in_order_and_each_once() -> None:
    ids = [add_run(SPEC) for _ in range(4)]
    queue.reorder([ids[2], ids[0], ids[1]])
    expected = [ids[2], ids[0], ids[1], ids[3]]
    assert [claim().run_id for _ in ids] == expected
    assert queue.claim_next() is None


def test_many_dispatchers_never_claim_one_run_twice() -> None:
    ids = {add_run(SPEC) for _ in range(10)}
    start = threading.Barrier(5)

    def work(_: int) -> list[str]:
        start.wait()
        taken = []
        while (found := queue.claim_next()) is not None:
            taken.append(found.run_id)
        return taken

    with ThreadPoolExecutor(5) as pool:
        taken = [run_id for part in pool.map(work, range(5)) for run_id in part]
    assert len(taken) == 10
    assert set(taken) == ids


def test_the_end_of_a_run_is_written_by_its_owner_alone() -> None:
    run_id = add_run(SPEC)
    lost = claim()
    assert get_run(run_id).status is RunStatus.RUNNING
    assert queue.give_back(lost, counted=True)
    assert get_run(run_id).attempt == 1
    second = claim()
    assert second.attempt == 2
    assert not queue.finish(lost, RunStatus.FINISHED)  # the first worker was only slow, not dead
    assert not queue.write_progress(lost, {"step": 99}, {}, seconds=1.0)
    assert queue.signals(lost)[0] is False
    assert queue.write_progress(second, {"step": 5, "metrics": {"val/rmse": 2.0}}, {"val/rmse": 2.0}, seconds=3.5)
    assert queue.finish(second, RunStatus.FINISHED)
    record = get_run(run_id)
    assert (record.status, record.step, record.metrics, record.seconds) == (
        RunStatus.FINISHED,
        5,
        {"val/rmse": 2.0},
        3.5,
    )
    assert record.ended_at is not None


def test_a_run_given_back_in_good_order_does_not_lose_an_attempt() -> None:
    run_id = add_run(SPEC)
    first = claim()
    assert queue.ask_give_back() == [run_id]
    assert queue.signals(first) == (True, False, True, 0)
    queue.give_back(first, counted=False)
    record = get_run(run_id)
    assert (record.status, record.attempt) == (RunStatus.SCHEDULED, 0)
    assert queue.signals(claim()) == (True, False, False, 0)


def test_what_a_dead_engine_left_goes_back_or_stops() -> None:
    stays, stops = add_run(SPEC), add_run(SPEC)
    claim(), claim()
    queue.request_stop(stops)
    assert set(queue.recover()) == {stays, stops}
    assert (get_run(stays).status, get_run(stays).attempt) == (RunStatus.SCHEDULED, 0)
    assert get_run(stops).status is RunStatus.KILLED


def test_a_stop_takes_a_waiting_run_out_and_only_asks_a_running_one() -> None:
    running, waiting = add_run(SPEC), add_run(SPEC)
    held = claim()
    queue.request_stop(waiting)
    queue.request_stop(running)
    assert get_run(waiting).status is RunStatus.KILLED
    assert get_run(running).status is RunStatus.RUNNING
    assert get_run(running).stop_requested
    assert queue.signals(held) == (True, True, False, 0)
    queue.finish(held, RunStatus.KILLED)
    queue.request_stop(running)  # over: nothing happens
    assert not get_run(running).stop_requested


def test_failed_runs_show_their_error_until_they_are_resumed() -> None:
    run_id = add_run(SPEC)
    error = EngineError(ErrorKind.DIVERGED, "The loss is {loss}.", hint="Lower it.", loss="nan")
    queue.finish(claim(), RunStatus.FAILED, error=error)
    failed = get_run(run_id)
    assert failed.error == error.to_record()
    queue.requeue(run_id)
    again = get_run(run_id)
    assert (again.status, again.error, again.attempt) == (RunStatus.SCHEDULED, None, 0)
    assert again.phase == "waiting"
    with pytest.raises(EngineError) as conflict:
        queue.requeue(run_id)
    assert conflict.value.kind is ErrorKind.CONFLICT


def test_warnings_are_noted_once() -> None:
    run_id = add_run(SPEC)
    for n in (1, 2, 1):
        queue.add_warning(run_id, "attempt {n} was lost", n=n)
    found = get_run(run_id)
    assert found.warnings == ("attempt 1 was lost", "attempt 2 was lost")
    assert found.notices[1] == {"message": "attempt {n} was lost", "values": {"n": 2}}


def test_warnings_of_earlier_versions_are_read() -> None:
    run_id = add_run(SPEC)
    with writing() as connection:
        connection.execute(details.update().where(details.c.run_id == run_id).values(warnings='["a {b} c"]'))
    assert get_run(run_id).warnings == ("a {b} c",)
