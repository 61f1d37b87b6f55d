"""Effects with their intervals, and the tornado."""

import numpy as np
import pytest

from engine.figures.effects import Effect, Swing, effects, tornado
from engine.specs.probe import VerdictKind

SMALL = Effect("a", 0.001, -0.002, 0.004, VerdictKind.WITHIN_NOISE)
LARGE = Effect("b", -0.02, -0.03, -0.01, VerdictKind.WORSE)


def test_each_row_has_its_interval_in_the_unit_of_the_axis() -> None:
    figure = effects([SMALL, LARGE], "points", factor=100, unit="%")
    assert [trace.x[0] for trace in figure.data] == pytest.approx([0.1, -2.0])
    assert figure.data[1].error_x.array[0] == pytest.approx(1.0)
    assert figure.data[1].error_x.arrayminus[0] == pytest.approx(1.0)
    assert figure.layout.yaxis.ticktext == ("a", "b")


def test_the_noise_lies_as_a_band_around_zero() -> None:
    band = effects([SMALL], "points", noise=0.005, factor=100).layout.shapes[0]
    assert (band.x0, band.x1) == (-0.5, 0.5)


def test_what_has_one_seed_only_is_an_open_mark_without_an_interval() -> None:
    figure = effects([Effect("a", 0.01)], "points")
    assert figure.data[0].marker.symbol == "circle-open"
    assert figure.data[0].error_x.array is None


def test_the_tornado_puts_the_strongest_knob_first_and_the_unmeasured_last() -> None:
    figure = tornado([Swing("none", None, None), Swing("small", SMALL, None), Swing("large", None, LARGE)], "points")
    assert list(figure.layout.yaxis.categoryarray) == ["large", "small", "none"]
    down, up = figure.data
    assert list(up.y) == ["large", "small", "none"]
    assert list(down.x) == [None, 0.001, None]
    assert list(up.x) == [-0.02, None, None]


def test_bars_within_the_noise_are_pale() -> None:
    down = tornado([Swing("small", SMALL, None), Swing("large", LARGE, None)], "points").data[0]
    assert down.marker.opacity[0] > down.marker.opacity[1]


def test_the_tornado_keeps_its_size_while_it_fills_in() -> None:
    empty = tornado([Swing("a", None, None), Swing("b", None, None)], "points")
    full = tornado([Swing("a", SMALL, LARGE), Swing("b", LARGE, SMALL)], "points")
    assert empty.layout.height == full.layout.height
    np.testing.assert_allclose(full.data[0].error_x.array, [0.003, 0.01])


def test_without_knobs_or_results_a_sentence_stands_there() -> None:
    assert tornado([], "points").layout.annotations[0].text
    assert effects([Effect("a", None)], "points").layout.annotations[0].text
