"""How runs end: recorded curves of real runs, patience, limits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.specs.training import ConstantSchedule, CosineSchedule, EarlyStopping, TrainingSpec
from engine.whatif.ending import Ending, naive_interval, predict_end

# Validation curves of runs of this engine on scikit-learn's data (digits, breast cancer, diabetes).
RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded_curves.json").read_text("utf-8"))
NO_STOPPING = EarlyStopping(enabled=False)


def foretell(curve: dict[str, Any], seen: int) -> Ending:
    epochs = [step / math.gcd(*curve["steps"]) for step in curve["steps"]]
    lower, losses = curve["metric"].endswith("rmse"), curve["loss"][:seen]
    return predict_end(
        TrainingSpec.model_validate(curve["training"]),
        epochs[:seen],
        curve["values"][:seen],
        planned=curve["training"]["epochs"],
        lower_is_better=lower,
        bounds=(0.0, math.inf) if lower else (0.0, 1.0),
        losses=losses,
        by_loss=True,
        waited=round(epochs[seen - 1] - epochs[losses.index(min(losses))]),
    )


def test_recorded_runs_end_within_their_intervals_seen_from_the_first_third() -> None:
    held, widths, naive_widths = 0, [], []
    for curve in RECORDED.values():
        lower = curve["metric"].endswith("rmse")
        seen = max(4, len(curve["values"]) // 3)
        truth = (min if lower else max)(curve["values"])
        found = foretell(curve, seen)
        held += found.low - 1e-9 <= truth <= found.high + 1e-9
        gain = abs(truth - curve["values"][0])
        widths.append((found.high - found.low) / gain)
        low, high = naive_interval(curve["values"][:seen], lower_is_better=lower)
        naive_widths.append((high - low) / gain)
    assert len(RECORDED) >= 10
    assert held >= 0.8 * len(RECORDED)
    assert np.mean(widths) < 0.7 * np.mean(naive_widths)


def test_the_end_is_never_worse_than_the_best_so_far() -> None:
    for curve in RECORDED.values():
        lower = curve["metric"].endswith("rmse")
        seen = max(4, len(curve["values"]) // 2)
        found = foretell(curve, seen)
        best = (min if lower else max)(curve["values"][:seen])
        assert found.high <= best + 1e-9 if lower else found.low >= best - 1e-9


def test_seen_to_the_last_epoch_but_one_little_is_open() -> None:
    for name in ("digits, MLP, constant", "digits, CNN, cosine"):
        curve = RECORDED[name]
        found = foretell(curve, len(curve["values"]) - 1)
        assert found.high - found.low < 0.02


def rising(epochs: int) -> list[float]:
    """A loss that overfits from the tenth epoch on."""
    return [0.4 + 0.6 * math.exp(-epoch / 3) + 0.02 * max(0, epoch - 10) for epoch in range(1, epochs + 1)]


def end_of(values: list[float], stopping: EarlyStopping, *, waited: int, planned: float = 60) -> Ending:
    training = TrainingSpec(epochs=60, schedule=ConstantSchedule(), early_stopping=stopping)
    epochs = [float(epoch) for epoch in range(1, len(values) + 1)]
    return predict_end(
        training, epochs, values, planned=planned, lower_is_better=True, bounds=(0.0, math.inf), waited=waited
    )


def test_patience_that_runs_out_ends_the_run() -> None:
    found = end_of(rising(14), EarlyStopping(patience_epochs=6), waited=4)
    assert found.epochs == 16
    assert found.epochs_high <= 18
    assert found.value == pytest.approx(min(rising(14)), abs=1e-3)


def test_without_early_stopping_the_plan_is_the_end() -> None:
    found = end_of(rising(14), NO_STOPPING, waited=4)
    assert found.epochs == found.epochs_low == found.epochs_high == 60


def test_a_limit_of_steps_is_the_end() -> None:
    assert end_of(rising(14), NO_STOPPING, waited=0, planned=20).epochs == 20


def test_a_run_of_ten_thousand_epochs_is_foretold_in_a_hundred_moments() -> None:
    training = TrainingSpec(epochs=10_000, schedule=CosineSchedule(), early_stopping=NO_STOPPING)
    values = [0.5 + 0.4 * epoch**-0.3 for epoch in range(1, 501)]
    epochs = [float(epoch) for epoch in range(1, 501)]
    found = predict_end(training, epochs, values, planned=10_000, lower_is_better=True, bounds=(0.0, math.inf))
    assert len(found.moments) == 100
    assert found.moments[-1] == 10_000
    assert found.low <= 0.5 + 0.4 * 10_000**-0.3 <= found.high
