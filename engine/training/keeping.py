"""What a fit keeps on disk: checkpoints, the best weights, and checkpoints that branches begin from."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from engine.specs import RunSpec
from engine.training import checkpoints
from engine.training.branch_points import BRANCHES
from engine.training.branching import about
from engine.training.callbacks.reporter import Reporter
from engine.training.callbacks.writer import Writer
from engine.training.checkpoints import Groups
from engine.training.context import RunContext
from engine.training.state import FitState
from engine.training.steps import Stepper


class Keeper:
    """Copies the state at once and writes it in a thread, so that the fit goes on while the disk works.

    Args:
        spec: the document.
        stepper: what is copied.
        context: whose folder is written to, and who may ask for a checkpoint.
    """

    def __init__(self, spec: RunSpec, stepper: Stepper, context: RunContext) -> None:
        self._spec, self._stepper, self._context = spec, stepper, context
        self._folder = context.run_dir / "checkpoints"
        self.best_file = self._folder / checkpoints.BEST
        self._kept_for = 0  # the newest request for a checkpoint that was seen
        self._checkpointed = time.monotonic()

    def begin_with(self, best: Groups | None) -> None:
        """Take the best weights so far; those on disk may be of an epoch that will be trained once more."""
        self.best_file.unlink(missing_ok=True)
        if best is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            checkpoints.write_arrays(self.best_file, best)

    def open(self, reporter: Reporter) -> None:
        """Begin to write."""
        self._reporter, self._writer = reporter, Writer()
        self._checkpointed = time.monotonic()

    def wait(self) -> None:
        """Until all is written."""
        self._writer.wait()

    def close(self) -> None:
        """Write what is waiting, then end."""
        self._writer.close()

    def is_due(self, *, epoch_ended: bool = False) -> bool:
        """Whether it is time for a checkpoint."""
        every_s = self._spec.training.checkpoint_every_s
        if not epoch_ended and not every_s:
            return False
        return time.monotonic() - self._checkpointed >= every_s and not self._writer.busy

    def checkpoint(self, state: FitState) -> None:
        """Write a checkpoint; the two newest are kept."""
        self._checkpointed = time.monotonic()
        groups, record, step = self._stepper.state(), self._record(state), state.step

        def write() -> None:
            path = checkpoints.write(self._folder, step, groups, record, best=self.best_file)
            self._reporter.checkpoint_saved(path)

        self._writer.put(write)

    def is_asked(self) -> bool:
        """Whether someone waits for a checkpoint to branch off from."""
        return self._context.checkpoint_requested() > self._kept_for

    def keep_for_branch(self, state: FitState) -> None:
        """Keep a checkpoint for branches; the run itself goes on as if nothing had been."""
        request = self._kept_for = self._context.checkpoint_requested()
        groups, record, step = self._stepper.state(), self._record(state), state.step

        def write() -> None:
            folder = self._context.run_dir / BRANCHES
            if not checkpoints.is_whole(checkpoints.place(folder, step)):  # two may ask at the same step
                checkpoints.write(folder, step, groups, record, best=self.best_file, keep_all=True)
            self._reporter.checkpoint_kept(request, step)

        self._writer.put(write)

    def keep_best(self, weights: list[np.ndarray]) -> None:
        """Write the weights of the best epoch so far."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._writer.put(lambda: checkpoints.write_arrays(self.best_file, {"model": weights}))

    def _record(self, state: FitState) -> dict[str, Any]:
        return state.to_record() | about(self._stepper, self._spec)
