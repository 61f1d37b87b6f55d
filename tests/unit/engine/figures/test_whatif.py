"""Curves of probes over the baseline's band, and curves drawn further."""

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from engine.figures.whatif import Line, Panel, SeedCurve, extrapolation, mean_and_spread, probe_curves
from engine.specs.records import Interval


def curve(values: list[float], *, finished: bool = True) -> SeedCurve:
    return SeedCurve(list(enumerate(values, start=1)), finished)


def test_mean_and_spread_are_those_of_the_sample() -> None:
    rows = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 1.0], [2.0, 7.0, 1.0]])
    steps, mean, spread = mean_and_spread([curve(list(row)) for row in rows])
    assert list(steps) == [1, 2, 3]
    np.testing.assert_allclose(mean, rows.mean(axis=0))
    np.testing.assert_allclose(spread, rows.std(axis=0, ddof=1))


def test_only_steps_that_all_seeds_have_reached_are_averaged() -> None:
    steps, mean, _spread = mean_and_spread([curve([1.0, 2.0, 3.0]), curve([3.0, 4.0])])
    assert list(steps) == [1, 2]
    np.testing.assert_allclose(mean, [2.0, 3.0])


def test_one_seed_has_no_spread() -> None:
    assert np.isnan(mean_and_spread([curve([1.0, 2.0])])[2]).all()


def figure_of(baseline: Line | None, *variants: Line, max_step: int = 128, **of_panel: object) -> go.Figure:
    return probe_curves([Panel("Loss", baseline, variants, **of_panel)], max_step=max_step)  # type: ignore[arg-type]


def test_the_axes_keep_still_while_a_curve_fills_in() -> None:
    baseline = Line("baseline", [curve([4.0, 3.0, 2.0, 1.0]), curve([4.2, 3.2, 2.2, 1.2])])
    begun = figure_of(baseline, Line("lr", [curve([4.0], finished=False)]))
    done = figure_of(baseline, Line("lr", [curve([4.0, 3.0, 2.0, 1.1])]))
    assert begun.layout.xaxis.range == done.layout.xaxis.range == (0, 128)
    assert begun.layout.yaxis.range == done.layout.yaxis.range


def test_a_curve_that_explodes_does_not_flatten_the_baseline() -> None:
    baseline = Line("baseline", [curve([2.0, 1.0])])
    figure = figure_of(baseline, Line("lr", [curve([2.0, 1e6, math.nan, math.inf])]))
    assert figure.layout.yaxis.range[1] < 4


def test_finished_seeds_are_one_line_with_a_band_and_running_ones_thin() -> None:
    seeds = [curve([3.0, 2.0]), curve([3.2, 2.2]), curve([3.1], finished=False)]
    band, mean, running = figure_of(None, Line("variant", seeds)).data
    assert band.fill == "toself"
    np.testing.assert_allclose(mean.y, [3.1, 2.1])
    assert running.line.width < mean.line.width
    assert [trace.showlegend for trace in (band, running)] == [False, False]


def test_values_are_shown_in_their_unit() -> None:
    figure = figure_of(None, Line("v", [curve([0.5, 0.75])]), factor=100, unit="%")
    np.testing.assert_allclose(figure.data[0].y, [50, 75])
    assert figure.layout.yaxis.ticksuffix == " %"


def test_panels_stand_over_each_other_on_one_axis_of_steps_and_share_the_legend() -> None:
    panels = [Panel(name, Line("baseline", [curve([1.0, 2.0])]), [Line("v", [curve([1.0])])]) for name in ("A", "B")]
    figure = probe_curves(panels, max_step=2)
    upper, lower = figure.layout.yaxis.domain, figure.layout.yaxis2.domain
    assert upper[1] == pytest.approx(1)
    assert lower[0] == pytest.approx(0)
    assert upper[0] > lower[1]
    assert [trace.yaxis for trace in figure.data] == ["y", "y", "y2", "y2"]
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]


def test_before_the_first_point_the_figure_says_so_at_its_final_size() -> None:
    figure = figure_of(Line("baseline", []))
    assert figure.layout.height == 440
    assert figure.layout.annotations[0].text


def test_names_that_people_gave_are_not_read_as_tags() -> None:
    assert figure_of(None, Line("<b>x</b>", [curve([1.0, 2.0])])).data[0].name == "&lt;b&gt;x&lt;/b&gt;"


def test_a_curve_drawn_further_shows_its_interval_and_what_was_asked() -> None:
    line = [(1.0, 0.5, 0.4, 0.6), (2.0, 0.7, 0.6, 0.8)]
    asked = [(2.0, Interval(value=0.7, low=0.6, high=0.8))]
    figure = extrapolation([(1.0, 0.5)], line, "Epochs", "Accuracy", asked=asked, factor=100, unit="%")
    band, further, measured, star = figure.data
    assert min(band.y) == pytest.approx(40)
    assert max(band.y) == pytest.approx(80)
    np.testing.assert_allclose(further.y, [50, 70])
    assert measured.mode == "markers"
    np.testing.assert_allclose([star.error_y.array[0], star.error_y.arrayminus[0]], [10, 10])
