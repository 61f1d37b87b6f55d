"""A probe trains the whole document in small: the same curve bit for bit, cut off or cancelled where asked."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget

pytestmark = pytest.mark.tensorflow


class Notes:
    """A report that remembers."""

    def __init__(self) -> None:
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self.facts: dict[str, Any] = {}
        self.was_cut_off = False

    def begin(self, *, total_steps: int, traced: bool) -> None:
        self.facts = {"total_steps": total_steps, "traced": traced}

    def values(self, step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():
            self.curves.setdefault(key, []).append((step, value))

    def cut_off(self) -> None:
        self.was_cut_off = True


@pytest.fixture(scope="module")
def base() -> RunSpec:
    """A small network for breast cancer."""
    return RunSpec.parse(
        {
            "data": {
                "dataset": "0" * 16,
                "task": "table_classification",
                "preprocessing": {"kind": "table", "number_encoding": "standard"},
                "split": {"kind": "stratified", "validation_fraction": 0.3, "test_fraction": 0.0},
            },
            "model": {"kind": "mlp", "units": [16], "dropout": 0.2},
            "training": {"batch_size": 32, "optimizer": {"kind": "adamw", "learning_rate": 0.01}},
        }
    )


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows lie in memory rather than in a workspace."""
    import pandas as pd
    from sklearn.datasets import load_breast_cancer

    from engine.data import load as loading
    from engine.specs import ColumnKind

    loaded = load_breast_cancer(as_frame=True)
    frame = pd.DataFrame(loaded.data).assign(label=loaded.target.map({0: "malignant", 1: "benign"}))
    kinds = dict.fromkeys(frame.columns, ColumnKind.NUMBER) | {"label": ColumnKind.CATEGORY}
    monkeypatch.setattr(loading, "load", lambda data: loading.prepare(data, frame, kinds))


def probe(spec: RunSpec, budget: ProbeBudget, cancelled: Callable[[], bool] = lambda: False) -> Notes:
    from engine.whatif.probe import run_probe

    notes = Notes()
    notes.facts["finished"] = run_probe(spec, budget, notes, cancelled) or notes.facts.get("finished", False)
    return notes


def test_it_learns_says_so_from_the_first_step_on_and_is_the_same_each_time(base: RunSpec) -> None:
    budget = ProbeBudget(steps=45, seconds=0)
    first, again = probe(base, budget), probe(base, budget)
    assert first.curves == again.curves
    steps = [step for step, _ in first.curves["train/loss"]]
    assert (steps[0], steps[-1]) == (1, 45)
    assert 20 <= len(steps) <= 46
    assert [step for step, _ in first.curves["val/accuracy"]] == [9, 18, 27, 36, 45]
    assert first.curves["val/accuracy"][-1][1] > 0.9
    assert first.facts["total_steps"] == 45
    assert (first.facts["traced"], again.facts["traced"]) == (True, False)
    assert probe(base.edit({"seed": 1}), budget).curves != first.curves


def test_the_budget_is_bounded_by_the_epochs_and_by_the_share_of_the_data(base: RunSpec) -> None:
    few = base.edit({"training.epochs": 1})
    whole = probe(few, ProbeBudget(steps=1000)).facts["total_steps"]
    assert whole == -(-398 // 32)
    assert probe(few, ProbeBudget(steps=1000, train_fraction=0.5)).facts["total_steps"] == -(-199 // 32)


def test_a_turned_number_is_not_traced_again_and_counts(base: RunSpec) -> None:
    budget = ProbeBudget(steps=20)
    plain = probe(base, budget)
    for change in ({"model.dropout": 0.5}, {"training.optimizer.learning_rate": 0.05}, {"training.clip_norm": 0.1}):
        turned = probe(base.edit(change), budget)
        assert turned.facts["traced"] is False
        assert turned.curves["val/loss"] != plain.curves["val/loss"]


def test_seconds_cut_it_off_after_a_validation(base: RunSpec) -> None:
    notes = probe(base, ProbeBudget(steps=5000, seconds=0.05))
    assert notes.was_cut_off
    assert notes.curves["val/accuracy"][-1][0] < 5000


def test_whoever_turns_on_ends_it_within_a_call(base: RunSpec) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    notes = probe(base, ProbeBudget(steps=5000), cancelled)
    assert notes.curves["train/loss"][-1][0] <= 3 * 8
    assert "val/accuracy" not in notes.curves


def test_a_loss_that_explodes_is_an_answer(base: RunSpec) -> None:
    wild = base.edit({"training.optimizer.kind": "sgd", "training.clip_norm": 0.0})
    with pytest.raises(EngineError) as caught:
        probe(wild.edit({"training.optimizer.learning_rate": 10.0, "model.activation": "elu"}), ProbeBudget(steps=200))
    assert caught.value.kind is ErrorKind.DIVERGED


def test_a_regression_is_measured_in_its_own_unit(base: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.datasets import load_diabetes

    from engine.data import load as loading
    from engine.specs import ColumnKind

    loaded = load_diabetes(as_frame=True)
    frame = loaded.data.assign(label=loaded.target)
    kinds = dict.fromkeys(frame.columns, ColumnKind.NUMBER)
    monkeypatch.setattr(loading, "load", lambda data: loading.prepare(data, frame, kinds))
    document = base.model_dump(mode="json")
    document["data"] |= {"task": "table_regression", "dataset": "1" * 16}
    document["training"]["loss"] = {"kind": "mse"}
    notes = probe(RunSpec.parse(document), ProbeBudget(steps=80))
    assert notes.curves["val/rmse"][-1][1] < loaded.target.std()
