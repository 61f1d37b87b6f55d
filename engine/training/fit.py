"""The fit: epochs of compiled calls, with live figures, validation, checkpoints and an orderly end.

The loop itself is plain; what it decides by stands in `engine.training.callbacks`, how a step is computed in
`engine.training.steps`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from engine.specs import RunSpec
from engine.specs.training import TrainingSpec
from engine.training import checkpoints
from engine.training.averaging import momentum_at
from engine.training.branching import Branch
from engine.training.callbacks.clock import Clock
from engine.training.callbacks.divergence import DivergenceGuard
from engine.training.callbacks.early_stopping import score_of
from engine.training.callbacks.examples import example_records
from engine.training.callbacks.reporter import Reporter
from engine.training.callbacks.resources import Resources
from engine.training.context import Outcome, RunContext
from engine.training.keeping import Keeper
from engine.training.losses import build_loss, class_weights
from engine.training.pipeline import ChunkSize, ChunkStream, Encoded, Rows
from engine.training.schedules import rate_at
from engine.training.state import FitState
from engine.training.steps import Chunk, Stepper, Totals, predict_all
from engine.training.validation import Validation, validate

LIVE_EVERY_S = 0.25  # a person sees four changes a second; more would only load the store
FIRST_EXAMPLES = 512  # rows predicted before the first step: enough to choose from, done at once
LARGEST_PREDICT_BATCH = 1024


@dataclass(frozen=True)
class FitResult:
    """How a fit ended."""

    outcome: Outcome
    state: FitState


class Fit:
    """One run's training.

    Args:
        spec: the document.
        encoded: the rows.
        stepper: the compiled model with its optimizer.
        context: where figures go.
        resumed: a checkpoint of this run to go on from.
        parent: the last checkpoint of the run that this one continues.
        branch: where this one branched off from another.
        after_epoch: called with the number of the epoch that has ended and the steps until then.
    """

    def __init__(
        self,
        spec: RunSpec,
        encoded: Encoded,
        stepper: Stepper,
        context: RunContext,
        *,
        resumed: checkpoints.Checkpoint | None = None,
        parent: checkpoints.Checkpoint | None = None,
        branch: Branch | None = None,
        after_epoch: Callable[[int, int], None] | None = None,
    ) -> None:
        self._after_epoch = after_epoch
        self.spec, self.encoded, self.stepper, self.context = spec, encoded, stepper, context
        self.training = spec.training
        self.loss = build_loss(self.training.loss)
        self.weights = self._class_weights()
        self.state = FitState()
        self._keeper = Keeper(spec, stepper, context)
        self._resumed = resumed is not None
        if resumed is not None:
            stepper.load_state(resumed.groups)
            self.state = FitState.from_record(resumed.state)
            self._keeper.begin_with(checkpoints.read_arrays(resumed.best) if resumed.best is not None else None)
        elif branch is not None:
            self.state = branch.state
            self._keeper.begin_with(branch.best)
        elif parent is not None:
            self.state = FitState.after(FitState.from_record(parent.state))
        self._steps_per_epoch = max(1, -(-len(encoded.train) // self.training.batch_size))
        self._ahead = self._steps_by_place() - (self.state.step - self.state.first_step)
        stepper.settings.planned_steps = self._planned_steps
        self._guard = DivergenceGuard(self.state.first_loss)
        self._window = Totals()
        self._first_weights: list[np.ndarray] | None = None
        self._rate = 0.0
        self._reported = 0.0
        self._window_started = time.monotonic()

    # ---- the loop -------------------------------------------------------------------------------------------------
    def run(self) -> FitResult:
        """Train until the epochs, the patience or the time are over, or until someone asks to stop.

        Raises:
            EngineError: DIVERGED, OUT_OF_DISK.
        """
        with self._helpers():
            # The first figure comes first: the predictions of the first weights are worked out right after it.
            self._first_weights = None if self._resumed else self.stepper.state()["model"]
            stopped = False
            while not self.state.done and not stopped:
                stopped = self._epoch()
            if stopped:
                self._checkpoint()
            else:
                self._finish()
            self._keeper.wait()
        return FitResult(Outcome.STOPPED if stopped else Outcome.FINISHED, self.state)

    def _epoch(self) -> bool:
        """Train to the end of the epoch; True where a stop was asked for before it was reached."""
        state = self.state
        order = self.encoded.train.order(self.spec.seed, state.epoch)[state.skipped :]
        if self.training.max_steps:  # the epoch may end early
            order = order[: (state.batch + max(self._planned_steps - self._done, 0)) * self.training.batch_size]
        stream = ChunkStream(
            self.encoded.train,
            self.weights,
            order,
            batch_size=self.training.batch_size,
            first_batch=state.batch,
            steps=self._chunk_size,
        )
        try:
            for chunk in stream:
                self._train(chunk)
                if self._keeper.is_asked():
                    self._keeper.keep_for_branch(self._timed_state())
                if self.context.stop_requested():
                    return True
                if self._clock.is_over:
                    break
                self._checkpoint_if_due()
        finally:
            stream.close()
        self._end_epoch()
        return False

    def _train(self, chunk: Chunk) -> None:
        """One compiled call."""
        state, started = self.state, time.monotonic()
        done, updates = self._done, state.step - state.first_step
        peak = self.training.optimizer.learning_rate
        shares = self._shares(done, chunk.steps)
        rates = np.array([rate_at(self.training.schedule, peak, share) for share in shares], np.float32)
        momenta = [momentum_at(self.training.weight_averaging, updates + i) for i in range(chunk.steps)]
        sums = self.stepper.train(chunk, rates, np.array(momenta, np.float32), np.array(shares))
        seconds = time.monotonic() - started
        self._chunk_size.measured(chunk.steps, seconds)
        state.step += chunk.steps
        state.batch += chunk.steps
        state.epoch_totals.add(sums, chunk.steps)
        self._window.add(sums, chunk.steps)
        call = Totals()
        call.add(sums, chunk.steps)
        self._rate = float(rates[-1])
        self._guard.see(call.mean_loss, state.step, self._rate)
        state.first_loss = self._guard.first_loss
        self._report_if_due()
        if self._first_weights is not None:
            self._show_first_examples(self._first_weights)
            self._first_weights = None
            self._clock.restart()  # what was compiled until now is not training

    def _shares(self, done: int, steps: int) -> list[float]:
        """The share of the run that is done before each of the next steps, from which its schedule is drawn."""
        return self._clock.shares(done, steps)

    def _end_epoch(self) -> None:
        state, totals = self.state, self.state.epoch_totals
        if totals.steps:
            self._report_live()
        state.epoch += 1
        state.batch = state.skipped = 0
        values = {f"train_epoch/{name}": value for name, value in self._means(totals).items()}
        improved = True
        if len(self.encoded.validation):
            measured = self._validate()
            values |= {f"val/{name}": value for name, value in measured.metrics.items()}
            score, tie = score_of(self.training.early_stopping.monitor, values, rows=len(self.encoded.validation))
            delta = self.training.early_stopping.min_delta
            improved = state.best.see(state.epoch, score, tie, min_delta=delta)
            self._show_examples(measured, self.encoded.validation.positions)
        state.epoch_totals = Totals()
        self._reporter.metrics(state.step, lambda: values)
        self._reporter.log(_epoch_line(state.epoch, values))
        if improved and self.training.early_stopping.restore_best and len(self.encoded.validation):
            self._keeper.keep_best(self._weights_to_keep())
        if self._after_epoch is not None:
            self._after_epoch(state.epoch, state.step)
        state.done = self._is_over()
        self._report_progress()
        if not state.done:
            self._checkpoint_if_due(epoch_ended=True)

    def _is_over(self) -> bool:
        state = self.state
        if state.best.patience_is_over(self.training.early_stopping):
            self._reporter.log(
                f"Stopped after epoch {state.epoch}: no gain for {state.best.waited} epochs (best: {state.best.epoch})."
            )
            return True
        if self._clock.is_over:
            self._reporter.log(f"Stopped after {self._clock.spent_s:.1f} s: the time limit is reached.")
            return True
        return state.epoch - state.first_epoch >= self.training.epochs or self._done >= self._planned_steps

    @property
    def _done(self) -> int:
        """Steps of this run over all attempts; those before a branch changed the batch size in batches of now."""
        return self.state.step - self.state.first_step + self._ahead

    def _steps_by_place(self) -> int:
        """How many steps lie behind by the place in the epoch, as if all batches had been of the size of now."""
        state, batch = self.state, self.training.batch_size
        rows_left = max(len(self.encoded.train) - state.skipped - state.batch * batch, 0)
        return (state.epoch - state.first_epoch + 1) * self._steps_per_epoch - -(-rows_left // batch)

    @property
    def _planned_steps(self) -> int:
        """Steps that this run shall have, by its epochs and its limit."""
        return planned_steps(self.training, self._steps_per_epoch)

    def _finish(self) -> None:
        """Put the weights that are to be saved into the model, and keep a last checkpoint to continue from."""
        self._keeper.wait()
        best = self._keeper.best_file
        if best.exists() and self.training.early_stopping.restore_best:
            self.stepper.load_state(checkpoints.read_arrays(best))
            self._reporter.log(f"Took the weights of epoch {self.state.best.epoch}, the best on validation.")
        elif self.training.weight_averaging:
            self.stepper.load_state({"model": self._weights_to_keep()})
        self._checkpoint()

    # ---- weights --------------------------------------------------------------------------------------------------
    def _weights_to_keep(self) -> list[np.ndarray]:
        with self.stepper.averaged():
            return self.stepper.state()["model"]

    def _checkpoint(self) -> None:
        self._keeper.checkpoint(self._timed_state())

    def _checkpoint_if_due(self, *, epoch_ended: bool = False) -> None:
        if self._keeper.is_due(epoch_ended=epoch_ended):
            self._checkpoint()

    def _timed_state(self) -> FitState:
        self.state.seconds = self._clock.spent_s
        return self.state

    # ---- figures --------------------------------------------------------------------------------------------------
    def _report_if_due(self) -> None:
        if time.monotonic() - self._reported >= LIVE_EVERY_S:
            self._report_live()

    def _report_live(self) -> None:
        """The means since the last report."""
        if not self._window.steps:
            return
        now, window = time.monotonic(), self._window
        values = {f"train/{name}": value for name, value in self._means(window).items()}
        values["learning_rate"] = self._rate
        values["gradient_norm"] = window.norm
        values["samples_per_s"] = window.count / max(now - self._window_started, 1e-9)
        self._window, self._reported, self._window_started = Totals(), now, now
        self._reporter.metrics(self.state.step, lambda: {**values, **self._resources.read()}, live=True)
        self._report_progress()

    def _report_progress(self) -> None:
        done = self._done
        self._reporter.progress(
            epoch=self.state.epoch,
            step=self.state.step,
            total_steps=self.state.step + (0 if self.state.done else self._clock.total_steps(done) - done),
            seconds_left=0.0 if self.state.done else self._clock.seconds_left(done),
        )

    def _means(self, totals: Totals) -> dict[str, float]:
        if self.weights is not None:
            return {"loss": totals.mean_loss, "accuracy": totals.mean_metric}
        scaler = self.encoded.encoder.target_scaler
        means = {"loss": totals.mean_loss}
        if scaler is not None and scaler.method == "standard":  # only there one factor leads back to the target's unit
            means["rmse"] = float(np.sqrt(totals.mean_metric)) * float(scaler.numbers["deviation"])
        return means

    # ---- validation -----------------------------------------------------------------------------------------------
    def _validate(self) -> Validation:
        rows = self.encoded.validation
        with self.stepper.averaged():
            order = rows.by_length()
            outputs = predict_all(self.stepper, rows.batches(self._predict_batch, order))[np.argsort(order)]
        return self._measure(outputs, rows, np.arange(len(rows)))

    def _measure(self, outputs: np.ndarray, rows: Rows, indices: np.ndarray) -> Validation:
        truth = np.asarray(self.encoded.prepared.target)[rows.positions[indices]]
        return validate(outputs, rows.targets[indices], truth, self.encoded.encoder, self.loss, self.weights)

    def _show_first_examples(self, weights: list[np.ndarray]) -> None:
        rows = self.encoded.validation
        if not len(rows):
            return
        trained = self.stepper.state()["model"]
        self.stepper.load_state({"model": weights})
        drawn = np.random.default_rng(self.spec.seed).permutation(len(rows))[:FIRST_EXAMPLES]
        indices = np.sort(drawn)
        step = self._predict_batch
        parts = [self.stepper.predict(rows.take(indices[i : i + step])) for i in range(0, len(indices), step)]
        self.stepper.load_state({"model": trained})
        self._show_examples(self._measure(np.concatenate(parts), rows, indices), rows.positions[indices])

    def _show_examples(self, measured: Validation, positions: np.ndarray) -> None:
        prepared, seed = self.encoded.prepared, self.spec.seed
        self._reporter.examples(
            lambda: example_records(prepared, positions, measured.predictions, measured.losses, seed=seed)
        )

    # ---- set-up ---------------------------------------------------------------------------------------------------
    @contextmanager
    def _helpers(self) -> Iterator[None]:
        """The threads and clocks of a fit, closed in every case."""
        state = self.state
        self._reporter, self._resources = Reporter(self.context), Resources()
        self._keeper.open(self._reporter)
        self._clock = Clock(
            planned_steps=self._planned_steps,
            limit_s=self.training.max_train_time_s,
            spent_s=state.seconds,
            done_steps=self._done,
        )
        rows, batch = self.encoded.train, self.training.batch_size
        row_bytes = sum(value.nbytes for value in rows.take(np.array([0])).values())
        self._chunk_size = ChunkSize(fixed=self.training.steps_per_execution, bytes_a_step=row_bytes * batch)
        self._predict_batch = max(batch, min(LARGEST_PREDICT_BATCH, batch * 4))
        self._window_started = time.monotonic()
        failed = True
        try:
            yield
            failed = False
        finally:
            self._keeper.close()
            self._reporter.close(quiet=failed)

    def _class_weights(self) -> np.ndarray | None:
        if not self.spec.data.task.is_classification:
            return None
        classes = len(self.encoded.prepared.classes)
        mode, strength = self.training.class_weights, self.training.class_weight_strength
        return class_weights(mode, self.encoded.train.targets, classes, strength)


def planned_steps(training: TrainingSpec, steps_per_epoch: int) -> int:
    """The steps that a document asks for: those of its epochs, or its limit where that is less."""
    by_epochs = training.epochs * steps_per_epoch
    return min(by_epochs, training.max_steps) if training.max_steps else by_epochs


def _epoch_line(epoch: int, values: Mapping[str, float]) -> str:
    return f"epoch {epoch}: " + ", ".join(f"{name} {value:.4g}" for name, value in values.items())
