"""The accounts of a run: what it is expected to take, written before its first step, and what it took.

Both lie in `costs.json` of the run, so that a person can compare them; what it took is remembered by
`engine.models.costs`, so that the next estimate is better, and is written as the metrics `energy_wh` and
`peak_memory_bytes`.
"""

from __future__ import annotations

from math import prod
from types import TracebackType

from engine.models import costs
from engine.models.costs import CostEntry
from engine.models.flops import layer_flops
from engine.models.memory import available_bytes, training_bytes
from engine.models.speed import seconds_per_epoch
from engine.specs import RunSpec
from engine.specs.prediction import Cost, CostReport
from engine.store.artifacts import read_cost_file, write_costs
from engine.training.context import RunContext
from engine.training.metering import CostMeter
from engine.training.pipeline import Encoded
from engine.training.precision import gpu_count
from engine.training.state import FitState
from engine.training.steps import Stepper
from engine.whatif.estimate import Facts, estimate_from

SHORTEST_S = 1.0  # of training; below, a run tells more of compiling than of steps


class Accounts:
    """Measures from entering to leaving it.

    Args:
        spec: the document.
        context: of the run.
    """

    def __init__(self, spec: RunSpec, context: RunContext) -> None:
        self._spec, self._context = spec, context
        self._before = read_cost_file(context.run_dir)
        self._meter = CostMeter(gpus=gpu_count())

    def __enter__(self) -> Accounts:
        self._meter.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._meter.__exit__(kind, error, trace)

    def expect(self, encoded: Encoded, stepper: Stepper) -> None:
        """Write the estimate, once a run."""
        model = stepper.settings.core
        trainable = sum(prod(weight.shape) for weight in model.trainable_weights)
        self._flops = sum(layer_flops(layer) for layer in model.layers)
        fixed = model.count_params() - trainable
        self._model_bytes = training_bytes(model.layers, trainable, fixed, self._spec.training)
        if self._before.estimated is not None:
            return
        rows = len(encoded.train)
        facts = Facts(
            flops=self._flops,
            model_bytes=self._model_bytes,
            rows=rows,
            available_bytes=available_bytes(),
            seconds_per_epoch=seconds_per_epoch(self._spec.model.kind, self._flops, rows),
        )
        estimated = estimate_from(self._spec, facts, costs.entries())
        self._before = CostReport(run_id=self._context.run_dir.name, estimated=estimated)
        write_costs(self._context.run_dir, self._before)

    def close(self, state: FitState, *, finished: bool) -> None:
        """Write what was taken, that of earlier attempts included.

        Args:
            state: at the end of the fit.
            finished: False for a run that was stopped and may go on.
        """
        now = self._meter.cost()
        total = _sum(self._before.measured, now)
        write_costs(self._context.run_dir, self._before.model_copy(update={"measured": total}))
        if not finished:
            return
        measured = {"energy_wh": total.energy_wh, "peak_memory_bytes": total.memory_bytes}
        self._context.metrics(state.step, measured)
        steps = state.step - state.first_step
        if self._before.measured is None and steps > 0 and state.seconds >= SHORTEST_S:
            costs.record(self._entry(now, steps, state.seconds))

    def _entry(self, cost: Cost, steps: int, train_s: float) -> CostEntry:
        return CostEntry(
            design=costs.design_of(self._spec),
            family=self._spec.model.kind,
            flops=self._flops,
            model_bytes=self._model_bytes,
            batch_size=self._spec.training.batch_size,
            steps=steps,
            train_s=train_s,
            total_s=cost.seconds,
            memory_bytes=cost.memory_bytes,
            memory_before_bytes=self._meter.memory_before_bytes,
            joules=cost.energy_wh * 3600.0,
        )


def _sum(before: Cost | None, now: Cost) -> Cost:
    if before is None:
        return now
    return now.model_copy(
        update={
            "seconds": before.seconds + now.seconds,
            "energy_wh": before.energy_wh + now.energy_wh,
            "memory_bytes": max(before.memory_bytes, now.memory_bytes),
            "gpu_memory_bytes": max(before.gpu_memory_bytes, now.gpu_memory_bytes),
        }
    )
