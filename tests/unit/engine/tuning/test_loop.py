"""The loop of a search with the real oracles, store and dispatcher; trials sleep instead of training."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from search_cases import DROPOUT, RATE, Engine, document, running_engine

from engine.errors import EngineError, ErrorKind
from engine.specs import RunStatus
from engine.specs.search_records import SearchStatus, TrialRecord, TrialStatus
from engine.store import searches, trials
from engine.store.runs import count_runs, list_runs
from engine.tuning import loop as loops
from engine.tuning import verbs

pytestmark = pytest.mark.tensorflow  # KerasTuner brings Keras' backend


def start(search: dict[str, Any] | None = None, **changes: Any) -> str:
    return searches.add_search(document(search, **changes), dataset_name="digits")


def proposals(search_id: str) -> list[dict[str, Any]]:
    return [trial.values for trial in searches.list_trials(search_id)]


def told(search_id: str) -> list[int]:
    rows = [row for row in trials.all_rows(search_id) if row.told]
    return [row.number for row in sorted(rows, key=lambda row: row.told)]


def test_a_random_search_runs_its_budget_and_finds_the_best(engine: Engine) -> None:
    search_id = start()
    record = engine.finish(search_id)
    assert record.status is SearchStatus.FINISHED
    assert (record.trials, record.completed, record.failed) == (6, 6, 0)
    found = searches.list_trials(search_id)
    scores = [trial.score for trial in found if trial.score is not None]
    assert record.best_score == max(scores)
    assert [trial.number for trial in found if trial.best] == [record.best_trial]
    assert len({str(trial.values) for trial in found}) == 6
    for trial in found:
        assert trial.status is TrialStatus.COMPLETED
        assert 1e-4 <= trial.values[RATE["path"]] <= 1e-1
        assert len(trial.curve) == 3
        assert trial.score == max(trial.curve)
    assert count_runs() == 0  # lists leave trials out
    assert count_runs(purpose="trial") == 6


@pytest.mark.parametrize("kind", ["random", "bayesian", "hyperband", "grid"])
def test_a_killed_oracle_goes_on_with_the_same_proposals(kind: str, quiet_mlflow: None) -> None:
    search = {
        "algorithm": {"kind": kind} | ({"max_epochs": 4, "factor": 2} if kind == "hyperband" else {}),
        "budget": {"trials": 14},
        "dimensions": [RATE, {**DROPOUT, "step": 0.1}],
    }
    with running_engine() as engine:
        undisturbed = start(search)
        engine.finish(undisturbed)
    with running_engine() as engine:
        killed = start(search)
        kills = 0
        for trial in range(14):

            def ended(count: int = trial) -> bool:
                return len(told(killed)) > count

            engine.turn_until(ended)
            kills += kill_tuner(engine)
        engine.finish(killed)
    assert kills == 14
    assert proposals(killed) == proposals(undisturbed)
    assert told(killed) == told(undisturbed)
    attempts = [record.attempt for record in list_runs(purpose="trial", limit=100)]
    assert set(attempts) == {1}  # none was run twice


def kill_tuner(engine: Engine) -> bool:
    """The process is gone between two of its turns; all that it kept in memory goes with it."""
    tuner, seat = engine.pool.tuner_process, engine.pool.tuner
    if tuner is None or seat is None:
        return False

    def die() -> None:
        for search in tuner._loops.values():
            search.close()
        tuner._loops.clear()
        tuner._owner = "another"

    # In its own thread: from here its locks would be taken from under an oracle that is just being asked.
    seat.actor._executor.submit(die).result(60)
    return True


@pytest.mark.parametrize("moment", ["put", "keep_oracle", "enter_runs"])
def test_a_kill_within_a_change_leaves_nothing_of_it(
    moment: str, quiet_mlflow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_engine() as engine:
        undisturbed = start()
        engine.finish(undisturbed)
    original, calls = getattr(trials, moment), 0

    def killed_now_and_then(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        result = original(*arguments, **options)
        if calls % 3 == 0:
            raise EngineError(ErrorKind.UNAVAILABLE, "killed")
        return result

    monkeypatch.setattr(trials, moment, killed_now_and_then)
    with running_engine() as engine:
        disturbed = start()
        engine.finish(disturbed)
    assert calls > 6
    assert proposals(disturbed) == proposals(undisturbed)
    assert told(disturbed) == told(undisturbed)


def test_another_process_that_takes_a_search_over_ends_the_writing_of_the_first(engine: Engine) -> None:
    search_id = start()
    first, second = loops.Loop(search_id, "first"), loops.Loop(search_id, "second")
    with pytest.raises(trials.NotOurs):
        first.advance(1)
    assert second.advance(1)
    first.close()
    second.close()
    assert len(searches.list_trials(search_id)) == 1  # none ahead before one has worked


def test_trials_that_cannot_work_fail_alone_and_are_not_tried_again(engine: Engine) -> None:
    wide = {**RATE, "high": 10.0}
    search_id = start({"dimensions": [wide, DROPOUT], "budget": {"trials": 12}})
    record = engine.finish(search_id)
    found = searches.list_trials(search_id)
    failed = [trial for trial in found if trial.status is TrialStatus.FAILED]
    assert record.status is SearchStatus.FINISHED
    assert 0 < len(failed) < 12
    assert all(trial.values[RATE["path"]] > 1.0 for trial in failed)
    assert all(trial.error is not None and trial.error["kind"] == ErrorKind.DIVERGED for trial in failed)
    assert {record.attempt for record in list_runs(purpose="trial", status=RunStatus.FAILED)} == {1}


def test_values_that_make_no_document_fail_without_a_run(engine: Engine) -> None:
    heads = {"kind": "choice", "path": "model.heads", "values": [3, 4]}  # 3 does not divide the width
    search_id = start({"dimensions": [RATE, heads], "budget": {"trials": 8}}, **{"model": {"kind": "vit"}})
    engine.finish(search_id)
    found = searches.list_trials(search_id)
    assert {trial.values["model.heads"] for trial in found if trial.status is TrialStatus.FAILED} == {3}
    assert {trial.values["model.heads"] for trial in found if trial.status is TrialStatus.COMPLETED} == {4}
    assert all(not trial.run_ids for trial in found if trial.status is TrialStatus.FAILED)


def test_a_broken_document_ends_the_search_at_its_first_trial(quiet_mlflow: None) -> None:
    with running_engine(job="tests_tuning_jobs:broken") as engine:
        record = engine.finish(start())
    assert record.status is SearchStatus.FAILED
    assert record.failed == 1
    assert record.error is not None
    assert record.error["kind"] == ErrorKind.BAD_DATA


def test_a_metric_that_is_never_a_number_ends_the_search_with_a_sentence(quiet_mlflow: None) -> None:
    with running_engine(job="tests_tuning_jobs:without_numbers") as engine:
        record = engine.finish(start({"budget": {"trials": 40}}))
    assert record.status is SearchStatus.FAILED
    assert loops.ALL_FAILED <= record.failed <= loops.ALL_FAILED + 1  # one may have been on its way
    assert record.error is not None
    assert "val/accuracy was never a number" in str(EngineError.from_record(record.error))


def test_pause_resume_budget_and_stop(quiet_mlflow: None) -> None:
    with running_engine() as engine:
        search_id = start({"budget": {"trials": 1000}})
        engine.turn_until(lambda: len(told(search_id)) >= 2)
        searches.set_status(search_id, SearchStatus.PAUSED)
        engine.turn_until(lambda: not searches.get_search(search_id).running + searches.get_search(search_id).waiting)
        paused_at = len(searches.list_trials(search_id))
        for _ in range(200):
            engine.dispatcher.turn()
        assert len(searches.list_trials(search_id)) == paused_at
        searches.set_budget(search_id, {"trials": paused_at + 2})
        searches.set_status(search_id, SearchStatus.RUNNING)
        assert engine.finish(search_id).trials == paused_at + 2
        searches.set_budget(search_id, {"trials": paused_at + 1000})
        searches.set_status(search_id, SearchStatus.RUNNING)
        engine.turn_until(lambda: len(told(search_id)) > paused_at + 3)
        searches.set_status(search_id, SearchStatus.STOPPED)
        record = engine.finish(search_id)
    assert record.status is SearchStatus.STOPPED
    with pytest.raises(EngineError, match="not running"):
        searches.set_status(search_id, SearchStatus.PAUSED)
    with pytest.raises(EngineError, match=r"search\.budget\.trials"):
        searches.set_budget(search_id, {"trials": -1})


def test_it_ends_when_no_better_trial_comes_or_the_time_is_over(engine: Engine) -> None:
    patient = engine.finish(start({"budget": {"trials": 0, "patience_trials": 3}}))
    assert patient.status is SearchStatus.FINISHED
    assert "No better trial" in patient.reason
    slow = {"training.max_train_time_s": 60.0}
    timed_id = start({"budget": {"trials": 0, "seconds": 1.0}}, **slow)
    timed = engine.finish(timed_id)
    assert timed.reason == "The time is over."
    assert 1.0 <= timed.seconds < 40.0


def test_a_small_space_is_searched_to_its_last_combination(engine: Engine) -> None:
    rates = {"kind": "choice", "path": RATE["path"], "values": [1e-3, 1e-2, 3e-2]}
    drops = {"kind": "choice", "path": "model.dropout", "values": [0.0, 0.1, 0.2, 0.3]}
    for kind in ("random", "bayesian", "grid"):
        search_id = start({"dimensions": [rates, drops], "algorithm": {"kind": kind}, "budget": {"trials": 50}})
        record = engine.finish(search_id)
        assert record.reason == "Every combination has been tried.", kind
        assert len({str(values) for values in proposals(search_id)}) == record.trials == 12, kind


def test_repeats_give_mean_and_spread_over_seeds(engine: Engine) -> None:
    search_id = start({"repeats": 3, "budget": {"trials": 2}})
    engine.finish(search_id)
    for trial in searches.list_trials(search_id):
        assert len(trial.run_ids) == len(trial.scores) == 3
        assert trial.score == pytest.approx(sum(trial.scores) / 3)
        mean = sum(trial.scores) / 3
        assert trial.spread == pytest.approx(math.sqrt(sum((score - mean) ** 2 for score in trial.scores) / 2))
        seeds = {record.spec.seed for record in list_runs(purpose="trial", limit=10) if record.trial == trial.number}
        assert len(seeds) == 3
        assert [part.part for part in trial.parts] == [0, 1, 2]
        assert all(part.worker and part.ended_at and part.ended_at >= part.started_at for part in trial.parts)


def test_following_a_search_reads_what_changed_since(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    search_id = start({"objectives": [{"metric": "val/accuracy"}, {"metric": "parameters"}], "budget": {"trials": 3}})
    engine.finish(search_id)
    first = searches.list_trials(search_id)
    monkeypatch.setattr(searches, "_SETTLED_S", -1.0)  # as if they had ended long ago
    searches.set_budget(search_id, {"trials": 6})
    searches.set_status(search_id, SearchStatus.RUNNING)
    engine.finish(search_id)
    assert searches.list_trials(search_id, first) == searches.list_trials(search_id)
    with searches.writing() as connection:
        connection.execute(searches.trials.update().values(score=9.0))
    again = searches.list_trials(search_id, first)
    assert [trial.score for trial in again[:3]] == [trial.score for trial in first]  # not read again
    assert [trial.score for trial in again[3:]] == [9.0, 9.0, 9.0]
    assert [trial.number for trial in again if trial.best] == [3]


def test_hyperband_lets_the_best_go_on_from_their_weights(engine: Engine) -> None:
    search_id = start({"algorithm": {"kind": "hyperband", "max_epochs": 9}, "budget": {"trials": 0}})
    record = engine.finish(search_id)
    assert record.status is SearchStatus.FINISHED
    found = {trial.number: trial for trial in searches.list_trials(search_id)}
    assert len(found) == 9 + 3 + 1 + 5 + 2 + 3  # as the sizes of its brackets say
    going_on = [trial for trial in found.values() if trial.continues is not None]
    assert len(going_on) == 3 + 1 + 2
    for trial in going_on:
        before = found[trial.continues if trial.continues is not None else -1]
        assert trial.first_epoch == before.epochs
        assert trial.values == before.values
        spec = next(run.spec for run in list_runs(purpose="trial", limit=100) if run.id == trial.run_ids[0])
        assert spec.parent_run == before.run_ids[0]
        assert spec.training.epochs == trial.epochs - before.epochs
    first = [trial for trial in found.values() if trial.bracket == 2 and trial.round == 0]
    promoted = {trial.continues for trial in going_on if trial.bracket == 2 and trial.round == 1}
    ranked = sorted(first, key=lambda trial: -(trial.score or 0.0))
    assert ranked[0].number in promoted


def test_start_points_come_first_and_trials_by_hand_between(engine: Engine) -> None:
    begin = {RATE["path"]: 0.01, "model.dropout": 0.2}
    search_id = start({"start_points": [begin], "budget": {"trials": 5}})
    number = verbs.add_trial(search_id, {RATE["path"]: 0.05})
    engine.finish(search_id)
    found = searches.list_trials(search_id)
    by_origin: dict[str, list[TrialRecord]] = {}
    for trial in found:
        by_origin.setdefault(trial.origin, []).append(trial)
    assert by_origin["start"][0].values == begin
    (mine,) = by_origin["hand"]
    assert mine.number == number
    assert mine.status is TrialStatus.COMPLETED
    assert mine.values == {RATE["path"]: 0.05, "model.dropout": 0.1}  # what was not said stays as in the document
    with pytest.raises(EngineError, match="cannot be 5"):
        verbs.add_trial(search_id, {RATE["path"]: 5})
    with pytest.raises(EngineError, match="not part of this search"):
        verbs.add_trial(search_id, {"training.epochs": 5})


def test_a_person_judges_what_no_metric_can(engine: Engine) -> None:
    search_id = start({"objectives": [{"metric": "judgement", "direction": "max"}], "budget": {"trials": 2}})
    engine.turn_until(lambda: searches.get_search(search_id).judging == 2)
    with pytest.raises(EngineError, match="number"):
        verbs.judge_trial(search_id, 0, math.nan)
    verbs.judge_trial(search_id, 0, 3.0)
    verbs.judge_trial(search_id, 1, 7.0)
    engine.turn_until(lambda: told(search_id) == [0, 1])
    record = searches.get_search(search_id)
    assert (record.best_trial, record.best_score) == (1, 7.0)
    with pytest.raises(EngineError, match="does not wait"):
        verbs.judge_trial(search_id, 1, 7.0)


def test_two_objectives_give_a_front(engine: Engine) -> None:
    goals = [{"metric": "val/accuracy"}, {"metric": "seconds"}]
    epochs = {"kind": "int", "path": "training.epochs", "low": 1, "high": 9}
    search = {"objectives": goals, "dimensions": [RATE, epochs], "budget": {"trials": 10}}
    search_id = start(search | {"algorithm": {"kind": "bayesian", "initial_trials": 6}})
    record = engine.finish(search_id)
    found = searches.list_trials(search_id)
    assert record.objectives == (("val/accuracy", "max"), ("seconds", "min"))
    assert set(record.front) == {trial.number for trial in found if trial.pareto}
    for trial in found:
        beaten = any(
            other.objectives["val/accuracy"] >= trial.objectives["val/accuracy"]
            and other.objectives["seconds"] <= trial.objectives["seconds"]
            and other.objectives != trial.objectives
            for other in found
        )
        assert trial.pareto is not beaten


def test_earlier_runs_are_told_first(engine: Engine) -> None:
    first = start({"budget": {"trials": 9}})
    engine.finish(first)
    runs = [trial.run_ids[0] for trial in searches.list_trials(first)]
    search = {"warm_runs": runs, "algorithm": {"kind": "bayesian", "initial_trials": 5}, "budget": {"trials": 3}}
    second = start(search)
    record = engine.finish(second)
    found = searches.list_trials(second)
    assert [trial.origin for trial in found[:9]] == ["earlier"] * 9
    assert record.trials == 3  # earlier ones are not of this search's budget
    best_before = max(trial.score or 0.0 for trial in found[:9])
    assert max(trial.score or 0.0 for trial in found[9:]) > best_before - 0.05  # it begins where the others ended


def test_workers_come_and_go_while_a_search_runs(quiet_mlflow: None) -> None:
    from engine.store.wishes import wish_workers

    with running_engine() as engine:
        search_id = start({"budget": {"trials": 1000}}, **{"training.max_train_time_s": 0.5})
        engine.turn_until(lambda: len(told(search_id)) >= 1)
        wish_workers(4)
        engine.turn_until(lambda: searches.get_search(search_id).running == 4)
        wish_workers(2)
        engine.turn_until(lambda: len(engine.pool.seats) == 2)
        assert all(run.attempt == 1 for run in list_runs(purpose="trial", limit=100) if run.started_at)
        searches.set_status(search_id, SearchStatus.STOPPED)
        engine.finish(search_id)


@pytest.fixture(autouse=True)
def jobs_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    module = types.ModuleType("tests_tuning_jobs")

    def broken(spec: Any, context: Any) -> None:
        raise EngineError(ErrorKind.BAD_DATA, "The data set is gone.")

    def without_numbers(spec: Any, context: Any) -> str:
        context.result({"curve": [{"val/accuracy": math.nan}], "objective": [math.nan], "costs": {}})
        return "finished"

    functions: dict[str, Callable[..., Any]] = {"broken": broken, "without_numbers": without_numbers}
    for name, function in functions.items():
        setattr(module, name, function)
    monkeypatch.setitem(sys.modules, "tests_tuning_jobs", module)
