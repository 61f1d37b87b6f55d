"""Methods side by side: what is drawn is what was measured."""

import numpy as np
import pytest

from engine.figures.methods import MethodPoint, method_scatter


def test_methods_are_placed_by_weights_and_score_with_the_spread_of_their_seeds() -> None:
    points = [
        MethodPoint("LoRA", [88.0, 90.0], 147_456, 1.2e9, 60.0),
        MethodPoint("Head only", [82.0], 770, 0.3e9, 6.0),
        MethodPoint("not finished", [], 10),
    ]
    (methods,) = method_scatter(points, "Accuracy", unit=" %").data
    assert list(methods.text) == ["LoRA", "Head only"]
    np.testing.assert_allclose(methods.y, [89.0, 82.0])
    np.testing.assert_allclose(methods.error_y.array, [np.sqrt(2.0), 0.0])
    larger, smaller = methods.marker.size
    assert (larger / smaller) ** 2 == pytest.approx(4.0)  # the area is the memory
    assert list(methods.marker.color) == [60.0, 6.0]
    assert methods.textposition[0] != methods.textposition[1]


def test_without_a_finished_run_it_says_so() -> None:
    assert "finished" in method_scatter([], "Accuracy").layout.annotations[0].text
