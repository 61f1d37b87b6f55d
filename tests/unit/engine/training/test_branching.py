"""A branch goes on from exactly where its run was: unchanged it ends like it, changed it keeps all that still fits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.training.context import LocalContext
from engine.training.schedules import rate_at

pytestmark = pytest.mark.tensorflow

Spec = Callable[..., RunSpec]
EncodedFor = Callable[[RunSpec], Any]
CALL = 4  # steps in a compiled call
ASKED_AFTER = 5  # calls of 4, 4 and 3 steps make an epoch: in the middle of the second


class Asks(LocalContext):
    """Asks for a checkpoint after so many compiled calls."""

    def __init__(self, run_dir: Path, calls: int) -> None:
        super().__init__(run_dir)
        self._calls = calls

    def checkpoint_requested(self) -> int:
        self._calls -= 1
        if self._calls == 0:
            self.request_checkpoint()
        return super().checkpoint_requested()


def train(spec: RunSpec, encoded: Any, context: LocalContext) -> tuple[Any, list[np.ndarray]]:
    """Run the fit as the job does; the result and the final weights."""
    from engine.training.compiling import compiled_steps
    from engine.training.job import train as do

    with compiled_steps(spec, encoded) as stepper:
        result = do(spec, encoded, stepper, context)
        return result, stepper.state()["model"]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture
def parent(table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path) -> tuple[RunSpec, Any, list[np.ndarray], Any]:
    """A run of four epochs that was asked for a checkpoint in its second, and how it ended."""
    spec = table_spec(
        model__units=[16, 8],
        training__epochs=4,
        training__weight_averaging=0.9,
        training__steps_per_execution=CALL,
        training__checkpoint_every_s=0,
        training__early_stopping__patience_epochs=50,
    )
    context, encoded = Asks(tmp_path / "parent", ASKED_AFTER), encoded_for(spec)
    _result, weights = train(spec, encoded, context)
    (kept,) = context.read("kept")
    step = kept["step"]
    assert step == 19
    assert [path.name for path in (tmp_path / "parent" / "branches").iterdir()] == [f"{step:012d}"]
    assert len(list((tmp_path / "parent" / "checkpoints").glob("[0-9]*"))) <= 2
    return spec.edit({"parent_run": "parent", "branch_step": step}), encoded, weights, context


def test_an_unchanged_branch_ends_bit_for_bit_like_its_run(parent: Any, tmp_path: Path) -> None:
    spec, encoded, expected, before = parent
    context = LocalContext(tmp_path / "branch")
    result, weights = train(spec, encoded, context)
    assert same(weights, expected)
    assert context.history("val/loss") == before.history("val/loss")[1:]
    assert context.history("train/loss")[0][0] == 22  # to the end of the epoch: the numbers of the steps go on
    assert result.state.step == before.history("val/loss")[-1][0]
    assert "Branches off from the run parent" in (context.run_dir / "log.txt").read_text()
    _result, weights = train(spec.edit({"parent_run": "", "branch_step": 0}), encoded, LocalContext(tmp_path / "x"))
    assert same(weights, expected)  # the run that was asked went on as if it had not been


def test_another_rate_and_dropout_begin_at_the_fork(parent: Any, tmp_path: Path) -> None:
    spec, encoded, expected, before = parent
    changed = spec.edit({"training.optimizer.learning_rate": 0.05, "model.dropout": 0.0})
    context = LocalContext(tmp_path / "branch")
    _result, weights = train(changed, encoded, context)
    assert [step for step, _ in context.history("val/loss")] == [step for step, _ in before.history("val/loss")][1:]
    rates = [rate for _step, rate in context.history("learning_rate")]
    share = 21 / (4 * -(-len(encoded.train) // 32))  # before the last of the three steps to the epoch's end
    assert rates[0] == pytest.approx(rate_at(spec.training.schedule, 0.05, share), rel=1e-6)
    assert "The optimizer" not in (context.run_dir / "log.txt").read_text()  # its moments were taken over
    kernels = [array for array in weights if array.ndim == 2]
    assert not same(kernels, [array for array in expected if array.ndim == 2])


def test_another_batch_size_goes_on_with_the_examples_that_were_not_seen_yet(parent: Any, tmp_path: Path) -> None:
    from engine.training.pipeline import epoch_order

    spec, encoded, _weights, _context = parent
    rows = len(encoded.train)
    seen = spec.branch_step * 32 - rows - (-rows % 32)  # in the second epoch; the first ended with a short batch
    changed = spec.edit({"training.batch_size": 48})
    taken: list[np.ndarray] = []
    take = encoded.train.take
    encoded.train.take = lambda indices: (taken.append(indices), take(indices))[1]
    try:
        context = LocalContext(tmp_path / "branch")
        result, _ = train(changed, encoded, context)
    finally:
        del encoded.train.take
    order = np.concatenate([part for part in taken if len(part) > 1])
    np.testing.assert_array_equal(order[: rows - seen], epoch_order(0, 1, rows)[seen:])
    assert len(order) == rows - seen + 2 * rows
    assert result.state.step == spec.branch_step + -(-(rows - seen) // 48) + 2 * -(-rows // 48)
    # The schedule goes on where it was by the share of the run, not by the number of steps.
    first = context.history("learning_rate")[0][1]
    share = (rows + seen + 48) / (4 * rows)
    assert first == pytest.approx(rate_at(spec.training.schedule, 1e-3, share), rel=0.08)
    assert context.read("progress")[-1]["total_steps"] == result.state.step


def test_another_optimizer_begins_anew_and_says_so(parent: Any, tmp_path: Path) -> None:
    spec, encoded, _weights, _context = parent
    context = LocalContext(tmp_path / "branch")
    changed = spec.edit({"training.optimizer.kind": "sgd", "training.weight_averaging": 0.0})
    _result, _ = train(changed, encoded, context)
    assert "The optimizer begins anew: it is another one." in (context.run_dir / "log.txt").read_text()
    assert context.history("val/accuracy")[-1][1] > 0.85


def test_frozen_layers_stay_the_same_to_the_last_bit(parent: Any, tmp_path: Path) -> None:
    from engine.training.branch_points import branch_point
    from engine.training.compiling import compiled_steps

    spec, encoded, _weights, _context = parent
    no_best = {"training.early_stopping.restore_best": False, "training.weight_averaging": 0.0}
    frozen = spec.edit({"training.frozen_layers": 1, **no_best})
    context = LocalContext(tmp_path / "frozen")
    _result, weights = train(frozen, encoded, context)
    with compiled_steps(frozen, encoded) as stepper:
        paths = [variable.path for variable in stepper.settings.model.variables]
        learned = {variable.path for variable in stepper.settings.model.trainable_variables}
    before = dict(zip(paths, branch_point(tmp_path / "parent", spec.branch_step).groups["model"], strict=True))
    after = dict(zip(paths, weights, strict=True))
    first = paths[0].split("/")[0]
    still = {path for path in paths if np.array_equal(before[path], after[path])}
    assert any(path.startswith(f"{first}/") for path in still)
    assert {path for path in paths if path.startswith(f"{first}/")} <= still
    assert not still & learned
    # A branch of the branch lets them learn again.
    asked = Asks(tmp_path / "asked", 3)
    train(frozen, encoded, asked)
    thawed = spec.edit({"parent_run": "asked", "branch_step": asked.read("kept")[0]["step"], **no_best})
    context = LocalContext(tmp_path / "thawed")
    _result, weights = train(thawed, encoded, context)
    assert "layers learn that did not before" in (context.run_dir / "log.txt").read_text()
    again = dict(zip(paths, weights, strict=True))
    assert not any(np.array_equal(again[path], before[path]) for path in learned)


def test_a_branch_of_a_branch_that_changes_nothing_is_the_same_run_still(parent: Any, tmp_path: Path) -> None:
    spec, encoded, expected, _context = parent
    child = Asks(tmp_path / "child", 3)
    train(spec, encoded, child)
    step = child.read("kept")[0]["step"]
    assert step > spec.branch_step
    grandchild = spec.edit({"parent_run": "child", "branch_step": step})
    _result, weights = train(grandchild, encoded, LocalContext(tmp_path / "grandchild"))
    assert same(weights, expected)


def test_a_branch_that_was_disturbed_goes_on_from_its_own_checkpoint(parent: Any, tmp_path: Path) -> None:
    spec, encoded, expected, _context = parent
    (tmp_path / "parent" / "checkpoints").rename(tmp_path / "gone")  # only what is kept for branches is needed
    begun = LocalContext(tmp_path / "branch")
    begun.request_stop()
    result, _ = train(spec, encoded, begun)
    assert spec.branch_step < result.state.step < 44
    context = LocalContext(tmp_path / "branch")
    _result, weights = train(spec, encoded, context)
    assert same(weights, expected)
    log = (context.run_dir / "log.txt").read_text()
    assert log.count("Branches off from") == 1
    assert f"Goes on from the checkpoint at step {result.state.step}" in log


def test_other_layers_are_refused_in_one_sentence(parent: Any, tmp_path: Path) -> None:
    spec, encoded, _weights, _context = parent
    with pytest.raises(EngineError) as caught:
        train(spec.edit({"model.units": [16, 9]}), encoded, LocalContext(tmp_path / "branch"))
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert "other layers than the run parent" in str(caught.value)


def test_another_loss_counts_the_best_anew(parent: Any, tmp_path: Path) -> None:
    from engine.training.branch_points import branch_point
    from engine.training.branching import branched_state

    spec, encoded, _weights, before = parent
    checkpoint = branch_point(tmp_path / "parent", spec.branch_step)
    assert branched_state(checkpoint, spec).best.score == pytest.approx(-before.history("val/loss")[0][1])
    changed = spec.edit({"training.loss.label_smoothing": 0.5, "training.class_weights": "balanced"})
    state = branched_state(checkpoint, changed)
    assert (state.best.score, state.first_loss, state.epoch_totals.steps) == (None, None, 0)
    context = LocalContext(tmp_path / "branch")
    result, _ = train(changed, encoded, context)
    assert result.state.best.score == pytest.approx(-min(loss for _step, loss in context.history("val/loss")))


def test_a_finished_run_needs_more_epochs_to_branch(parent: Any, tmp_path: Path) -> None:
    from engine.training.branch_points import keep_newest

    spec, encoded, _weights, before = parent
    step = keep_newest(tmp_path / "parent")
    assert step == before.history("val/loss")[-1][0]
    assert keep_newest(tmp_path / "parent") == step
    ended = spec.edit({"branch_step": step, "training.optimizer.learning_rate": 1e-4})
    with pytest.raises(EngineError) as caught:
        train(ended, encoded, LocalContext(tmp_path / "none"))
    assert caught.value.kind is ErrorKind.CONFLICT
    assert "5 or higher" in str(caught.value)
    context = LocalContext(tmp_path / "more")
    result, _ = train(ended.edit({"training.epochs": 6}), encoded, context)
    assert result.state.epoch == 6
    assert context.history("train_epoch/loss")[0][0] == step * 5 // 4


def test_a_missing_checkpoint_is_named(parent: Any, tmp_path: Path) -> None:
    spec, encoded, _weights, _context = parent
    with pytest.raises(EngineError) as caught:
        train(spec.edit({"branch_step": 7}), encoded, LocalContext(tmp_path / "branch"))
    assert caught.value.kind is ErrorKind.NOT_FOUND
    assert "step 7 of the run parent" in str(caught.value)


def test_data_are_not_changed_in_a_branch(table_spec: Spec) -> None:
    from engine.training.branch_points import check_same_data

    spec = table_spec()
    check_same_data(spec, spec.edit({"data.name": "another", "training.batch_size": 8}))
    with pytest.raises(EngineError) as caught:
        check_same_data(spec, spec.edit({"data.split.seed": 3}))
    assert "data.split.seed" in str(caught.value)
