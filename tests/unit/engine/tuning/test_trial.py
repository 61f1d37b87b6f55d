"""Trials that really train: light, comparable, able to go on, and without growing memory."""

import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from search_cases import DROPOUT, RATE

from engine import api
from engine.specs import RunSpec, RunStatus
from engine.store import searches, trials
from engine.store.queue import claim_next, finish, write_result
from engine.training.context import LocalContext, Outcome
from engine.tuning.space import document_of

pytestmark = pytest.mark.tensorflow


class Context(LocalContext):
    """A trial's context without an engine."""

    def __init__(self, run_dir: Path, search_id: str, trial: int = 99) -> None:
        super().__init__(run_dir)
        self.search_id, self.trial = search_id, trial
        self.results: list[Mapping[str, Any]] = []

    def result(self, record: Mapping[str, Any]) -> None:
        json.dumps(record)  # it goes into the store
        self.results.append(dict(record))


@pytest.fixture
def spec(import_in_process: None) -> RunSpec:
    dataset = api.import_sample("digits")
    model = {"kind": "cnn", "filters": [4], "convolutions": 1, "dense_units": 0}
    return api.default_spec(dataset.id).edit(
        {"model": model, "data.train_fraction": 0.2, "training.epochs": 3, "training.batch_size": 32}
    )


def search_of(spec: RunSpec, **search: Any) -> str:
    return searches.add_search(spec.edit({"search": {"dimensions": [RATE, DROPOUT], **search}}))


def test_a_trial_is_light_and_says_what_it_came_to(
    spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.evaluation import evaluate
    from engine.tuning.trial import execute

    def looked_at(*_: object) -> None:
        raise AssertionError("a trial looks at no test part")

    monkeypatch.setattr(evaluate, "evaluate_run", looked_at)
    goals = [{"metric": "val/accuracy"}, {"metric": "latency_ms"}]
    context = Context(tmp_path / "run", search_of(spec, objectives=goals))
    assert execute(document_of(spec, {RATE["path"]: 0.01}), context) is Outcome.FINISHED
    result = context.results[-1]
    assert len(result["curve"]) == len(result["objective"]) == 3
    assert result["objective"] == [epoch["val/accuracy"] for epoch in result["curve"]]
    assert {"val/loss", "val/macro_f1", "train_epoch/loss"} <= set(result["curve"][0])
    assert result["objective"][-1] == context.history("val/accuracy")[-1][1]
    assert result["costs"]["parameters"] > 100
    assert 0 < result["costs"]["latency_ms"] < 10_000
    left = {path.name for path in context.run_dir.iterdir()}
    assert not left & {"model", "predictions", "checkpoints", "examples.jsonl"}


def test_a_trial_that_is_worse_than_the_median_of_the_others_ends(spec: RunSpec, tmp_path: Path) -> None:
    from engine.tuning.trial import MEDIAN, execute

    options = {"median_stopping": True, "median_grace_epochs": 2, "median_after_trials": 3}
    search_id = search_of(spec, **options)
    with trials.writing() as connection:
        for number in range(3):
            trials.enter_runs(connection, search_id, number, [document_of(spec, {})], "digits")
    for _ in range(3):
        claim = claim_next()
        assert claim is not None
        write_result(claim, {"curve": [], "objective": [0.99, 0.99, 0.99], "costs": {}})
        finish(claim, RunStatus.FINISHED)
    context = Context(tmp_path / "run", search_id)
    assert execute(document_of(spec, {RATE["path"]: 1e-4}), context) is Outcome.FINISHED
    assert len(context.results[-1]["objective"]) == 2
    assert context.results[-1]["reason"] == MEDIAN


def test_a_trial_of_hyperband_goes_on_from_the_weights_of_another(spec: RunSpec, tmp_path: Path) -> None:
    from engine.tuning.trial import execute

    search_id = search_of(spec, algorithm={"kind": "hyperband", "max_epochs": 9})
    first = Context(tmp_path / "first", search_id)
    execute(document_of(spec, {RATE["path"]: 0.01}, epochs=3), first)
    assert (first.run_dir / "checkpoints").is_dir()
    second = Context(tmp_path / "second", search_id)
    execute(document_of(spec, {RATE["path"]: 0.01}, epochs=2, parent_run="first"), second)
    afresh = Context(tmp_path / "afresh", search_id)
    execute(document_of(spec, {RATE["path"]: 0.01}, epochs=2), afresh)
    assert len(second.results[-1]["objective"]) == 2
    before = first.results[-1]["curve"][-1]["train_epoch/loss"]
    assert second.results[-1]["curve"][0]["train_epoch/loss"] < afresh.results[-1]["curve"][0]["train_epoch/loss"]
    assert second.results[-1]["curve"][0]["train_epoch/loss"] < 2 * before
    steps = [step for step, _ in second.history("val/accuracy")]
    assert min(steps) > max(step for step, _ in first.history("val/accuracy"))


def test_a_trial_of_hyperband_goes_on_in_the_schedule_of_its_bracket(spec: RunSpec, tmp_path: Path) -> None:
    from engine.training.schedules import rate_at
    from engine.tuning.trial import execute

    search_id = search_of(spec, algorithm={"kind": "hyperband", "max_epochs": 9})
    first, second = Context(tmp_path / "first", search_id), Context(tmp_path / "second", search_id)
    execute(document_of(spec, {RATE["path"]: 0.01}, epochs=3), first)
    execute(document_of(spec, {RATE["path"]: 0.01}, epochs=6, parent_run="first"), second)
    schedule = spec.training.schedule
    epoch_steps = first.history("val/accuracy")[0][0]
    for context, last_epoch in ((first, 3), (second, 9)):
        step, rate = context.history("learning_rate")[-1]
        assert step == last_epoch * epoch_steps
        assert rate == pytest.approx(rate_at(schedule, 0.01, (step - 1) / (9 * epoch_steps)))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_does_not_grow_from_trial_to_trial(spec: RunSpec, tmp_path: Path) -> None:
    from engine.tuning.trial import execute

    search_id = search_of(spec)
    quick = spec.edit({"training.epochs": 1, "data.train_fraction": 0.05})
    used = []
    for number in range(24):  # each a model of its own, so that nothing compiled is used again
        values = {"model.filters": [2 + number], "model.dropout": 0.01 * number}
        execute(document_of(quick, values), Context(tmp_path / str(number), search_id))
        gc.collect()
        used.append(psutil.Process().memory_info().rss)
    growth = (used[-1] - used[11]) / 12
    assert growth < 3 * 2**20, [round(value / 2**20) for value in used]
