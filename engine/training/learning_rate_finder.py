"""Learning-rate range test (Smith 2017, section 3.3): one short run in which the rate rises from tiny to too large."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from engine.specs import RunSpec
from engine.training.compiling import compiled_steps
from engine.training.failures import explained
from engine.training.losses import class_weights
from engine.training.pipeline import Encoded, epoch_order
from engine.training.steps import Chunk, Stepper
from engine.training.warmth import encoded_data

LOWEST, HIGHEST = 1e-6, 10.0
MOST_STEPS = 200
FEWEST_STEPS = 30
# The loss curve is smoothed and the test ends where it has risen to this many times its lowest (fast.ai's figures).
SMOOTHING = 0.9
END_AT = 4.0
LIMIT_S = 25.0
# At the lowest rates nothing is learned yet: these steps show the loss that training begins with.
PLATEAU_STEPS = 10
SMALLEST_FALL = 0.02


def find_learning_rate(spec: RunSpec) -> dict[str, Any]:
    """Try rising learning rates on a document.

    Returns:
        `learning_rates` and `losses` (smoothed) of the same length, and `suggestion`: the rate where the loss falls,
        or the document's own where it never does.

    Raises:
        EngineError: as for a run.
    """
    with explained(spec):
        encoded = encoded_data(spec.data).keep()
        with compiled_steps(spec, encoded) as stepper:
            rates, losses = range_test(spec, encoded, stepper)
    suggestion = suggest(rates, losses)
    return {
        "learning_rates": rates.tolist(),
        "losses": losses.tolist(),
        "suggestion": spec.training.optimizer.learning_rate if suggestion is None else suggestion,
    }


def range_test(spec: RunSpec, encoded: Encoded, stepper: Stepper) -> tuple[np.ndarray, np.ndarray]:
    """One step a rate, rates evenly spaced by factor; ends early where the loss has clearly risen or time is over."""
    rows, batch = encoded.train, spec.training.batch_size
    rates = np.geomspace(LOWEST, HIGHEST, MOST_STEPS)
    weights = None
    if spec.data.task.is_classification:
        training = spec.training
        weights = class_weights(
            training.class_weights, rows.targets, len(encoded.prepared.classes), training.class_weight_strength
        )
    smoothed: list[float] = []
    average, lowest, started = 0.0, math.inf, time.monotonic()
    for step, rate in enumerate(rates):
        indices = _batch(spec.seed, step, len(rows), batch)
        targets = rows.targets[indices]
        ones = np.ones(len(indices), np.float32) if weights is None else weights[targets]
        chunk = Chunk(rows.take(indices), targets, ones, batch)
        sums = stepper.train(chunk, np.array([rate], np.float32), np.zeros(1, np.float32))
        loss = float(sums[0] / sums[1])
        if not math.isfinite(loss):
            break
        average = SMOOTHING * average + (1.0 - SMOOTHING) * loss
        smoothed.append(average / (1.0 - SMOOTHING ** (step + 1)))  # without the pull of the zero it began at
        lowest = min(lowest, smoothed[-1])
        out_of_time = time.monotonic() - started > LIMIT_S
        if step >= FEWEST_STEPS and (smoothed[-1] > END_AT * lowest or out_of_time):
            break
    return rates[: len(smoothed)], np.array(smoothed)


def suggest(rates: np.ndarray, losses: np.ndarray) -> float | None:
    """The rate where the loss has come half the way down from its plateau to its lowest; None where it never falls.

    That is about where it falls most steeply, but unlike a slope it is not fooled by the noise of single batches.
    """
    if len(losses) < PLATEAU_STEPS + 2:
        return None
    plateau = float(np.median(losses[:PLATEAU_STEPS]))
    lowest = int(np.argmin(losses))
    fall = plateau - float(losses[lowest])
    if lowest < PLATEAU_STEPS or fall < SMALLEST_FALL * abs(plateau):
        return None
    first = int(np.argmax(losses[: lowest + 1] <= plateau - 0.5 * fall))
    return float(rates[first])


def _batch(seed: int, step: int, rows: int, batch: int) -> np.ndarray:
    """The rows of a step: epochs one after the other where there are few rows."""
    steps_per_epoch = max(1, rows // batch)
    first = (step % steps_per_epoch) * batch
    return epoch_order(seed, step // steps_per_epoch, rows)[first : first + batch]
