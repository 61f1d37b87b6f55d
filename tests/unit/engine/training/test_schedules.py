"""Schedules at the points that their definitions name."""

import math

import pytest

from engine.specs.training import ConstantSchedule, CosineSchedule, OneCycleSchedule, StepSchedule
from engine.training.schedules import ONE_CYCLE_END, ONE_CYCLE_START, rate_at


def test_constant() -> None:
    assert [rate_at(ConstantSchedule(), 0.1, share) for share in (0.0, 0.5, 1.0)] == [0.1, 0.1, 0.1]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_cosine_is_that_of_keras(share: float) -> None:
    expected = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))  # keras.optimizers.schedules.CosineDecay
    assert rate_at(CosineSchedule(final_fraction=0.01), 1.0, share) == pytest.approx(expected)


def test_step_multiplies_at_each_share() -> None:
    schedule = StepSchedule(factor=0.1, every_fraction=0.1)
    assert rate_at(schedule, 1.0, 0.05) == 1.0
    assert rate_at(schedule, 1.0, 3 * 0.1) == pytest.approx(1e-3)
    assert rate_at(schedule, 1.0, 0.399) == pytest.approx(1e-3)


def test_one_cycle_peaks_where_told() -> None:
    schedule = OneCycleSchedule(peak_fraction=0.3)
    assert rate_at(schedule, 2.0, 0.0) == pytest.approx(2.0 * ONE_CYCLE_START)
    assert rate_at(schedule, 2.0, 0.3) == pytest.approx(2.0)
    assert rate_at(schedule, 2.0, 1.0) == pytest.approx(2.0 * ONE_CYCLE_END)
    rates = [rate_at(schedule, 2.0, i / 100) for i in range(101)]
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)


@pytest.mark.parametrize("schedule", [ConstantSchedule(warmup_fraction=0.2), CosineSchedule(warmup_fraction=0.2)])
def test_warm_up_rises_in_a_line_from_zero(schedule: ConstantSchedule) -> None:
    assert rate_at(schedule, 1.0, 0.0) == 0.0
    assert rate_at(schedule, 1.0, 0.1) == pytest.approx(0.5)
    assert rate_at(schedule, 1.0, 0.2) == pytest.approx(1.0)


def test_shares_beyond_the_run_are_its_end() -> None:
    assert rate_at(CosineSchedule(final_fraction=0.1), 1.0, 1.7) == pytest.approx(0.1)
