"""The range test finds a rate that trains, quickly, and leaves the kept program usable."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.specs import RunSpec

pytestmark = pytest.mark.tensorflow


def test_the_suggestion_lies_at_the_steepest_fall() -> None:
    from engine.training.learning_rate_finder import suggest

    rates = np.geomspace(1e-5, 1.0, 51)
    position = np.log10(rates)
    losses = 2.0 - 1.5 / (1.0 + np.exp(-(position + 2.5) * 6))  # falls around 10^-2.5
    losses += np.where(position > -1, (position + 1) * 3, 0.0)  # and rises beyond 0.1
    found = suggest(rates, losses)
    assert found is not None
    assert 10**-2.8 < found < 10**-2.2


def test_a_loss_that_only_rises_gives_no_suggestion() -> None:
    from engine.training.learning_rate_finder import suggest

    assert suggest(np.geomspace(1e-5, 1.0, 20), np.linspace(1, 5, 20)) is None
    assert suggest(np.array([1e-5]), np.array([1.0])) is None


def test_a_real_range_test(table_spec: Callable[..., RunSpec], encoded_for: Callable[[RunSpec], Any]) -> None:
    from engine.training.compiling import compiled_steps
    from engine.training.learning_rate_finder import range_test, suggest

    spec = table_spec(training__optimizer__learning_rate=1e-4)
    encoded = encoded_for(spec)
    with compiled_steps(spec, encoded) as stepper:
        rates, losses = range_test(spec, encoded, stepper)
    assert len(rates) == len(losses) > 30
    assert np.isfinite(losses).all()
    found = suggest(rates, losses)
    assert found is not None
    assert 1e-4 < found < 1.0
    assert losses.min() < 0.7 * losses[0]
