"""One probe: a short, complete training of a document that says as early as it can what its curves look like.

It saves nothing and makes no run. Calls of the compiled step are laid out by the budget alone, never by the clock, so
that the same document with the same seed gives the same curves bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np

from engine.specs import RunSpec
from engine.specs.probe import ProbeBudget
from engine.training.averaging import momentum_at
from engine.training.callbacks.divergence import DivergenceGuard
from engine.training.compiling import compilations, compiled_steps
from engine.training.failures import explained
from engine.training.fit import LARGEST_PREDICT_BATCH, planned_steps
from engine.training.losses import build_loss, class_weights
from engine.training.pipeline import Encoded
from engine.training.schedules import rate_at
from engine.training.steps import Chunk, Stepper, Totals, predict_all
from engine.training.validation import validate
from engine.training.warmth import encoded_data

VALIDATION_ROWS = 1024  # of the validation part, the same for every probe of it
POINTS = 30  # of the train curve
VALIDATIONS = 5  # evenly spaced, the last one at the end
LONGEST_CALL = 8  # steps: whoever turns a knob on does not wait for the probe before


class Report(Protocol):
    """What a probe says to the world; calls return at once."""

    def begin(self, *, total_steps: int, traced: bool) -> None:
        """The program is there; `traced`: it had to be compiled for this probe."""

    def values(self, step: int, values: Mapping[str, float]) -> None:
        """Values after `step` steps by curve: "train/loss", "val/accuracy"…"""

    def cut_off(self) -> None:
        """The seconds of the budget were over before its steps."""


def run_probe(spec: RunSpec, budget: ProbeBudget, report: Report, cancelled: Callable[[], bool]) -> bool:
    """Train a document within a budget.

    Args:
        spec: the document as it was asked for.
        budget: laid over it.
        report: where curves go.
        cancelled: asked after every call of the compiled step.

    Returns:
        True where it came to its end, False where it was cancelled.

    Raises:
        EngineError: as for a run; DIVERGED is an answer too.
    """
    bounded = budget.lay_over(spec)
    with explained(bounded):
        encoded = encoded_data(bounded.data).keep()
        if cancelled():
            return False
        before = compilations()
        with compiled_steps(bounded, encoded) as stepper:
            return _Probe(bounded, budget, encoded, stepper, report, cancelled, before).run()


class _Probe:
    def __init__(
        self,
        spec: RunSpec,
        budget: ProbeBudget,
        encoded: Encoded,
        stepper: Stepper,
        report: Report,
        cancelled: Callable[[], bool],
        compilations_before: int,
    ) -> None:
        self._spec, self._budget, self._encoded, self._stepper = spec, budget, encoded, stepper
        self._report, self._cancelled = report, cancelled
        training = spec.training
        per_epoch = max(1, -(-len(encoded.train) // training.batch_size))
        self._total = stepper.settings.planned_steps = planned_steps(training, per_epoch)
        self._traced = compilations() > compilations_before
        self._loss = build_loss(training.loss)
        self._weights: np.ndarray | None = None
        if spec.data.task.is_classification:
            mode, strength = training.class_weights, training.class_weight_strength
            self._weights = class_weights(mode, encoded.train.targets, len(encoded.prepared.classes), strength)
        self._shown = _subset(len(encoded.validation))
        self._guard = DivergenceGuard()

    def run(self) -> bool:
        self._report.begin(total_steps=self._total, traced=self._traced)
        window, step, started = Totals(), 0, 0.0
        due, validations = _points(self._total), _validations(self._total)
        for chunk in self._chunks():
            shares = np.arange(step, step + chunk.steps) / self._total
            rates, momenta = self._rates(step, chunk.steps), self._momenta(step, chunk.steps)
            sums = self._stepper.train(chunk, rates, momenta, shares)
            started = started or time.monotonic()  # the first call may compile: that is not training
            step += chunk.steps
            window.add(sums, chunk.steps)
            self._guard.see(window.mean_loss, step, float(self._rates(step - 1, 1)[0]))
            if step in due:
                self._report.values(step, {f"train/{name}": value for name, value in self._means(window).items()})
                window = Totals()
            if self._cancelled():
                return False
            over = bool(self._budget.seconds) and time.monotonic() - started > self._budget.seconds
            if step in validations or over:
                self._validate(step)
                if self._cancelled():
                    return False
            if over and step < self._total:
                self._report.cut_off()
                return True
        return True

    def _chunks(self) -> Iterator[Chunk]:
        """The batches of the run, so many a call as the layout says: calls end where points are due."""
        rows, batch, step, epoch = self._encoded.train, self._spec.training.batch_size, 0, 0
        stops = sorted(_points(self._total) | _validations(self._total))
        while step < self._total:
            order = rows.order(self._spec.seed, epoch)
            first = 0
            while first < len(order) and step < self._total:
                stop = next(place for place in stops if place > step)
                count = min(stop - step, LONGEST_CALL, -(-(len(order) - first) // batch))
                indices = order[first : first + count * batch]
                targets = rows.targets[indices]
                weights = np.ones(len(indices), np.float32) if self._weights is None else self._weights[targets]
                yield Chunk(rows.take(indices), targets, weights, batch)
                first += count * batch
                step += count
            epoch += 1

    def _rates(self, step: int, count: int) -> np.ndarray:
        training = self._spec.training
        peak = training.optimizer.learning_rate
        return np.array([rate_at(training.schedule, peak, (step + i) / self._total) for i in range(count)], np.float32)

    def _momenta(self, step: int, count: int) -> np.ndarray:
        momentum = self._spec.training.weight_averaging
        return np.array([momentum_at(momentum, step + i) for i in range(count)], np.float32)

    def _means(self, totals: Totals) -> dict[str, float]:
        if self._weights is not None:
            return {"loss": totals.mean_loss, "accuracy": totals.mean_metric}
        return {"loss": totals.mean_loss}

    def _validate(self, step: int) -> None:
        """Metrics on a fixed part of the validation rows."""
        rows, shown = self._encoded.validation, self._shown
        if not len(shown):
            return
        size = LARGEST_PREDICT_BATCH
        with self._stepper.averaged():
            batches = (rows.take(shown[i : i + size]) for i in range(0, len(shown), size))
            outputs = predict_all(self._stepper, batches)
        if not np.isfinite(outputs).all():
            self._guard.see(float("nan"), step, float(self._rates(step - 1, 1)[0]))
        truth = np.asarray(self._encoded.prepared.target)[rows.positions[shown]]
        measured = validate(outputs, rows.targets[shown], truth, self._encoded.encoder, self._loss, self._weights)
        self._report.values(step, {f"val/{name}": value for name, value in measured.metrics.items()})


def _subset(rows: int) -> np.ndarray:
    """The same rows for every probe, whatever its seed: what differs must not be the question."""
    if rows <= VALIDATION_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).permutation(rows)[:VALIDATION_ROWS])


def _points(total: int) -> set[int]:
    """The steps after which the train curve has a point: the first, then evenly, and the last."""
    return {1, total} | {round(total * i / POINTS) for i in range(1, POINTS) if round(total * i / POINTS) > 0}


def _validations(total: int) -> set[int]:
    return {max(1, round(total * i / VALIDATIONS)) for i in range(1, VALIDATIONS + 1)}
