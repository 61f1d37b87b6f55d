"""The filter over trials: its way through the address, brushes, and what it lets through."""

import math

import pytest

from engine.figures.tuning_space import Axis
from pages.widgets.tuning_filter import Band, brushed, read, with_band, written

RATE = Axis("training.optimizer.learning_rate", "Learning rate", (1e-4, 1e-3, 1e-2), "log")
ACTIVATION = Axis("model.activation", "Activation", ("relu", "gelu", "selu"), "choice", ("relu", "gelu", "selu"))


def test_bands_come_back_from_the_address() -> None:
    bands = (
        Band(RATE.path, 1e-4, 3e-3),
        Band("model.filters", choices=("[16, 32]", "a|b;c:d")),
        Band("score", low=0.9),
    )
    assert read(written(bands)) == bands


@pytest.mark.parametrize("text", ["", ";;", "x", "x:", "x:a~b", ":1~2"])
def test_what_nobody_wrote_filters_nothing(text: str) -> None:
    assert read(text) == ()


def test_numbers_between_the_ends_stay_and_trials_without_the_field_go() -> None:
    band = Band("x", 0.1, 0.2)
    assert [band.lets(value) for value in (0.1, 0.15, 0.2, 0.21, None)] == [True, True, True, False, False]
    assert Band("x", low=3).lets(1e9)
    assert [Band("x", choices=("a",)).lets(value) for value in ("a", "b", None)] == [True, False, False]


def test_an_end_that_was_rounded_in_the_address_still_holds_its_trial() -> None:
    value = 0.00094406187
    assert read(written([Band("x", value, math.inf)]))[0].lets(value)


def test_a_box_over_an_axis_becomes_the_range_of_its_points() -> None:
    (band,) = brushed([RATE, ACTIVATION], [{"x": 0, "y": 0.0}, {"x": 0, "y": 0.5}])
    assert [band.lets(value) for value in RATE.values] == [True, True, False]


def test_a_box_over_two_axes_filters_by_both() -> None:
    points = [{"x": 0, "y": 1.0}, {"x": 1.0, "y": 0.5}, {"x": 1, "y": 1.0}, {"x": 7, "y": 0.5}]
    bands = brushed([RATE, ACTIVATION], points)
    assert [band.path for band in bands] == [RATE.path, ACTIVATION.path]
    assert bands[1].choices == ("gelu", "selu")


def test_a_new_band_takes_the_place_of_the_old_one() -> None:
    bands = with_band((Band("a", 0, 1), Band("b", 0, 1)), Band("a", 2, 3))
    assert bands == (Band("b", 0, 1), Band("a", 2, 3))
