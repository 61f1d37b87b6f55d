"""Learning curves, sparklines, gauges and the range test."""

import numpy as np
import pytest

from engine.figures.training import (
    learning_curves,
    learning_rate,
    learning_rate_finder,
    machine_use,
    run_gauges,
    series,
    smooth,
    sparkline,
)
from engine.specs.records import MetricPoint


def curve(values: list[float], every: int = 1) -> list[MetricPoint]:
    return [MetricPoint(step=i * every, value=value, time=0.0) for i, value in enumerate(values)]


def test_smoothing_of_a_constant_is_the_constant_from_the_first_point_on() -> None:
    np.testing.assert_allclose(smooth([5.0] * 10, 0.9), 5.0)


def test_smoothing_by_hand_and_over_a_gap() -> None:
    # weights 0.5, 0.25 over masses 0.5, 0.75; a gap changes nothing
    np.testing.assert_allclose(smooth([4.0, float("nan"), 1.0], 0.5), [4.0, np.nan, (0.25 * 4 + 0.5 * 1) / 0.75])


def test_best_so_far_is_the_lowest_loss_and_the_highest_accuracy() -> None:
    loss = learning_curves({"val/loss": curve([3, 1, 2]), "train/loss": curve([3, 2, 1])})
    assert (loss.data[-1].x[0], loss.data[-1].y[0]) == (1, 1.0)
    accuracy = learning_curves({"val/accuracy": curve([0.1, 0.3, 0.9, 0.5])})
    assert accuracy.data[-1].y[0] == 0.9


def test_train_and_validation_differ_by_more_than_colour() -> None:
    figure = learning_curves({"train/loss": curve([3, 2]), "val/loss": curve([3, 2])})
    train, validation = figure.data[0], figure.data[1]
    assert (train.name, validation.name) == ("train", "validation")
    assert train.line.dash != validation.line.dash


def test_epochs_instead_of_steps() -> None:
    figure = learning_curves({"val/loss": curve([3, 2, 1], every=50)}, steps_per_epoch=50)
    assert list(figure.data[0].x) == [0, 1, 2]


def test_several_runs_carry_their_names() -> None:
    figure = learning_curves({"first": {"val/loss": curve([2, 1])}, "<i>": {"val/loss": curve([2, 1])}}, "loss")
    names = [trace.name for trace in figure.data if trace.line.width == 2]
    assert names == ["first · validation", "&lt;i&gt; · validation"]


def test_smoothing_keeps_the_raw_curve_behind() -> None:
    figure = learning_curves({"val/loss": curve([5, 1, 4, 2])}, smoothing=0.6, show_best=False)
    assert list(figure.data[0].y) == [5, 1, 4, 2]
    assert figure.data[0].opacity < 0.5
    assert figure.data[0].showlegend is False


def test_long_curves_are_thinned_and_keep_their_spike() -> None:
    values = [1.0] * 30_000
    values[17_001] = 99.0
    figure = learning_curves({"train/loss": curve(values)}, parts=("train",), show_best=False)
    assert len(figure.data[0].y) <= 2000
    assert max(figure.data[0].y) == 99.0


def test_nothing_measured_is_said_in_the_language_of_the_page() -> None:
    figure = learning_curves({}, "loss", translate=lambda text: f"«{text}»")
    assert figure.layout.annotations[0].text == "«Nothing measured yet»"


def test_sparkline_is_small() -> None:
    figure = sparkline(np.random.default_rng(0).random(500).tolist())
    assert len(figure.data[0].x) <= 80
    assert figure.layout.height == 40
    assert len(sparkline([]).data) == 0


def test_units_are_on_the_axis() -> None:
    assert series({"a": curve([1, 2])}, "Memory", unit="GB").layout.yaxis.ticksuffix == " GB"
    assert machine_use({"CPU": curve([10, 20])}).layout.yaxis.ticksuffix == " %"
    assert learning_rate(curve([1e-3, 1e-4])).layout.yaxis.title.text == "Learning rate"


def test_gauges_turn_bytes_into_gigabytes() -> None:
    figure = run_gauges({"memory_bytes": curve([2e9, 3e9]), "gpu_percent": []})
    assert list(figure.data[0].y) == [2.0, 3.0]
    assert len(figure.data) == 1


def test_finder_marks_the_suggestion_and_is_not_flattened_by_the_blow_up() -> None:
    rates = np.logspace(-6, 0, 50)
    losses = np.concatenate([np.linspace(2.3, 0.8, 45), [5, 50, 500, 5e3, 5e4]])
    figure = learning_rate_finder({"learning_rates": rates, "losses": losses, "suggestion": 1e-3})
    assert figure.layout.annotations[0].x == pytest.approx(-3)
    assert figure.layout.yaxis.range[1] < 10
