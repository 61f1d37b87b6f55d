"""What predictions stand on: probes by size, runs and trials, and whether anything new is known."""

from __future__ import annotations

from engine.jobs.context import StoreContext
from engine.specs import RunSpec, RunStatus
from engine.specs.probe import ProbeBudget, ProbeStatus
from engine.store import probes, queue
from engine.store.probes import Wish
from engine.store.runs import add_run
from engine.whatif.observations import group_of, groups, stamp
from engine.whatif.surrogate import predict_effect

DATA = "0" * 16
SPEC = RunSpec.parse(
    {
        "data": {"dataset": DATA, "task": "table_classification", "preprocessing": {"kind": "table"}},
        "model": {"kind": "mlp"},
    }
)
SHORT, LONG = ProbeBudget(steps=40), ProbeBudget(steps=200)
RATE, DROPOUT = "training.optimizer.learning_rate", "model.dropout"


def probed(spec: RunSpec, budget: ProbeBudget, value: float, status: ProbeStatus = ProbeStatus.FINISHED) -> None:
    probes.ask([Wish(spec, budget)])
    claim = probes.claim_next()
    assert claim is not None
    probes.finish(claim, status, {"metrics": {"val/accuracy": value}, "step": budget.steps})


def finished_run(spec: RunSpec, value: float) -> None:
    add_run(spec)
    claim = queue.claim_next()
    assert claim is not None
    with StoreContext(claim, spec) as context:
        context.metrics(10, {"val/accuracy": value})
        context.metrics(20, {"val/accuracy": value - 0.1})
    queue.finish(claim, RunStatus.FINISHED)


def test_results_are_grouped_by_size_and_the_largest_group_comes_first() -> None:
    for seed in range(3):
        probed(SPEC.edit({"seed": seed}), LONG, 0.8)
    probed(SPEC, SHORT, 0.6)
    finished_run(SPEC, 0.9)
    found = groups(SPEC)
    assert (found[0].source, len(found[0].observations)) == ("probes", 3)
    assert {group.source for group in found} == {"probes", "runs"}
    short = group_of(SPEC, SHORT)
    assert short is not None
    assert [observation.value for observation in short.observations] == [0.6]
    full = next(group for group in found if group.source == "runs")
    assert full.observations[0].value == 0.9  # a run is judged by its best epoch


def test_other_data_targets_families_and_failed_probes_are_left_out() -> None:
    probed(SPEC, SHORT, 0.6)
    probed(SPEC.edit({"data.target": "other"}), SHORT, 0.1)
    probed(SPEC.edit({"data.dataset": "1" * 16}), SHORT, 0.2)
    probed(SPEC.edit({"model.kind": "table_residual"}), SHORT, 0.3)
    probed(SPEC.edit({"seed": 5}), SHORT, 0.4, ProbeStatus.FAILED)
    own = group_of(SPEC, SHORT)
    assert own is not None
    assert [observation.value for observation in own.observations] == [0.6]
    both = group_of(SPEC, SHORT, ["mlp", "table_residual"])
    assert both is not None
    assert sorted(observation.value for observation in both.observations) == [0.3, 0.6]


def test_nothing_known_is_none() -> None:
    assert group_of(SPEC, None) is None
    assert groups(SPEC) == []


def test_the_stamp_changes_with_each_result_and_only_then() -> None:
    first = stamp(DATA)
    assert stamp(DATA) == first
    probed(SPEC, SHORT, 0.6)
    second = stamp(DATA)
    assert second != first
    probes.ask([Wish(SPEC.edit({"seed": 9}), SHORT)])  # waits: nothing is known yet
    assert stamp(DATA) == second
    finished_run(SPEC, 0.9)
    assert stamp(DATA) != second


def test_an_effect_is_foretold_from_what_lies_in_the_store() -> None:
    for place in range(12):
        rate, dropout = 10 ** (-4 + place / 4), (place * 5 % 12) / 24
        value = 0.9 - 0.05 * (-4 + place / 4 + 2.5) ** 2 - 0.1 * dropout
        probed(SPEC.edit({RATE: rate, DROPOUT: dropout}), SHORT, value)
    found = predict_effect(SPEC, {RATE: 3e-3}, SHORT, with_cost=False)
    assert found.source == "probes"
    assert found.points == 12
    assert found.budget is not None
    assert found.budget.steps == 40
    assert found.inside
    assert found.predicted is not None
    assert found.predicted.low <= 0.9 - 0.05 * (-2.523 + 2.5) ** 2 - 0.1 * SPEC.model.dropout <= found.predicted.high
    beyond = predict_effect(SPEC, {RATE: 5.0}, SHORT, with_cost=False)
    assert not beyond.inside
    assert beyond.notice is not None
