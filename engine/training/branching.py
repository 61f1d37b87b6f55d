"""A run that goes on from another: what it takes over from the checkpoint, and what begins anew.

A branch goes on from exactly where its parent was, under a document in which something was changed. With nothing
changed it ends with the parent's weights, bit for bit; that is what decides what is taken over here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec
from engine.text import N_
from engine.training.branch_points import check_epochs_left
from engine.training.callbacks.early_stopping import BestEpoch
from engine.training.checkpoints import Checkpoint, Groups, read_arrays
from engine.training.state import FitState
from engine.training.steps import Stepper, Totals, variable_names

NAMES, DOCUMENT = "names", "document"  # beside the fit's state in a checkpoint
# How Keras calls the state of a random generator; dropout that is switched on or off brings or takes one away.
SEED = "seed_generator_state"
# What makes losses and scores before and after a branch two different things.
MEASURES = ("loss", "class_weights", "class_weight_strength")


def about(stepper: Stepper, spec: RunSpec) -> dict[str, Any]:
    """What a checkpoint says of itself, so that a run with another document can go on from it."""
    return {NAMES: variable_names(stepper.settings), DOCUMENT: spec.model_dump(mode="json")}


def document_of(checkpoint: Checkpoint) -> RunSpec | None:
    """The document under which a checkpoint was taken; None where it does not say so."""
    document = checkpoint.state.get(DOCUMENT)
    return RunSpec.parse(document) if document else None


# ---- weights --------------------------------------------------------------------------------------------------------
def take_over(checkpoint: Checkpoint, stepper: Stepper, spec: RunSpec, *, parent: str) -> list[str]:
    """Put a checkpoint's weights, and what fits of its optimizer and average, into a model.

    Args:
        checkpoint: of the run that this one goes on from.
        stepper: the new run's, at its first weights.
        spec: the new run's document.
        parent: the id of the other run, for messages.

    Returns:
        Lines for the log: what could not be taken over and begins anew.

    Raises:
        EngineError: BAD_INPUT where the model has other weights.
    """
    now, names = stepper.state(), variable_names(stepper.settings)
    then_names = checkpoint.state.get(NAMES)
    before = document_of(checkpoint)
    same_optimizer = before is None or before.training.optimizer.kind == spec.training.optimizer.kind
    fits = all(_shapes(checkpoint.groups.get(group, [])) == _shapes(now[group]) for group in now)
    if fits and same_optimizer and then_names in (None, names):
        stepper.load_state(checkpoint.groups)
        return []
    then = {group: checkpoint.groups.get(group, []) for group in now}
    known = then_names or {}
    weights = _weights(then["model"], known.get("model"), now["model"], names["model"], parent)
    thawed = bool(known) and not set(names["trainable"]) <= set(known["trainable"])
    lines = []
    if same_optimizer and not thawed:
        optimizer, fresh = _by_name(then["optimizer"], known.get("optimizer"), now["optimizer"], names["optimizer"])
        lines += ["The optimizer begins anew: it keeps other numbers than before."] if fresh else []
    else:
        optimizer = now["optimizer"]
        why = "layers learn that did not before" if same_optimizer else "it is another one"
        lines.append(f"The optimizer begins anew: {why}.")
    by_name = dict(zip(names["model"], weights, strict=True))
    first = [by_name[name] for name in names["average"]]  # where there was no average, it begins at the weights
    average, _fresh = _by_name(then["average"], known.get("average"), first, names["average"])
    stepper.load_state({"model": weights, "optimizer": optimizer, "average": average})
    return lines


def _shapes(arrays: list[Any]) -> list[tuple[int, ...]]:
    return [tuple(array.shape) for array in arrays]


def _weights(
    then: list[np.ndarray], then_names: list[str] | None, now: list[np.ndarray], now_names: list[str], parent: str
) -> list[np.ndarray]:
    """The new model's variables with the old weights; random generators go on where all of them are still there."""
    is_seed = [name.endswith(SEED) for name in now_names]
    if then_names is None:  # a checkpoint of an older Lathe: seeds are known by their shape
        then_names = [SEED if a.shape == (2,) and a.dtype.kind in "iu" else str(i) for i, a in enumerate(then)]
    was_seed = [name.endswith(SEED) for name in then_names]
    old = [(name, array) for name, array, seed in zip(then_names, then, was_seed, strict=True) if not seed]
    wanted = [(name, array) for name, array, seed in zip(now_names, now, is_seed, strict=True) if not seed]
    by_name = dict(old)
    if len(by_name) == len(old) and set(by_name) == {name for name, _array in wanted}:
        found = [by_name[name] for name, _array in wanted]
    else:  # layers of one's own may have been renamed
        found = [array for _name, array in old]
    if _shapes(found) != _shapes([array for _name, array in wanted]):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The model of this document has other layers than the run {parent} that it continues."),
            hint=N_("Keep the model and the preprocessing as they were, or start without a parent."),
            parent=parent,
        )
    seeds = [array for array, seed in zip(then, was_seed, strict=True) if seed]
    fresh = [array for array, seed in zip(now, is_seed, strict=True) if seed]
    streams, rest = iter(seeds if _shapes(seeds) == _shapes(fresh) else fresh), iter(found)
    return [next(streams if seed else rest) for seed in is_seed]


def _by_name(
    then: list[np.ndarray], then_names: list[str] | None, now: list[np.ndarray], now_names: list[str]
) -> tuple[list[np.ndarray], bool]:
    """The new arrays with those of the same name from before; True where none could be taken over."""
    if then_names is None:
        fits = _shapes(then) == _shapes(now)
        return (then, False) if fits else (now, True)
    known = dict(zip(then_names, then, strict=True))
    taken = [name in known and known[name].shape == array.shape for name, array in zip(now_names, now, strict=True)]
    arrays = [known[name] if take else array for name, array, take in zip(now_names, now, taken, strict=True)]
    return arrays, bool(now) and not any(taken)


# ---- a branch -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Branch:
    """Where a branch begins.

    Attributes:
        state: of the fit.
        best: the best weights so far, in the order of the new model's variables; None where they count no longer.
    """

    state: FitState
    best: Groups | None


def branch_off(checkpoint: Checkpoint, stepper: Stepper, spec: RunSpec, *, parent: str) -> tuple[Branch, list[str]]:
    """Put a model where its parent was; also what the log should say.

    Args:
        checkpoint: of the parent.
        stepper: the branch's, at its first weights.
        spec: the branch's document.
        parent: the parent's id, for messages.

    Raises:
        EngineError: BAD_INPUT where the model has other weights, CONFLICT where nothing would be left to train.
    """
    state = branched_state(checkpoint, spec)
    best = None
    if checkpoint.best is not None and state.best.score is not None:
        names, kept = variable_names(stepper.settings)["model"], read_arrays(checkpoint.best)["model"]
        then_names = checkpoint.state.get(NAMES, {}).get("model")
        best = {"model": _weights(kept, then_names, stepper.state()["model"], names, parent)}
    lines = take_over(checkpoint, stepper, spec, parent=parent)
    return Branch(state, best), lines


def branched_state(checkpoint: Checkpoint, spec: RunSpec) -> FitState:
    """Where a branch goes on: step and epoch of its parent, the place in the epoch by the examples that were seen.

    Args:
        checkpoint: of the parent.
        spec: the branch's document.

    Raises:
        EngineError: CONFLICT where all its epochs are already done.
    """
    state = FitState.from_record(checkpoint.state)
    before = document_of(checkpoint) or spec
    check_epochs_left(checkpoint.state, spec)
    if spec.training.batch_size != before.training.batch_size:
        state = replace(state, skipped=state.skipped + state.batch * before.training.batch_size, batch=0)
    if any(getattr(spec.training, name) != getattr(before.training, name) for name in MEASURES):
        state = replace(state, best=BestEpoch(), first_loss=None, epoch_totals=Totals())
    elif spec.training.early_stopping.monitor != before.training.early_stopping.monitor:
        state = replace(state, best=BestEpoch())
    if state.done:  # it had ended, by its patience or its time: both are counted anew
        state = replace(state, done=False, seconds=0.0, best=replace(state.best, waited=0))
    return state
