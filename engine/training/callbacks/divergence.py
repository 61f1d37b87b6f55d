"""Ends a run whose loss is no longer a number or has exploded, and says what to try."""

from __future__ import annotations

import math

from engine.errors import EngineError, ErrorKind
from engine.text import N_

# A loss that stays this many times above where the run began will not come back by itself; a single spike may.
EXPLOSION = 100.0
PATIENCE_CALLS = 3


class DivergenceGuard:
    """Sees the mean loss of every compiled call."""

    def __init__(self, first_loss: float | None = None) -> None:
        self.first_loss = first_loss  # kept in checkpoints, so that a resumed run is measured against its true start
        self._above = 0

    def see(self, loss: float, step: int, learning_rate: float) -> None:
        """Take note of a loss.

        Raises:
            EngineError: DIVERGED where it is NaN or infinite, or has been far above the first one for several calls.
        """
        if not math.isfinite(loss):
            raise EngineError(
                ErrorKind.DIVERGED,
                N_("Training diverged at step {step}: the loss is no longer a number."),
                hint=N_(
                    "Lower the learning rate (it was {learning_rate}), for example to a tenth; "
                    "turn gradient clipping on; or use float32 precision."
                ),
                step=step,
                learning_rate=f"{learning_rate:.2g}",
            )
        if self.first_loss is None:
            self.first_loss = loss
        self._above = self._above + 1 if loss > EXPLOSION * max(self.first_loss, 1.0) else 0
        if self._above >= PATIENCE_CALLS:
            raise EngineError(
                ErrorKind.DIVERGED,
                N_("Training diverged at step {step}: the loss grew from {first} to {loss}."),
                hint=N_(
                    "Lower the learning rate (it was {learning_rate}), for example to a tenth; "
                    "turn gradient clipping on; or begin with a longer warm-up."
                ),
                step=step,
                first=f"{self.first_loss:.3g}",
                loss=f"{loss:.3g}",
                learning_rate=f"{learning_rate:.2g}",
            )
