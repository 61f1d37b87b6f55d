"""What a fit remembers beside its weights, as it stands in a checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engine.training.callbacks.early_stopping import BestEpoch
from engine.training.steps import Totals


@dataclass
class FitState:
    """Where a fit is.

    Attributes:
        epoch: finished epochs, those of parent runs included.
        batch: finished batches of the epoch that is being trained.
        skipped: examples of that epoch that were seen in batches of another size, before a branch changed it.
        step: optimizer steps, those of parent runs included.
        first_epoch: epochs that parent runs did.
        first_step: steps that parent runs did.
        seconds: training time of this run over all attempts.
        epoch_totals: sums over the epoch that is being trained.
        best: the best epoch so far.
        first_loss: the mean loss of the first compiled call.
        done: no more epochs will be trained; only saving and evaluation are left.
        curve: the metrics after each epoch, where someone goes by them (trials of a search).
    """

    epoch: int = 0
    batch: int = 0
    skipped: int = 0
    step: int = 0
    first_epoch: int = 0
    first_step: int = 0
    seconds: float = 0.0
    epoch_totals: Totals = field(default_factory=Totals)
    best: BestEpoch = field(default_factory=BestEpoch)
    first_loss: float | None = None
    done: bool = False
    curve: list[dict[str, float]] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> FitState:
        """Rebuild what `to_record` gave; what else a checkpoint says is left aside."""
        known = {entry.name for entry in fields(cls)}
        return cls(
            **{
                **{name: value for name, value in record.items() if name in known},
                "epoch_totals": Totals(**record["epoch_totals"]),
                "best": BestEpoch(**record["best"]),
            }
        )

    @classmethod
    def after(cls, parent: FitState) -> FitState:
        """The state of a new run that goes on where a finished one ended: counts go on, the rest begins anew."""
        return cls(epoch=parent.epoch, step=parent.step, first_epoch=parent.epoch, first_step=parent.step)
