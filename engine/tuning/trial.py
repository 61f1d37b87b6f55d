"""A trial in a worker: trained and validated as any run, but light.

No exported model, no test evaluation, no baselines, no examples, and no checkpoint at its end where no other trial goes
on from it; the test part is never looked at. What it came to is handed to the context after every epoch.
"""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from engine.specs import RunSpec
from engine.specs.search import HyperbandSearch
from engine.store.searches import objectives_of
from engine.store.trials import curves_of_ended_runs, load
from engine.text import N_
from engine.training.compiling import compiled_steps
from engine.training.context import BUILDING, PREPARING, TRAINING, Outcome, RunContext
from engine.training.failures import explained
from engine.training.fit import Fit, FitResult
from engine.training.job import train
from engine.training.pipeline import Encoded
from engine.training.steps import Stepper
from engine.training.warmth import encoded_data
from engine.tuning.median import is_worse_than_median

_LATENCY_CALLS = 20


class TrialContext(RunContext, Protocol):
    """What a trial says beside what every run says."""

    search_id: str
    trial: int

    def result(self, record: Mapping[str, Any]) -> None:
        """What the trial came to so far: "curve", "objective", "costs", "reason"; the newest one counts."""
        ...


def execute(spec: RunSpec, context: TrialContext) -> Outcome:
    """Do one run of a trial.

    Raises:
        EngineError: as `engine.training.job.execute`.
    """
    search = _search_of(context.search_id)
    with explained(spec):
        context.phase(PREPARING)
        encoded = encoded_data(spec.data).keep()
        if context.stop_requested():
            return Outcome.STOPPED
        context.phase(BUILDING)
        with compiled_steps(spec, encoded) as stepper:
            fit = functools.partial(_TrialFit, search=search, trial=context)
            context.phase(TRAINING)
            result = train(spec, encoded, stepper, context, fit=fit)  # type: ignore[arg-type]
            if result.outcome is Outcome.FINISHED:
                record = _record(result, search, context)
                record["costs"] = _costs(stepper, encoded, result, search)
                context.result(record)
    kept = search.search is not None and search.search.algorithm.kind == "hyperband"
    if result.outcome is Outcome.FINISHED and not kept:
        shutil.rmtree(context.run_dir / "checkpoints", ignore_errors=True)
    return result.outcome


class _TrialFit(Fit):
    """A fit that keeps little and may end early."""

    def __init__(self, *arguments: Any, search: RunSpec, trial: TrialContext, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._search, self._trial = search, trial
        self._kept = search.search is not None and search.search.algorithm.kind == "hyperband"
        self._first_examples = None
        self._metrics: dict[str, float] = {}

    def run(self) -> FitResult:
        """As any fit, but without first examples."""
        self._resumed = True
        return super().run()

    def _shares(self, done: int, steps: int) -> list[float]:
        """Hyperband: the schedule is drawn over all epochs of a bracket, so that a trial that goes on goes on in it."""
        algorithm = self._search.search.algorithm if self._search.search is not None else None
        if not isinstance(algorithm, HyperbandSearch):
            return super()._shares(done, steps)
        whole = algorithm.max_epochs * self._steps_per_epoch
        before = self.state.first_epoch * self._steps_per_epoch  # of the trials that this one goes on from
        return [min((before + done + i) / whole, 1.0) for i in range(steps)]

    def _validate(self) -> Any:
        self._train_means = self._means(self.state.epoch_totals)
        measured = super()._validate()
        self._metrics = {f"val/{name}": value for name, value in measured.metrics.items()}
        return measured

    def _is_over(self) -> bool:
        means = {f"train_epoch/{name}": value for name, value in self._train_means.items()}
        self.state.curve.append({**means, **self._metrics})
        over = super()._is_over()
        record = _record(FitResult(Outcome.FINISHED, self.state), self._search, self._trial)
        if not over and self._is_hopeless(record["objective"]):
            self._reporter.log(f"Stopped after epoch {self.state.epoch}: worse than the median of the other trials.")
            self.state.curve[-1]["stopped"] = 1.0
            record["reason"] = MEDIAN
            over = True
        self._trial.result(record)
        return over

    def _is_hopeless(self, curve: list[float]) -> bool:
        search = self._search.search
        if search is None or not search.median_stopping or search.algorithm.kind == "hyperband":
            return False  # Hyperband ends trials itself
        if len(curve) < search.median_grace_epochs:
            return False
        direction = objectives_of(self._search)[0][1]
        others = curves_of_ended_runs(self._trial.search_id, but_for=self._trial.trial)
        return is_worse_than_median(curve, others, direction, at_least=search.median_after_trials)

    def _show_examples(self, measured: Any, positions: np.ndarray) -> None:
        """None: a trial has no page of its own that shows them."""

    def _finish(self) -> None:
        """A trial whose weights nobody needs ends without a last checkpoint."""
        if self._kept:
            super()._finish()


MEDIAN = N_("It was worse than the median of the other trials.")


def _record(result: FitResult, search: RunSpec, context: TrialContext) -> dict[str, Any]:
    metric = objectives_of(search)[0][0]
    curve = result.state.curve
    record: dict[str, Any] = {
        "curve": [{key: value for key, value in epoch.items() if key != "stopped"} for epoch in curve],
        "objective": [epoch[metric] for epoch in curve if metric in epoch],
        "costs": {},
    }
    if curve and curve[-1].get("stopped"):
        record["reason"] = MEDIAN
    return record


def _costs(stepper: Stepper, encoded: Encoded, result: FitResult, search: RunSpec) -> dict[str, float]:
    """What the trial's model costs; latency and operations only where they are asked for, they take time themselves."""
    wanted = {metric for metric, _ in objectives_of(search)}
    model = stepper.settings.core
    costs = {"parameters": float(model.count_params()), "seconds": float(result.state.seconds)}
    if "flops" in wanted:
        from engine.models.flops import layer_flops

        costs["flops"] = float(sum(layer_flops(layer) for layer in model.layers))
    if "memory_bytes" in wanted:
        state = stepper.state()
        costs["memory_bytes"] = float(sum(array.nbytes for arrays in state.values() for array in arrays))
    if "latency_ms" in wanted:
        costs["latency_ms"] = _latency_ms(stepper, encoded)
    return costs


def _latency_ms(stepper: Stepper, encoded: Encoded) -> float:
    """The median time of a prediction of one example, milliseconds."""
    one = encoded.validation.take(np.array([0])) if len(encoded.validation) else encoded.train.take(np.array([0]))
    stepper.predict(one)  # the first call of a shape is traced
    seconds = []
    for _ in range(_LATENCY_CALLS):
        started = time.perf_counter()
        stepper.predict(one)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) * 1000.0


@functools.lru_cache(maxsize=8)
def _search_of(search_id: str) -> RunSpec:
    """The document of a search; it never changes."""
    return load(search_id).spec
