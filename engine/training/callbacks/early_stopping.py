"""Remembers the best epoch and says when to stop (Prechelt 1998: stop after `patience` epochs without a gain)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.specs.training import EarlyStopping

# Below this many validation rows an accuracy moves in steps so coarse that the smoother loss picks better epochs.
ROWS_FOR_ACCURACY = 1000


@dataclass
class BestEpoch:
    """The best validation result so far, and how long ago it was.

    Attributes:
        score: higher is better; None before the first validation.
        tie: breaks ties, higher is better.
        epoch: finished epochs at the best result.
        waited: epochs since then.
    """

    score: float | None = None
    tie: float = 0.0
    epoch: int = 0
    waited: int = 0

    def see(self, epoch: int, score: float, tie: float, *, min_delta: float = 0.0) -> bool:
        """Take note of an epoch's result.

        Returns:
            True where it is the best so far. A gain below `min_delta` is kept as best, but patience runs on.
        """
        best = self.score is None or score > self.score or (score == self.score and tie > self.tie)
        gained = self.score is None or score > self.score + min_delta or (best and min_delta == 0.0)
        self.waited = 0 if gained else self.waited + 1
        if best:
            self.score, self.tie, self.epoch = score, tie, epoch
        return best

    def patience_is_over(self, spec: EarlyStopping) -> bool:
        """True where the run shall end."""
        return spec.enabled and self.waited >= spec.patience_epochs

    def to_record(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def score_of(monitor: str, metrics: Mapping[str, float], *, rows: int) -> tuple[float, float]:
    """The score and the tie-breaker of a validation, higher is better.

    Args:
        monitor: "auto", "loss" or "metric" (accuracy or RMSE). Auto: the loss where validation is small, or where
            there is no accuracy.
        metrics: keys "val/loss" and "val/accuracy" or "val/rmse".
        rows: of the validation part.
    """
    loss = -metrics["val/loss"]
    metric = metrics.get("val/accuracy", -metrics.get("val/rmse", 0.0))
    if monitor == "auto":
        monitor = "metric" if "val/accuracy" in metrics and rows >= ROWS_FOR_ACCURACY else "loss"
    return (metric, loss) if monitor == "metric" else (loss, metric)
