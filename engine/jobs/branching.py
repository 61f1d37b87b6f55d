"""Turning a knob in the middle of a run: its checkpoint is kept, and a new run goes on from there beside it.

Imports neither Ray nor Keras.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.jobs.client import ask, ensure_engine, submit
from engine.specs import RunSpec, RunStatus, differences
from engine.specs.records import RunRecord
from engine.store import branches
from engine.store.home import run_dir
from engine.store.runs import get_run
from engine.text import N_
from engine.training.branch_points import check_epochs_left, check_same_data, keep_newest, state_at
from engine.training.context import EVALUATING

KEEP_TIMEOUT_S = 20.0  # a call of the compiled step takes a tenth of a second; a long validation may lie in between
_LOOK_EVERY_S = 0.05
_MODEL_CHECK_S = 10.0
_LONGEST_NAME = 200
_CHANGES_MODEL = ("model.", "training.frozen_layers")


def branch(run_id: str, changes: Mapping[str, Any], *, token: str = "", timeout_s: float = KEEP_TIMEOUT_S) -> str:
    """Enter a run that goes on from where another is now, under its document with some fields changed.

    Args:
        run_id: of a run that is at work, or of one that rests and has a checkpoint.
        changes: dotted path → value; what keeps the weights' shapes and the data.
        token: of the form; the same one never makes a second branch.
        timeout_s: how long to wait for the running run's checkpoint.

    Returns:
        The id of the new run, which waits in the queue until a worker is free.

    Raises:
        EngineError: BAD_INPUT for a change that does not fit, CONFLICT where there is nothing to go on from or nothing
            left to train, UNAVAILABLE where the running run did not come to a checkpoint in time.
    """
    if known := branches.run_of_form(token):
        return known
    parent = get_run(run_id)
    spec = parent.spec.edit(changes)
    check_same_data(parent.spec, spec)
    changed = [path for path in differences([parent.spec, spec]) if path not in ("name", "parent_run", "branch_step")]
    _check_model(parent.spec, spec, changed)
    step = _kept_step(parent, time.monotonic() + timeout_s, timeout_s)
    check_epochs_left(state_at(run_dir(parent.id), step), spec)
    name = spec.name if "name" in changes else _name(parent, spec, changed, step)
    return submit(spec.edit({"parent_run": parent.id, "branch_step": step, "name": name}), token=token)


def _check_model(before: RunSpec, spec: RunSpec, changed: Iterable[str]) -> None:
    """Refuse other layers at once where the engine can say so; else the branch's worker does."""
    if not any(path.startswith(_CHANGES_MODEL) for path in changed):
        return
    documents = {"spec": spec.model_dump(mode="json"), "parent": before.model_dump(mode="json")}
    try:
        fits = ask("same_weights", documents, timeout_s=_MODEL_CHECK_S)["fits"]
    except EngineError as error:
        if error.kind is not ErrorKind.UNAVAILABLE:
            raise
        return
    if not fits:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("With these changes the model has other weights, so that it cannot go on with those of the run."),
            hint=N_("Change what leaves the weights as they are (dropout, say), or start a new run."),
        )


def _kept_step(parent: RunRecord, deadline: float, timeout_s: float) -> int:
    """The step of the checkpoint to branch off from: taken now where the run is at work, else its newest one."""
    number = None if _rests(parent) else branches.ask(parent.id)
    if number is None:
        return _newest_step(get_run(parent.id))
    while True:
        answer = branches.answer_to(parent.id, number)
        if answer.step is not None:
            return answer.step
        now = get_run(parent.id)
        if _rests(now):
            branches.withdraw(parent.id, number)
            return _newest_step(now)
        if time.monotonic() >= deadline:
            break
        ensure_engine()
        time.sleep(_LOOK_EVERY_S)
    branches.withdraw(parent.id, number)
    raise EngineError(
        ErrorKind.UNAVAILABLE,
        N_("{name} did not come to a checkpoint within {timeout_s} s."),
        hint=N_("It may still be preparing its data or validating; try again in a moment."),
        name=parent.name,
        timeout_s=round(timeout_s, 1),
    )


def _rests(run: RunRecord) -> bool:
    """Whether nothing more is written to a run's checkpoints."""
    return run.status is not RunStatus.RUNNING or run.phase == EVALUATING


def _newest_step(run: RunRecord) -> int:
    step = keep_newest(run_dir(run.id))
    if not step:
        raise EngineError(
            ErrorKind.CONFLICT,
            N_("{name} has no checkpoint yet to branch off from."),
            hint=N_("Let it train for a few steps first."),
            name=run.name,
        )
    return step


def _name(parent: RunRecord, spec: RunSpec, changed: list[str], step: int) -> str:
    """The parent's name and what was changed, as a script would write it."""
    leaves = differences([parent.spec, spec])
    tweaks = [f"{path.rpartition('.')[2]}={leaves[path][1]}" for path in changed if leaves[path][1] is not None]
    return f"{parent.name} / {', '.join(tweaks) or step}"[:_LONGEST_NAME]
