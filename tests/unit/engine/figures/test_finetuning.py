"""Figures of fine-tuning: what is drawn is what was measured."""

import numpy as np
import pytest

from engine.figures.finetuning import (
    before_after_bars,
    block_changes,
    drift_map,
    memory_bar,
    rank_map,
    share_bar,
)
from engine.specs.finetuning_records import BlockChange, DriftPoint
from engine.specs.records import Interval

POINTS = [
    DriftPoint(epoch=1, step=10, blocks={"block1": 0.01, "block2": 0.03}, ranks={"block1/query": 12}),
    DriftPoint(epoch=2, step=20, blocks={"block1": 0.02, "block2": 0.05}, ranks={"block1/query": 8, "block2/key": 4}),
]


def test_drift_is_drawn_in_percent_with_the_input_on_top() -> None:
    figure = drift_map(POINTS)
    heat, *written = figure.data
    assert sorted(text for trace in written for text in trace.text) == ["1 %", "2 %", "3 %", "5 %"]
    assert [trace.textfont.color for trace in written] == [None, "#ffffff"]
    assert list(heat.y) == ["block1", "block2"]
    assert list(heat.x) == ["1", "2"]
    np.testing.assert_allclose(np.array(heat.z, float), [[1.0, 2.0], [3.0, 5.0]])
    assert figure.layout.yaxis.autorange == "reversed"


def test_ranks_are_drawn_by_matrix_and_gaps_stay_gaps() -> None:
    heat, *written = rank_map(POINTS).data
    assert [list(row) for row in heat.z] == [[12, 8], [None, 4]]
    assert sorted(text for trace in written for text in trace.text) == ["12", "4", "8"]


@pytest.mark.parametrize("draw", [drift_map, rank_map])
def test_before_the_first_epoch_it_says_so(draw) -> None:  # type: ignore[no-untyped-def]
    figure = draw([])
    assert not figure.data
    assert "first epoch" in figure.layout.annotations[0].text


def test_before_and_after_stand_below_each_other_with_their_intervals() -> None:
    before, after = Interval(value=0.8, low=0.78, high=0.82), Interval(value=0.88, low=0.86, high=0.9)
    figure = before_after_bars(before, after, "Accuracy", factor=100, unit=" %")
    first, second = figure.data
    assert (first.x[0], second.x[0]) == pytest.approx((80, 88))
    assert second.error_x.array[0] == pytest.approx(2.0)
    assert second.error_x.arrayminus[0] == pytest.approx(2.0)
    low, high = figure.layout.xaxis.range
    assert low < 78 < 90 < high
    assert "88 (86 – 90) %" in second.hovertext[0]


def test_errors_that_differ_much_are_drawn_from_zero() -> None:
    before, after = Interval(value=4.0, low=3.5, high=4.5), Interval(value=1.0, low=0.8, high=1.2)
    assert before_after_bars(before, after, "RMSE").layout.xaxis.range[0] == 0.0


def test_blocks_show_both_measures_and_leave_out_what_is_not_known() -> None:
    blocks = [BlockChange(name="embed", cka=0.99), BlockChange(name="block1", drift=0.02, cka=0.7)]
    figure = block_changes(blocks)
    alike, drift = figure.data
    assert list(drift.x) == [None, 2.0]
    assert list(alike.x) == [0.99, 0.7]
    assert figure.layout.xaxis.range[0] < 0.7 < 0.99 < figure.layout.xaxis.range[1]
    assert not block_changes([BlockChange(name="embed")]).data


def test_a_share_too_small_to_see_is_drawn_and_said_as_it_is() -> None:
    learns, stays = share_bar(1_000, 10_000_000).data
    assert learns.x[0] > 1e-4
    assert "0.01%" in learns.hovertemplate
    assert learns.x[0] + stays.x[0] == pytest.approx(1.0)


def test_memory_is_drawn_by_what_it_is_for() -> None:
    parts = memory_bar(90_000_000, 300_000, 600_000, 0).data
    assert [part.x[0] for part in parts] == [90_000_000, 300_000, 600_000, 0]
    assert [part.name for part in parts] == ["weights 90 MB", "gradients 300 kB", "optimizer 600 kB", "activations 0 B"]
    assert len({part.marker.pattern.shape for part in parts}) == 4
