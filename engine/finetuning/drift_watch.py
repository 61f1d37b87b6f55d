"""How far the body has moved, written after each epoch, so that a person sees it move while it trains."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from engine.finetuning.drift import Reference, parts_of, relative_drift, source_variables, untouched
from engine.specs import RunSpec
from engine.specs.finetuning_records import DriftPoint
from engine.store.finetuning import read_drift_file, write_drift

if TYPE_CHECKING:
    from engine.training.context import RunContext
    from engine.training.pipeline import Encoded


class DriftWatch:
    """Adds a point to `drift.json` when an epoch has ended.

    Args:
        spec: the document.
        core: the model at work.
        encoded: its data.
        context: whose folder is written to.
    """

    def __init__(self, spec: RunSpec, core: keras.Model, encoded: Encoded, context: RunContext) -> None:
        self._spec, self._core, self._encoded, self._context = spec, core, encoded, context
        self._reference = cache(self._first)
        self._given_up = False

    def epoch_ended(self, epoch: int, step: int) -> None:
        """Measure and write; an epoch that is done once more after a kill takes the place of the first.

        Where it cannot be measured the log says so once, and the training goes on.
        """
        if self._given_up:
            return
        try:
            self._measure(epoch, step)
        except Exception as error:  # noqa: BLE001 - a figure beside the training must not cost it
            self._given_up = True
            self._context.log(f"The drift of the body is not followed: {type(error).__name__}: {error}")

    def _measure(self, epoch: int, step: int) -> None:
        point = DriftPoint(
            epoch=epoch, step=step, blocks=relative_drift(self._core, self._reference), ranks=ranks(self._core)
        )
        before = [one for one in read_drift_file(self._context.run_dir) if one.epoch < epoch]
        write_drift(self._context.run_dir, [*before, point])

    def _first(self) -> Reference:
        """The source's numbers for what learns, read anew: where a run goes on, its first weights are long gone."""
        wanted = set(source_variables(self._core))
        base = untouched(self._spec, self._encoded.encoder)
        return {v.path: numbers_of(v) for v in base.variables if v.path in wanted}


def numbers_of(variable: Any) -> NDArray[Any]:
    """A variable's numbers, copied."""
    return np.array(keras.ops.convert_to_numpy(variable.value))


def ranks(core: keras.Model) -> dict[str, int]:
    """The rank that is left of each matrix where a method shares out ranks; empty where none does."""
    found = {}
    for layer in core.layers:
        for part in parts_of(layer):
            change = getattr(part, "change", None)
            left = getattr(change, "rank_left", None)
            if left is not None:
                found[part.path] = int(left() if callable(left) else left)
    return found
