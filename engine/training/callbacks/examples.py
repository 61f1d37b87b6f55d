"""The best, the worst and some random validation examples with their predictions, for the pictures by the curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from engine.specs import ColumnKind, Modality
from engine.specs.records import ExampleRecord

if TYPE_CHECKING:
    from engine.data.load import Prepared

BEST, WORST, RANDOM = 6, 12, 12
# Enough of a long text or a wide row to recognise it.
TEXT_CHARACTERS = 600
COLUMNS = 16

Group = Literal["best", "worst", "random"]


def choose_examples(losses: np.ndarray, *, seed: int) -> list[tuple[int, Group]]:
    """Which examples to show, by their place in `losses` `(rows,)`; the random ones stay the same over a run."""
    ranked = np.argsort(losses, kind="stable")
    worst = [(int(i), "worst") for i in ranked[::-1][:WORST]]
    best = [(int(i), "best") for i in ranked[:BEST]]
    drawn = np.random.default_rng(seed).permutation(len(losses))[:RANDOM]
    return [*best, *worst, *((int(i), "random") for i in drawn)]  # type: ignore[list-item]


def example_records(
    prepared: Prepared, positions: np.ndarray, predictions: np.ndarray, losses: np.ndarray, *, seed: int
) -> list[ExampleRecord]:
    """The examples as the store keeps them.

    Args:
        prepared: the data.
        positions: which rows of `prepared` were predicted.
        predictions: probabilities `(rows, classes)` or numbers `(rows,)` in the target's unit.
        losses: `(rows,)`.
        seed: draws the random ones.
    """
    return [
        _record(prepared, positions, predictions, losses, i, group) for i, group in choose_examples(losses, seed=seed)
    ]


def _record(
    prepared: Prepared, positions: np.ndarray, predictions: np.ndarray, losses: np.ndarray, i: int, group: Group
) -> ExampleRecord:
    position = int(positions[i])
    target = prepared.target[position]
    if prepared.classes:
        code = int(np.argmax(predictions[i]))
        truth, prediction = prepared.classes[int(target)], prepared.classes[code]
        probability: float | None = float(predictions[i][code])
    else:
        truth, prediction, probability = f"{float(target):.6g}", f"{float(predictions[i]):.6g}", None
    modality = prepared.spec.task.modality
    loss = float(losses[i])
    return ExampleRecord(
        row=int(prepared.frame.index[position]),
        truth=truth,
        prediction=prediction,
        probability=probability if probability is None or np.isfinite(probability) else None,
        loss=loss if np.isfinite(loss) else 0.0,
        text=prepared.texts([position])[0][:TEXT_CHARACTERS] if modality is Modality.TEXT else "",
        values=_values(prepared, position) if modality is Modality.TABLE else {},
        group=group,
    )


def _values(prepared: Prepared, position: int) -> dict[str, str]:
    row = prepared.frame.iloc[position]
    shown = list(prepared.columns.items())[:COLUMNS]
    return {name: _plain(row[name], kind) for name, kind in shown if name in row.index}


def _plain(value: object, kind: ColumnKind) -> str:
    if value is None or value != value:  # NaN is the one value that differs from itself
        return ""
    return f"{value:.6g}" if kind is ColumnKind.NUMBER and isinstance(value, int | float) else str(value)
