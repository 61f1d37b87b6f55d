"""The fit learns, counts exactly, stops in good order; a resumed run ends with the weights of an undisturbed one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.training.context import LocalContext, Outcome

pytestmark = pytest.mark.tensorflow

Spec = Callable[..., RunSpec]
EncodedFor = Callable[[RunSpec], Any]


class StopsAfter(LocalContext):
    """Asks to stop after so many compiled calls."""

    def __init__(self, run_dir: Path, calls: int) -> None:
        super().__init__(run_dir)
        self._calls = calls

    def stop_requested(self) -> bool:
        self._calls -= 1
        return self._calls < 0


def train(spec: RunSpec, encoded: Any, context: LocalContext, *, parent: Any = None) -> tuple[Any, list[np.ndarray]]:
    """Run the fit as the job does; the result and the final weights."""
    from engine.training import checkpoints
    from engine.training.compiling import compiled_steps
    from engine.training.fit import Fit

    with compiled_steps(spec, encoded) as stepper:
        resumed = checkpoints.newest(context.run_dir / "checkpoints")
        result = Fit(spec, encoded, stepper, context, resumed=resumed, parent=parent).run()
        return result, stepper.state()["model"]


def assert_same(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def test_it_learns_and_counts_every_step(table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path) -> None:
    spec = table_spec(training__epochs=8, training__optimizer__learning_rate=0.01)
    context, encoded = LocalContext(tmp_path), encoded_for(spec)
    result, _ = train(spec, encoded, context)
    steps = 8 * -(-len(encoded.train) // 32)
    assert result.outcome is Outcome.FINISHED
    assert result.state.step == steps
    assert context.history("val/accuracy")[-1] == (steps, pytest.approx(0.97, abs=0.03))
    assert context.history("train_epoch/loss")[-1][1] < context.history("train_epoch/loss")[0][1]
    assert context.history("train/loss")[0][0] == 1  # the very first step is reported by itself
    for key in ("learning_rate", "gradient_norm", "samples_per_s", "memory_bytes", "cpu_percent"):
        assert context.history(key)
    last = context.read("progress")[-1]
    assert (last["epoch"], last["step"], last["total_steps"], last["seconds_left"]) == (8, steps, steps, 0.0)


def test_examples_come_from_before_the_first_step_on(table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path) -> None:
    spec = table_spec(training__epochs=2)
    context, encoded = LocalContext(tmp_path), encoded_for(spec)
    train(spec, encoded, context)
    shown = [line["examples"] for line in context.read("examples")]
    assert len(shown) == 3  # before the first step, and after each epoch
    assert {example["group"] for example in shown[0]} == {"best", "worst", "random"}
    validation_rows = set(encoded.prepared.frame.index[encoded.validation.positions])
    assert {example["row"] for example in shown[0]} <= validation_rows
    losses = {group: [e["loss"] for e in shown[2] if e["group"] == group] for group in ("best", "worst")}
    assert max(losses["best"]) <= min(losses["worst"])
    assert shown[0][0]["values"]["mean radius"]
    random_rows = [[e["row"] for e in examples if e["group"] == "random"] for examples in shown[1:]]
    assert random_rows[0] == random_rows[1]  # the same ones, so that one sees them change


def test_a_regression_reports_in_its_own_unit(table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path) -> None:
    spec = table_spec("table_regression", training__epochs=15, training__optimizer__learning_rate=0.01)
    context, encoded = LocalContext(tmp_path), encoded_for(spec)
    train(spec, encoded, context)
    assert 40 < context.history("val/rmse")[-1][1] < 75  # linear regression reaches about 55
    assert 40 < context.history("train_epoch/rmse")[-1][1] < 75
    assert context.history("val/r2")[-1][1] > 0.2


@pytest.mark.parametrize("calls", [2, 5])
def test_a_resumed_run_ends_bit_for_bit_like_an_undisturbed_one(
    table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path, calls: int
) -> None:
    spec = table_spec(training__weight_averaging=0.9, training__steps_per_execution=4)
    encoded = encoded_for(spec)
    whole, expected = train(spec, encoded, LocalContext(tmp_path / "whole"))
    stopped, _ = train(spec, encoded, StopsAfter(tmp_path / "parts", calls))
    assert stopped.outcome is Outcome.STOPPED
    assert stopped.state.batch  # in the middle of an epoch
    context = LocalContext(tmp_path / "parts")
    resumed, weights = train(spec, encoded, context)
    assert resumed.outcome is Outcome.FINISHED
    assert resumed.state.step == whole.state.step
    assert_same(weights, expected)
    before = LocalContext(tmp_path / "whole").history("val/loss")
    assert context.history("val/loss") == before


def test_steps_a_call_do_not_change_the_result(table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path) -> None:
    one = table_spec(training__steps_per_execution=1)
    many = table_spec(training__steps_per_execution=64)
    _, expected = train(one, encoded_for(one), LocalContext(tmp_path / "one"))
    _, weights = train(many, encoded_for(many), LocalContext(tmp_path / "many"))
    assert_same(weights, expected)


def test_a_kept_program_gives_what_a_fresh_one_gives(table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path) -> None:
    from engine.training.compiling import forget_all

    results = {}
    for name, seed in (("warm up", 1), ("kept", 2)):
        spec = table_spec(seed=seed)
        _, results[name] = train(spec, encoded_for(spec), LocalContext(tmp_path / name))
    forget_all()
    _, fresh = train(spec, encoded_for(spec), LocalContext(tmp_path / "fresh"))
    assert_same(results["kept"], fresh)


def test_the_best_epoch_is_taken_and_patience_ends_the_run(
    table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path
) -> None:
    spec = table_spec(
        training__epochs=200,
        training__optimizer__learning_rate=0.05,
        training__early_stopping__patience_epochs=3,
        training__early_stopping__monitor="loss",
    )
    context, encoded = LocalContext(tmp_path), encoded_for(spec)
    result, _ = train(spec, encoded, context)
    losses = [value for _, value in context.history("val/loss")]
    assert len(losses) < 200
    assert result.state.best.epoch == int(np.argmin(losses)) + 1
    assert len(losses) == result.state.best.epoch + 3
    assert "the best on validation" in (tmp_path / "log.txt").read_text()


def test_a_time_limit_ends_in_good_order_with_the_schedule_at_its_end(
    table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path
) -> None:
    spec = table_spec(training__epochs=10_000, training__max_train_time_s=1.5, training__early_stopping__enabled=False)
    context = LocalContext(tmp_path)
    result, _ = train(spec, encoded_for(spec), context)
    assert result.outcome is Outcome.FINISHED
    assert 1.5 <= result.state.seconds < 5.0
    rates = [value for _, value in context.history("learning_rate")]
    assert rates[-1] < 0.05 * max(rates)
    planned = [line["total_steps"] for line in context.read("progress")]
    assert planned[-1] == result.state.step < 10_000


def test_divergence_stops_the_run_and_says_what_to_try(
    table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path
) -> None:
    spec = table_spec(
        "table_regression",
        training__optimizer={"kind": "sgd", "learning_rate": 10.0},
        training__clip_norm=0.0,
        training__epochs=50,
    )
    with pytest.raises(EngineError) as caught:
        train(spec, encoded_for(spec), LocalContext(tmp_path))
    assert caught.value.kind is ErrorKind.DIVERGED
    assert "Lower the learning rate" in str(caught.value)


def test_a_run_goes_on_where_its_parent_ended(table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path) -> None:
    from engine.training import checkpoints
    from engine.training.compiling import compiled_steps
    from engine.training.fit import Fit
    from engine.training.job import _start_from

    spec = table_spec()
    encoded = encoded_for(spec)
    first, ended = train(spec, encoded, LocalContext(tmp_path / "parent"))
    child = LocalContext(tmp_path / "child")
    with compiled_steps(spec, encoded) as stepper:
        parent = _start_from(tmp_path / "parent", stepper, spec, LocalContext(tmp_path / "log"))
        assert_same(stepper.state()["model"], ended)
        result = Fit(spec, encoded, stepper, child, parent=parent).run()
    assert result.state.epoch == 6
    assert result.state.step == 2 * first.state.step
    assert child.history("val/loss")[0][0] > first.state.step
    saved = checkpoints.newest(tmp_path / "child" / "checkpoints")
    assert saved is not None
    iterations = int(saved.groups["optimizer"][0])
    assert iterations == result.state.step  # the optimizer's state went along


def test_a_parent_of_another_shape_is_refused(table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path) -> None:
    from engine.training.compiling import compiled_steps
    from engine.training.job import _start_from

    spec = table_spec(training__epochs=1)
    train(spec, encoded_for(spec), LocalContext(tmp_path / "parent"))
    wider = spec.edit({"model.units": [24]})
    with compiled_steps(wider, encoded_for(wider)) as stepper, pytest.raises(EngineError) as caught:
        _start_from(tmp_path / "parent", stepper, wider, LocalContext(tmp_path / "log"))
    assert caught.value.kind is ErrorKind.BAD_INPUT


def test_a_limit_in_steps_ends_the_run_in_the_middle_of_an_epoch(
    table_spec: Spec, encoded_for: EncodedFor, tmp_path: Path
) -> None:
    spec = table_spec(training__epochs=5, training__max_steps=15, training__schedule__kind="cosine")
    encoded = encoded_for(spec)
    assert -(-len(encoded.train) // 32) < 15 < 2 * -(-len(encoded.train) // 32)
    context = LocalContext(tmp_path)
    result, weights = train(spec, encoded, context)
    assert (result.state.step, result.state.done) == (15, True)
    assert context.history("val/accuracy")[-1][0] == 15
    assert context.read("progress")[-1]["total_steps"] == 15
    # The schedule is drawn over the limit: the last rate is near its end.
    assert context.history("learning_rate")[-1][1] < 0.03 * spec.training.optimizer.learning_rate
    # Stopped in the second epoch and resumed, it ends with the same weights.
    parts = LocalContext(tmp_path / "parts")
    fixed = spec.edit({"training.steps_per_execution": 2})
    train(fixed, encoded, StopsAfter(parts.run_dir, 6))
    assert_same(train(fixed, encoded, parts)[1], weights)
