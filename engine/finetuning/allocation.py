"""Who gets how much of AdaLoRA's budget of ranks (Zhang et al. 2023, sections 3.2 and 3.3).

The schedule is worked out on the host, step by step; importance and ranks inside the compiled step, on the gradients
that are there anyway. Agrees with the PEFT library on the same weights and gradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from engine.finetuning.methods.adalora import Singular
from engine.specs import RunSpec
from engine.specs.finetuning import AdaLora
from engine.specs.models.pretrained import PretrainedSpec

KEEP_ALL = -1  # nothing is cut in this step
COLUMNS = 2  # of a step's plan: how many λ are set to 0, and whether importance is still learned


@dataclass(frozen=True)
class Schedule:
    """The cubic schedule of the budget (section 3.3).

    Attributes:
        initial: ranks of all matrices together, at first.
        target: at the end.
        steps: of the run.
        warmup_steps: with all ranks.
        final_steps: with the ranks fixed.
        interval_steps: ranks are shared out anew in every so-manieth step.
    """

    initial: int
    target: int
    steps: int
    warmup_steps: int
    final_steps: int
    interval_steps: int

    def at(self, step: int) -> tuple[int, bool]:
        """How many λ to set to 0 after step `step` (the first is 1), and whether importance is learned in it."""
        fixed_from = self.steps - self.final_steps
        if step <= self.warmup_steps:
            return KEEP_ALL, step < fixed_from
        if step >= fixed_from:
            return self.initial - self.target, False
        if step % self.interval_steps:
            return KEEP_ALL, True
        left = 1.0 - (step - self.warmup_steps) / (fixed_from - self.warmup_steps)
        return self.initial - int((self.initial - self.target) * left**3 + self.target), True


class Allocator:
    """Importance and ranks of all matrices of a model.

    Args:
        changes: of all tuned matrices.
        spec: the method's settings.
    """

    def __init__(self, changes: list[Singular], spec: AdaLora) -> None:
        self.changes, self._spec = changes, spec
        self._smooth = (spec.beta_1, spec.beta_2)

    @property
    def learning(self) -> list[Any]:
        """P, λ and Q of each matrix."""
        return [variable for change in self.changes for variable in (change.p, change.values, change.q)]

    @property
    def resting(self) -> list[Any]:
        """Importance and uncertainty of P, λ and Q, and what is kept, of each matrix."""
        return [variable for change in self.changes for variable in (*change.statistics, change.kept)]

    def schedule(self, steps: int) -> Schedule:
        """The budget over a run of so many steps."""
        spec, count = self._spec, len(self.changes)
        return Schedule(
            initial=spec.initial_rank * count,
            target=spec.rank * count,
            steps=steps,
            warmup_steps=round(spec.warmup_fraction * steps),
            final_steps=round(spec.final_fraction * steps),
            interval_steps=spec.interval_steps,
        )

    def plan(self, shares: np.ndarray, steps: int) -> np.ndarray:
        """What to do after some steps `(n, COLUMNS)`.

        Args:
            shares: how much of the run is done before each `(n,)`.
            steps: of the whole run; 0 where that is not known: nothing is cut then.
        """
        if not steps:
            return np.tile(np.array([KEEP_ALL, 1.0], np.float32), (len(shares), 1))
        schedule = self.schedule(steps)
        return np.array([schedule.at(round(share * steps) + 1) for share in shares], np.float32)

    def updated(self, values: list[Any], gradients: list[Any], resting: list[Any], cut: Any, learns: Any) -> Any:
        """New λ, and new numbers of `resting`, after a step.

        Args:
            values: of `learning`, after the update.
            gradients: of `learning`, by which it was made.
            resting: of `resting`.
            cut: how many λ are set to 0, less than 0 for none.
            learns: whether importance is learned in this step.
        """
        singles, scores, kept = [], [], []
        for number in range(len(self.changes)):
            place, behind = 3 * number, 7 * number
            numbers = [
                self._learned(
                    values[place + i], gradients[place + i], resting[behind + 2 * i : behind + 2 * i + 2], learns
                )
                for i in range(3)
            ]
            kept += [each for pair in numbers for each in pair] + [resting[behind + 6]]
            p, single, q = (importance * uncertainty for importance, uncertainty in numbers)
            scores.append(single + ops.mean(p, axis=0) + ops.mean(q, axis=1))  # (rank,), equation 8
            singles.append(values[place + 1])
        # A step's plan may cut none: then the threshold lies below all scores, and what was kept stays so.
        ranked = ops.sort(ops.concatenate(scores))
        cuts, some = ops.cast(cut, "int32"), cut > 0.5
        threshold = ops.where(some, ops.take(ranked, ops.maximum(cuts - 1, 0)), -1.0)
        shared = cut > -0.5
        for number, score in enumerate(scores):
            stays = ops.cast(score > threshold, singles[number].dtype)
            singles[number] = ops.where(shared, singles[number] * stays, singles[number])
            kept[7 * number + 6] = ops.where(shared, stays, kept[7 * number + 6])
        return singles, kept

    def _learned(self, value: Any, gradient: Any, before: list[Any], learns: Any) -> tuple[Any, Any]:
        """Smoothed sensitivity |w · g| and its smoothed uncertainty (equations 9 to 11)."""
        beta_1, beta_2 = self._smooth
        importance, uncertainty = before
        sensitivity = ops.absolute(value * ops.cast(gradient, value.dtype))
        smooth = beta_1 * importance + (1.0 - beta_1) * sensitivity
        apart = beta_2 * uncertainty + (1.0 - beta_2) * ops.absolute(sensitivity - smooth)
        return ops.where(learns, smooth, importance), ops.where(learns, apart, uncertainty)


def allocator_of(spec: RunSpec, core: keras.Model) -> Allocator | None:
    """The allocator of a document's model; None for other methods."""
    if not isinstance(spec.model, PretrainedSpec) or not isinstance(spec.model.method, AdaLora):
        return None
    parts = [part for layer in core.layers for part in layer._flatten_layers(include_self=True, recursive=True)]
    changes = [part.change for part in parts if isinstance(getattr(part, "change", None), Singular)]
    return Allocator(changes, spec.model.method)
