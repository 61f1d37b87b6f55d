"""Best so far, curves of trials, two objectives, the schedule of workers."""

import math

import numpy as np
import pytest

from engine.figures.tuning import MOST_CURVES, Span, best_so_far, pareto, ranks, schedule, trial_curves


def test_ranks_follow_the_direction_share_places_and_leave_gaps() -> None:
    scores = [0.5, None, 0.9, 0.5, math.nan, 0.7]
    np.testing.assert_allclose(ranks(scores, "max"), [0, np.nan, 1, 0, np.nan, 0.5])
    np.testing.assert_allclose(ranks(scores, "min"), [1, np.nan, 0, 1, np.nan, 0.5])


def test_best_so_far_only_gets_better_and_failed_trials_leave_no_point() -> None:
    figure = best_so_far([4, 2, 7, 1], [0.5, None, 0.4, 0.8], "max", title="Accuracy")
    assert list(figure.data[0].customdata) == [4, 7, 1]
    assert list(figure.data[-1].y) == [0.5, 0.5, 0.8]
    assert list(best_so_far([4, 2, 7, 1], [0.5, None, 0.4, 0.8], "min", title="Loss").data[-1].y) == [0.5, 0.4, 0.4]


def test_a_diverged_trial_does_not_flatten_the_others() -> None:
    scores = [0.1, 0.11, 0.12, 0.1, 0.13, 0.12, 0.11, 0.1, 0.12, 5000.0]
    low, high = best_so_far(list(range(10)), scores, "min", title="Loss").layout.yaxis.range
    assert low < 0.1
    assert high < 1


def test_filtered_trials_stay_in_grey() -> None:
    figure = best_so_far([0, 1, 2], [0.1, 0.2, 0.3], "max", title="Accuracy", kept=[True, False, True])
    assert list(figure.data[0].customdata) == [1]
    assert list(figure.data[1].customdata) == [0, 2]


@pytest.mark.parametrize("figure", [
    best_so_far([], [], "max", title="x"), best_so_far([1], [None], "max", title="x"),
    trial_curves({}, {}, "max", title="x"), pareto([], [], [], [], titles=("a", "b")), schedule([]),
])  # fmt: skip
def test_without_trials_a_sentence_stands_in_the_figure(figure) -> None:  # type: ignore[no-untyped-def]
    assert not figure.data
    assert len(figure.layout.annotations[0].text) > 10


def test_a_thousand_curves_are_a_few_traces_and_the_best_is_named() -> None:
    curves = {number: [(epoch, number / 1000 + epoch / 100) for epoch in range(5)] for number in range(1000)}
    figure = trial_curves(curves, {number: number / 1000 for number in curves}, "max", title="Accuracy", marked=3)
    assert len(figure.data) <= 8
    assert [trace.name for trace in figure.data[-2:]] == ["best: trial 999", "trial 3"]
    drawn = {str(text) for trace in figure.data[:-1] for text in trace.text}
    assert len(drawn) == MOST_CURVES
    assert "999" in drawn
    assert "0" not in drawn


def test_the_front_is_joined_in_the_order_of_its_horizontal_axis() -> None:
    figure = pareto([1, 2, 3, 4], [0.9, 0.8, 0.7, None], [300, 100, 200, 50], [1, 2], titles=("Accuracy", "Parameters"))
    assert list(figure.data[-1].customdata) == [2, 1]
    assert list(figure.data[0].customdata) == [3]


def test_the_schedule_has_a_line_a_worker_and_tells_outcomes_by_more_than_colour() -> None:
    spans = [Span("b", 1, 0, 5, "done"), Span("a", 2, 1, 4, "failed"), Span("<i>", 3, 2, 9, "lost")]
    figure = schedule(spans, now_s=10)
    assert list(figure.layout.yaxis.categoryarray) == ["b", "a", "&lt;i&gt;"]
    assert len({trace.marker.pattern.shape for trace in figure.data}) == 3
    assert list(figure.data[0].x) == [5.0]
    assert list(figure.data[0].base) == [0]


def test_a_long_schedule_counts_minutes_and_draws_the_newest() -> None:
    spans = [Span("a", number, number * 10, number * 10 + 9, "done") for number in range(2000)]
    figure = schedule(spans)
    assert len(figure.data[0].x) == 600
    assert figure.data[0].base[-1] == pytest.approx(19990 / 60, abs=1e-3)
    assert "Minutes" in figure.layout.xaxis.title.text
