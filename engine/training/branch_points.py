"""Where runs branch off: checkpoints kept in `<run>/branches/<step>/`, out of reach of pruning, gone only with the run.

Light to import: the side that asks for a branch holds no Keras.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, differences
from engine.text import N_
from engine.training.checkpoints import (
    Checkpoint,
    disk_error,
    is_whole,
    link,
    newest_path,
    place,
    read,
    read_state,
    sync,
)

BRANCHES = "branches"


def keep_newest(run_dir: Path) -> int | None:
    """Keep the newest whole checkpoint of a run that rests out of reach of pruning; its step, None where there is none.

    Its files are linked, not copied, where the disk can: they are never changed in place.
    """
    for _try in range(3):  # a run that begins again meanwhile may prune what is being linked
        found = newest_path(run_dir / "checkpoints")
        if found is None:
            return None
        final = run_dir / BRANCHES / found.name
        if is_whole(final):
            return int(final.name)
        partial = final.with_name(f".{final.name}-{os.getpid()}-{threading.get_ident()}.partial")
        try:
            partial.mkdir(parents=True)
            for file in sorted(found.iterdir()):
                link(file, partial / file.name)
            sync(partial)
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
            sync(final.parent)
        except FileNotFoundError:
            continue
        except OSError as error:
            if not is_whole(final):  # else another process was quicker
                raise disk_error(error, run_dir) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return int(final.name)
    return None


def branch_point(parent_dir: Path, step: int) -> Checkpoint:
    """The checkpoint that was kept of a parent for its branches.

    Raises:
        EngineError: NOT_FOUND where it is gone or not whole.
    """
    checkpoint = read(place(parent_dir / BRANCHES, step))
    if checkpoint is None:
        raise _missing(parent_dir, step)
    return checkpoint


def _missing(parent_dir: Path, step: int) -> EngineError:
    return EngineError(
        ErrorKind.NOT_FOUND,
        N_("The checkpoint at step {step} of the run {parent}, from which this one branches off, is not there."),
        hint=N_("Branch off again; the run that it comes from must not be deleted."),
        step=step,
        parent=parent_dir.name,
    )


def state_at(run_dir: Path, step: int) -> dict[str, Any]:
    """What the fit of a run remembered at a step that is kept for branches.

    Raises:
        EngineError: NOT_FOUND where the checkpoint is not there.
    """
    try:
        return read_state(place(run_dir / BRANCHES, step))
    except (OSError, ValueError) as error:
        raise _missing(run_dir, step) from error


def check_epochs_left(state: dict[str, Any], spec: RunSpec) -> None:
    """Refuse a branch that would have nothing to train.

    Args:
        state: of the parent's checkpoint.
        spec: the branch's document.

    Raises:
        EngineError: CONFLICT, saying how many epochs would be needed.
    """
    done = state["epoch"] - state["first_epoch"]
    if done >= spec.training.epochs:
        raise EngineError(
            ErrorKind.CONFLICT,
            N_("All {epochs} epochs of this document are already trained; the branch would have nothing to do."),
            hint=N_("Give it more: set the epochs to {more} or higher."),
            epochs=spec.training.epochs,
            more=done + 1,
        )


def check_same_data(parent: RunSpec, branch: RunSpec) -> None:
    """Refuse a branch on other data, another split or other preprocessing.

    Rows that were learned from would come back as rows to judge by, and weights would be given other inputs.

    Raises:
        EngineError: BAD_INPUT, naming the field.
    """
    for path in differences([parent, branch]):
        if path.startswith("data.") and path != "data.name":
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("A branch goes on with the data of its run; {field} cannot be changed in it."),
                hint=N_("Start a new run to train on other data, another split or other preprocessing."),
                field=path,
            )
