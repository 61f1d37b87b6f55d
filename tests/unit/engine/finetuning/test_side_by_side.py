"""Methods side by side: what is entered, and what is read back. Nothing is trained here."""

from pathlib import Path

import pytest
from tuning_cases import sentences

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus, differences
from engine.specs.finetuning_records import FineTuningRecord
from engine.specs.prediction import Cost, CostReport
from engine.store import queue
from engine.store.artifacts import write_costs
from engine.store.finetuning import write_record
from engine.store.home import run_dir
from engine.store.runs import update_run


@pytest.fixture
def spec(tiny_bert: Path, import_in_process: None) -> RunSpec:
    record = api.import_text(sentences().to_csv(index=False), name="sentences")
    spec = api.tuned_spec(f"folder:{tiny_bert}", record.id, method="lora")
    return spec.edit({"training.epochs": 4, "model.method.rank": 3, "training.optimizer.learning_rate": 0.002})


def test_runs_differ_in_method_rate_and_seed_alone(spec: RunSpec) -> None:
    found = api.method_comparison(api.compare_methods(spec, ["head", "lora", "head"], seeds=2))
    assert [(one.method, one.seeds, one.waiting) for one in found.methods] == [("head", (0, 1), 2), ("lora", (0, 1), 2)]
    documents = [api.run(run).spec for one in found.methods for run in one.runs]
    changed = {path.split(".")[0] + "." + path.split(".")[1] for path in differences(documents) if "." in path}
    assert changed <= {"model.method", "training.optimizer"}
    lora = documents[2]
    assert (lora.model.method.rank, lora.training.optimizer.learning_rate) == (3, 0.002)  # as in the document
    suited = api.tuned_spec(spec.model.source, spec.data.dataset, method="head").training.optimizer
    assert documents[0].training.optimizer == suited


def test_the_same_press_enters_nothing_twice(spec: RunSpec) -> None:
    first = api.compare_methods(spec, ["head", "bitfit"], seeds=2, token="one press")
    assert api.compare_methods(spec, ["head", "bitfit"], seeds=2, token="one press") == first
    assert api.count_runs() == 4
    assert api.compare_methods(spec, ["head"], seeds=1, token="another") != first
    assert [one.id for one in api.method_comparisons()].count(first) == 1
    assert len(api.method_comparisons()) == 2


@pytest.mark.parametrize(("methods", "seeds"), [([], 1), (["head"], 0), (["head"], 61)])
def test_nothing_or_too_much_is_refused_before_anything_is_entered(
    spec: RunSpec, methods: list[str], seeds: int
) -> None:
    with pytest.raises(EngineError) as error:
        api.compare_methods(spec, methods, seeds=seeds)
    assert error.value.kind is ErrorKind.BAD_INPUT
    assert api.count_runs() == 0


def test_a_method_that_is_not_there_enters_nothing(spec: RunSpec) -> None:
    with pytest.raises(EngineError, match="no method"):
        api.compare_methods(spec, ["head", "alchemy"], seeds=1)
    assert api.count_runs() == 0


def test_other_tags_of_a_run_stay(spec: RunSpec) -> None:
    found = api.method_comparison(api.compare_methods(spec, ["head"], seeds=1, token="x"))
    run = found.methods[0].runs[0]
    update_run(run, tags={**api.run(run).tags, "mine": ""})
    api.compare_methods(spec, ["head"], seeds=1, token="x")
    assert set(api.run(run).tags) == {"methods", "mine"}


def test_costs_and_weights_are_those_of_the_runs(spec: RunSpec) -> None:
    comparison = api.compare_methods(spec, ["bitfit"], seeds=2)
    for seconds, memory in ((10.0, 3e8), (14.0, 2e8)):
        claim = queue.claim_next()
        assert claim is not None
        folder = run_dir(claim.run_id)
        write_costs(folder, CostReport(run_id=claim.run_id, measured=Cost(seconds=seconds, memory_bytes=memory)))
        record = FineTuningRecord(
            run_id=claim.run_id, source=spec.model.source, method="bitfit", parameters=900, trainable_parameters=50
        )
        write_record(folder, record)
        queue.finish(claim, RunStatus.FAILED if seconds > 12 else RunStatus.FINISHED)
    (bitfit,) = api.method_comparison(comparison).methods
    assert (bitfit.waiting, bitfit.failed, bitfit.scores) == (0, 1, ())  # no metric was written


def test_a_comparison_that_is_gone_says_so() -> None:
    with pytest.raises(EngineError) as error:
        api.method_comparison("deadbeef")
    assert error.value.kind is ErrorKind.NOT_FOUND
