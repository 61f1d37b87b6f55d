"""Divergence is seen; a spike is forgiven."""

import math

import pytest

from engine.errors import EngineError, ErrorKind
from engine.training.callbacks.divergence import PATIENCE_CALLS, DivergenceGuard


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_run(loss: float) -> None:
    with pytest.raises(EngineError) as caught:
        DivergenceGuard().see(loss, 12, 0.5)
    assert caught.value.kind is ErrorKind.DIVERGED
    assert "step 12" in str(caught.value)
    assert "0.5" in str(caught.value)


def test_an_explosion_ends_the_run_and_a_spike_does_not() -> None:
    guard = DivergenceGuard()
    for loss in [2.0, 900.0, 2.0, 900.0, 900.0, 1.0]:
        guard.see(loss, 1, 0.1)
    for step in range(PATIENCE_CALLS - 1):
        guard.see(900.0, step, 0.1)
    with pytest.raises(EngineError, match="diverged"):
        guard.see(900.0, 9, 0.1)


def test_a_resumed_run_is_measured_against_its_true_start() -> None:
    guard = DivergenceGuard(first_loss=2.0)
    for _ in range(PATIENCE_CALLS - 1):
        guard.see(5000.0, 1, 0.1)
    with pytest.raises(EngineError):
        guard.see(5000.0, 1, 0.1)
