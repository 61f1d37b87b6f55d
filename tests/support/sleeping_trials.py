"""A trial that sleeps instead of training: for measuring the loop of a search, and for testing what it survives.

Its score is a smooth function of its values, so that oracles have something to find; it sleeps as long as
`training.max_train_time_s` says, an equal share an epoch.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, flatten
from engine.training.context import TRAINING, Outcome

NOISE = 0.02
DIVERGES_ABOVE = 1.0  # learning rate


def execute(spec: RunSpec, context: Any) -> Outcome:
    """Pretend to train by a document; a learning rate above 1 diverges."""
    context.phase(TRAINING)
    rate = spec.training.optimizer.learning_rate
    epochs, final = spec.training.epochs, score_of(spec)
    curve: list[float] = []
    for epoch in range(1, epochs + 1):
        wake_at = time.monotonic() + spec.training.max_train_time_s / epochs
        while (left := wake_at - time.monotonic()) > 0:
            if context.stop_requested():
                context.result(_record(curve))
                return Outcome.STOPPED
            time.sleep(min(left, 0.25))
        if rate > DIVERGES_ABOVE:
            raise EngineError(
                ErrorKind.DIVERGED,
                "Training diverged at step {step}: the loss is no longer a number.",
                step=epoch,
            )
        curve.append(final * (1.0 - math.exp(-2.0 * epoch / epochs)))
        context.metrics(epoch, {"val/accuracy": curve[-1], "val/loss": 1.0 - curve[-1]})
        context.progress(epoch=epoch, step=epoch, total_steps=epochs, seconds_left=None)
    context.result(_record(curve))
    return Outcome.FINISHED


def score_of(spec: RunSpec) -> float:
    """Best at a learning rate of 0.01 and a dropout of 0.2; the seed adds a little noise."""
    rate = math.log10(spec.training.optimizer.learning_rate)
    text = json.dumps(flatten(spec.edit({"name": "", "parent_run": ""})), sort_keys=True, default=str)
    noise = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 16**8 - 0.5
    return 0.95 - 0.05 * (rate + 2.0) ** 2 - 0.3 * (spec.model.dropout - 0.2) ** 2 + NOISE * noise


def _record(curve: list[float]) -> dict[str, Any]:
    epochs = [{"val/accuracy": value, "val/loss": 1.0 - value} for value in curve]
    return {"curve": epochs, "objective": curve, "costs": {"parameters": 1000.0, "seconds": 0.01 * len(curve)}}
