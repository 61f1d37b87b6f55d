"""Axes of hyperparameters and parallel coordinates."""

import math

import numpy as np
import pytest

from engine.figures.tuning_space import MOST_LINES, Axis, parallel


def test_a_log_axis_places_factors_evenly_and_comes_back() -> None:
    axis = Axis("lr", "Learning rate", (1e-4, 1e-3, 1e-2, None), "log")
    np.testing.assert_allclose(axis.units(), [0, 0.5, 1, np.nan], atol=1e-12)
    assert axis.from_unit(0.5) == pytest.approx(1e-3)


def test_a_linear_axis_with_one_value_has_room_around_it() -> None:
    axis = Axis("width", "Width", (64, 64))
    assert 0 < axis.to_unit(64) < 1


def test_choices_stand_apart_and_are_found_between_two_places() -> None:
    axis = Axis("o", "Optimizer", ("sgd", "adam", "lion", None), "choice", ("adam", "sgd", "lion"))
    np.testing.assert_allclose(axis.units(), [0.5, 0, 1, np.nan])
    assert axis.chosen_between(0.4, 1.0) == ("sgd", "lion")
    assert Axis("o", "One", ("adam",), "choice", ("adam",)).to_unit("adam") == 0.5
    assert math.isnan(axis.to_unit("unknown"))


def test_every_line_goes_through_the_values_of_its_trial() -> None:
    axes = [Axis("a", "A", (0.0, 1.0)), Axis("b", "B", (1.0, 0.0)), Axis("c", "C", (None, 5.0))]
    figure = parallel(axes, [0.1, 0.9], "max", numbers=[0, 1])
    worst, best = figure.data[0], figure.data[1]
    assert (worst.x, worst.y) == ((0, 1, None), (0, 1, None))
    assert best.x == (0, 1, 2, None)
    assert best.y[:2] == (1, 0)


def test_better_trials_are_darker_and_drawn_last() -> None:
    axis = Axis("a", "A", tuple(float(value) for value in range(12)))
    figure = parallel([axis, axis], list(range(12)), "max", numbers=list(range(12)))
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert lines[-1].opacity > lines[0].opacity
    assert lines[-1].y[0] == 1.0
    turned = parallel([axis, axis], list(range(12)), "min", numbers=list(range(12)))
    assert [trace for trace in turned.data if trace.mode == "lines"][-1].y[-2] < 0.2


def test_filtered_trials_are_grey_and_bands_show_the_filter() -> None:
    axis = Axis("a", "A", (0.0, 1.0, 2.0))
    figure = parallel([axis], [1, 2, 3], "max", numbers=[0, 1, 2], kept=[False, True, True], bands={"a": [(0.4, 1.0)]})
    assert figure.data[0].opacity == 0.1
    assert any(shape.type == "rect" for shape in figure.layout.shapes)


def test_of_a_thousand_trials_the_best_are_drawn_for_certain() -> None:
    axis = Axis("a", "A", tuple(float(value) for value in range(1000)))
    figure = parallel([axis], [float(value) for value in range(1000)], "max", numbers=list(range(1000)))
    numbers = {entry[0] for entry in figure.data[-1].customdata}
    assert len(numbers) == MOST_LINES
    assert set(range(900, 1000)) <= numbers


def test_titles_that_a_person_gave_cannot_bring_markup() -> None:
    figure = parallel([Axis("a", "<b>x</b>", (1.0, 2.0))], [1, 2], "max", numbers=[0, 1])
    assert figure.layout.xaxis.ticktext == ("&lt;b&gt;x&lt;/b&gt;",)
