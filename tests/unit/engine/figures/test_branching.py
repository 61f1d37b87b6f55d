"""A run and its branch over each other: where they part, and how far they are apart."""

from engine.figures.branching import branch_curves, gap_after_fork, joined_at, trunk
from engine.specs.records import MetricPoint


def curve(points: dict[int, float]) -> list[MetricPoint]:
    return [MetricPoint(step=step, value=value, time=0.0) for step, value in points.items()]


PARENT = {"val/loss": curve({10: 1.0, 20: 0.8, 30: 0.6, 40: 0.5}), "train/loss": curve({1: 2.0, 25: 0.9, 40: 0.4})}
BRANCH = {"val/loss": curve({30: 0.55, 45: 0.3}), "train/loss": curve({27: 0.8})}


def test_a_branch_leaves_its_run_at_the_last_point_before_the_fork() -> None:
    figure = branch_curves(PARENT, BRANCH, "loss", 25, names=("first", "second"))
    drawn = {trace.name: list(zip(trace.x, trace.y, strict=True)) for trace in figure.data}
    assert drawn["first · validation"] == [(10, 1.0), (20, 0.8), (30, 0.6), (40, 0.5)]
    assert drawn["second · validation"] == [(20, 0.8), (30, 0.55), (45, 0.3)]
    assert drawn["second · train"][0] == (25, 0.9)  # a point at the fork itself belongs to both
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1) == (25, 25)
    assert "step 25" in figure.layout.annotations[0].text
    styles = {trace.name: (trace.line.color, trace.line.dash) for trace in figure.data}
    assert len(set(styles.values())) == 4  # nothing is told apart by its colour alone, nothing twice the same
    assert len({trace.line.color for trace in figure.data if "first" in trace.name}) == 1


def test_around_the_fork_a_small_difference_fills_the_height() -> None:
    high = {"val/loss": [*curve({1: 90.0}), *curve({step: 0.50 - step / 1e5 for step in range(100, 1000, 10)})]}
    low = {"val/loss": curve(dict.fromkeys(range(910, 1000, 10), 0.48))}
    figure = branch_curves(high, low, "loss", 900, names=("a", "b"), near=True)
    assert figure.layout.xaxis.range[0] == 801
    assert 0.47 < figure.layout.yaxis.range[0] < figure.layout.yaxis.range[1] < 0.51
    whole = branch_curves(high, low, "loss", 900, names=("a", "b"))
    assert whole.layout.yaxis.range is None
    assert whole.layout.annotations[0].xanchor == "right"  # the words stay within the figure


def test_runs_of_one_name_stay_two_and_nothing_yet_is_said() -> None:
    figure = branch_curves(PARENT, BRANCH, "loss", 25, names=("same", "same"))
    assert len({trace.name for trace in figure.data}) == 4
    empty = branch_curves({}, {}, "loss", 25, names=("a", "b"))
    assert not empty.data
    assert empty.layout.annotations[0].text == "Nothing measured yet"
    assert joined_at(PARENT["val/loss"], [], 25) == []


def test_a_branch_of_a_branch_has_one_trunk() -> None:
    second = {"val/loss": curve({30: 0.55, 45: 0.3})}
    joined = trunk([(PARENT, 25), (second, 0)])
    assert [(point.step, point.value) for point in joined["val/loss"]] == [(10, 1.0), (20, 0.8), (30, 0.55), (45, 0.3)]
    assert trunk([(PARENT, 0)]) == PARENT


def test_the_gap_is_read_where_both_have_been() -> None:
    there, here = gap_after_fork(PARENT["val/loss"], BRANCH["val/loss"], 25) or (None, None)
    assert (there and there.step, here and here.step) == (40, 45)
    assert gap_after_fork(PARENT["val/loss"], [], 25) is None
    assert gap_after_fork(curve({10: 1.0}), BRANCH["val/loss"], 25) is None  # the run has not come so far
    ahead = curve({30: 0.6, 90: 0.1})
    there, here = gap_after_fork(ahead, curve({31: 0.5}), 25) or (None, None)
    assert there is not None
    assert there.step == 30  # not what it reached later
