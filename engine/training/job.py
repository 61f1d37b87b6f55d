"""The whole of a run in a worker: data → encoder → model → fit → saved model → evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.models import speed
from engine.models.augmentation import augmentation_layers
from engine.specs import Part, RunSpec
from engine.specs.models import PretrainedSpec
from engine.text import N_
from engine.training import checkpoints
from engine.training.accounts import Accounts
from engine.training.branch_points import branch_point
from engine.training.branching import Branch, branch_off, take_over
from engine.training.callbacks.resources import backend_device
from engine.training.compiling import compiled_steps
from engine.training.context import BUILDING, EVALUATING, FEATURES, PREPARING, TRAINING, Outcome, RunContext
from engine.training.failures import explained
from engine.training.features import rests, with_features
from engine.training.fit import Fit, FitResult
from engine.training.pipeline import Encoded
from engine.training.predictor import Predictor
from engine.training.saving import save_model
from engine.training.state import FitState
from engine.training.steps import Stepper
from engine.training.warmth import encoded_data

FEATURES_EVERY_S = 0.5  # how often a person sees how far the features are


def execute(spec: RunSpec, context: RunContext) -> Outcome:
    """Do a run, or go on with it from the newest whole checkpoint in its folder.

    Args:
        spec: the document.
        context: where the run writes and what it says.

    Returns:
        `FINISHED` with `model/`, `predictions/` and the evaluation in place, or `STOPPED` after a checkpoint.

    Raises:
        EngineError: what went wrong and what to try: BAD_INPUT, BAD_DATA, DIVERGED, OUT_OF_MEMORY, OUT_OF_DISK.
    """
    with explained(spec), Accounts(spec, context) as accounts:
        context.phase(PREPARING)
        encoded = encoded_data(spec.data).keep()
        if context.stop_requested():
            return Outcome.STOPPED
        context.phase(BUILDING)
        with compiled_steps(spec, encoded) as stepper:
            accounts.expect(encoded, stepper)
            result = train(spec, encoded, stepper, context)
            if result.outcome is Outcome.STOPPED:
                accounts.close(result.state, finished=False)
                return Outcome.STOPPED
            steps = result.state.step - result.state.first_step
            if not rests(spec):  # a head on kept features says nothing of how fast its body runs
                samples = steps * spec.training.batch_size
                speed.learn(spec.model.kind, stepper.settings.core, samples, result.state.seconds)
            context.phase(EVALUATING)
            save_model(context.run_dir, spec, stepper.settings.core, encoded)
            predictions = _evaluate(spec, stepper, encoded, context, result.state.step)
            accounts.close(result.state, finished=True)
            _look_back(spec, stepper, encoded, predictions, context)
        return Outcome.FINISHED


def train(spec: RunSpec, encoded: Encoded, stepper: Stepper, context: RunContext, *, fit: type[Fit] = Fit) -> FitResult:
    """Train, or go on from the newest whole checkpoint of the run; `fit` is how (trials of a search keep less)."""
    resumed = checkpoints.newest(context.run_dir / "checkpoints")
    parent = branch = None
    parent_dir = context.run_dir.parent / spec.parent_run
    if resumed is None and spec.parent_run and spec.branch_step:
        branch = _branch_from(parent_dir, stepper, spec, context)
    elif resumed is None and spec.parent_run:
        parent = _start_from(parent_dir, stepper, spec, context)
    _say_start(spec, encoded, context, stepper, resumed)
    rows = _rows(spec, encoded, stepper, context)
    if rows is None:
        return FitResult(Outcome.STOPPED, FitState())
    context.phase(TRAINING)
    watch = _watch(spec, stepper, encoded, context) if fit is Fit else None  # trials keep less
    made = fit(spec, rows, stepper, context, resumed=resumed, parent=parent, branch=branch, after_epoch=watch)
    return made.run()


def _start_from(parent_dir: Path, stepper: Stepper, spec: RunSpec, context: RunContext) -> checkpoints.Checkpoint:
    """Put the parent's weights, and where the optimizer is the same its state, into the model."""
    parent = checkpoints.newest(parent_dir / "checkpoints")
    if parent is None:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("The run {parent} that this one continues has no weights."),
            hint=N_("Continue a run that was trained and not deleted, or start without a parent."),
            parent=parent_dir.name,
        )
    for line in take_over(parent, stepper, spec, parent=parent_dir.name):
        context.log(line)
    return parent


def _branch_from(parent_dir: Path, stepper: Stepper, spec: RunSpec, context: RunContext) -> Branch:
    """Put the model where the parent was at the step at which this run branches off."""
    checkpoint = branch_point(parent_dir, spec.branch_step)
    branch, lines = branch_off(checkpoint, stepper, spec, parent=parent_dir.name)
    context.log(f"Branches off from the run {parent_dir.name} at step {spec.branch_step}.")
    for line in lines:
        context.log(line)
    return branch


def _rows(spec: RunSpec, encoded: Encoded, stepper: Stepper, context: RunContext) -> Encoded | None:
    """The rows as the step takes them: the features of a resting body; None where someone asked to stop."""
    if not rests(spec):
        return encoded
    context.phase(FEATURES)
    if augmentation_layers(spec.training.augmentation):
        context.log("Images are not changed at random: the body sees each of them once.")
    started, said = time.monotonic(), 0.0

    def told(done: int, total: int) -> bool:
        nonlocal said
        now = time.monotonic()
        if now - said > FEATURES_EVERY_S:
            said, left = now, (now - started) * (total - done) / done if done else None
            context.progress(epoch=0, step=done, total_steps=total, seconds_left=left)
        return not context.stop_requested()

    return with_features(encoded, stepper, told)


def _say_start(
    spec: RunSpec, encoded: Encoded, context: RunContext, stepper: Stepper, resumed: checkpoints.Checkpoint | None
) -> None:
    rows = f"{len(encoded.train):,} train and {len(encoded.validation):,} validation rows"
    parameters = stepper.settings.core.count_params()
    context.log(f"{spec.model.kind} with {parameters:,} parameters, {rows}, on {backend_device()}.")
    if resumed is not None:
        state = FitState.from_record(resumed.state)
        context.log(f"Goes on from the checkpoint at step {state.step} (epoch {state.epoch + 1}).")


def _watch(spec: RunSpec, stepper: Stepper, encoded: Encoded, context: RunContext) -> Callable[[int, int], None] | None:
    """What follows the body of a fine-tuned run from epoch to epoch."""
    if not isinstance(spec.model, PretrainedSpec):
        return None
    from engine.finetuning.drift_watch import DriftWatch

    return DriftWatch(spec, stepper.settings.core, encoded, context).epoch_ended


def _look_back(
    spec: RunSpec,
    stepper: Stepper,
    encoded: Encoded,
    predictions: dict[Part, np.ndarray],
    context: RunContext,
) -> None:
    """What fine-tuning has gained and what it has forgotten."""
    if isinstance(spec.model, PretrainedSpec):
        from engine.finetuning.outcome import look_back

        look_back(spec, stepper.settings.core, encoded, predictions, context)


def _evaluate(
    spec: RunSpec, stepper: Stepper, encoded: Encoded, context: RunContext, step: int
) -> dict[Part, np.ndarray]:
    from engine.evaluation.evaluate import evaluate_run

    predictor = Predictor(encoded.encoder, stepper.predict)
    prepared = encoded.prepared
    parts = [part for part in (Part.VALIDATION, Part.TEST) if len(prepared.parts.get(part, ()))]
    predictions = {part: predictor.predict(prepared, prepared.parts[part]) for part in parts}
    evaluate_run(spec, prepared, predictions, context, step=step)
    return predictions
