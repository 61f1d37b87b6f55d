"""Each seed or fold of a trial is a piece of work of its own in the schedule of the workers."""

from engine.specs.search_records import TrialPart, TrialRecord, TrialStatus
from pages.widgets.tuning_charts import spans_of


def record(*parts: TrialPart, status: TrialStatus = TrialStatus.COMPLETED) -> TrialRecord:
    ended = 130.0 if status.is_over else None
    return TrialRecord(
        search_id="a", number=4, status=status, worker="worker 1", started_at=110.0, ended_at=ended, parts=parts
    )


def test_a_trial_of_one_run_is_one_piece() -> None:
    (span,) = spans_of(record(), begun=100.0)
    assert (span.worker, span.trial, span.start_s, span.end_s, span.outcome) == ("worker 1", 4, 10.0, 30.0, "done")


def test_seeds_stand_on_the_workers_that_trained_them() -> None:
    first = TrialPart(part=0, worker="worker 1", started_at=110.0, ended_at=120.0)
    second = TrialPart(part=1, worker="worker 2", started_at=112.0)
    one, two = spans_of(record(first, second, status=TrialStatus.RUNNING), begun=100.0)
    assert (one.worker, one.start_s, one.end_s, one.outcome) == ("worker 1", 10.0, 20.0, "done")
    assert (two.worker, two.start_s, two.outcome) == ("worker 2", 12.0, "running")
    assert two.end_s > 100.0


def test_a_trial_that_waits_is_none() -> None:
    waiting = TrialRecord(search_id="a", number=0, status=TrialStatus.WAITING)
    assert spans_of(waiting, begun=100.0) == []
