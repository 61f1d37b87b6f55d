"""A run and what branched off from it: one curve up to the fork, two after it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from engine.figures.theme import MUTED, Translate, untranslated
from engine.figures.training import Curve, learning_curves
from engine.specs.records import MetricPoint
from engine.text import N_


def branch_curves(
    parent: Mapping[str, Curve],
    branch: Mapping[str, Curve],
    metric: str,
    fork_step: int,
    *,
    names: tuple[str, str],
    near: bool = False,
    smoothing: float = 0.0,
    title: str = "",
    height_px: int = 340,
    translate: Translate = untranslated,
) -> go.Figure:
    """One metric of a run and of its branch over steps, with a mark where they part.

    The branch's curve begins at the parent's last point before the fork, so that the eye sees where it comes from.

    Args:
        parent: metric key ("val/loss") → points.
        branch: the same of the branch; its steps go on from the fork.
        metric: the key without its part.
        fork_step: where the branch began.
        names: of the parent and of the branch.
        near: show what lies around the fork instead of the whole course, in which differences are often too small.
        smoothing: weight of the moving average.
        title: of the vertical axis, translated.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    joined = {key: joined_at(parent.get(key, ()), points, fork_step) for key, points in branch.items()}
    parent_name, branch_name = names if names[0] != names[1] else (names[0], f"{names[1]} (2)")
    figure = learning_curves(
        {parent_name: parent, branch_name: joined},
        metric,
        smoothing=smoothing,
        show_best=False,
        title=title,
        height_px=height_px,
        translate=translate,
    )
    if figure.data:
        first, last = _window(figure, fork_step) if near else (0, _last_step(figure))
        if near:
            _look_at(figure, first, last)
        left_half = fork_step - first < last - fork_step
        figure.add_vline(x=fork_step, line={"color": MUTED, "dash": "dash", "width": 1.2})
        figure.add_annotation(
            x=fork_step,
            y=1,
            yref="paper",
            xanchor="left" if left_half else "right",
            yanchor="top",
            xshift=5 if left_half else -5,
            showarrow=False,
            text=translate(N_("branches off at step {step}")).format(step=f"{fork_step:,}"),
            font={"color": MUTED, "size": 12},
        )
    return figure


def _last_step(figure: go.Figure) -> float:
    return max(float(trace.x[-1]) for trace in figure.data if len(trace.x))


def _window(figure: go.Figure, fork_step: int) -> tuple[float, float]:
    """As much before the fork as after it, and a tenth of the course at least."""
    last = max(_last_step(figure), float(fork_step))
    span = max(last - fork_step, 0.1 * last)
    return max(0.0, fork_step - span), max(last, fork_step + 0.02 * last)


def _look_at(figure: go.Figure, first: float, last: float) -> None:
    """Set both axes to what lies between two steps; Plotly fits the upright one to all that there is."""
    seen = [
        float(y)
        for trace in figure.data
        for x, y in zip(trace.x, trace.y, strict=True)
        if first <= x <= last and math.isfinite(y)
    ]
    figure.update_xaxes(range=[first, last + 0.02 * (last - first)])
    if seen:
        low, high = min(seen), max(seen)
        margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
        figure.update_yaxes(range=[low - margin, high + margin])


def joined_at(parent: Curve, branch: Curve, fork_step: int) -> list[MetricPoint]:
    """The branch's points, with the parent's last one up to the fork before them."""
    before = [point for point in parent if point.step <= fork_step]
    return [*before[-1:], *branch] if branch else []


def trunk(histories: Sequence[tuple[Mapping[str, Curve], int]]) -> dict[str, list[MetricPoint]]:
    """The curves that lead to a run through all the runs it comes from.

    Args:
        histories: of the oldest run first; with each the step at which the next one leaves it. The last one's points
            are all taken, whatever its step.
    """
    joined: dict[str, list[MetricPoint]] = {}
    for place, (history, fork_step) in enumerate(histories):
        last = place == len(histories) - 1
        for key, points in history.items():
            joined.setdefault(key, []).extend(point for point in points if last or point.step <= fork_step)
    return joined


def gap_after_fork(parent: Curve, branch: Curve, fork_step: int) -> tuple[MetricPoint, MetricPoint] | None:
    """The newest points of both that can be compared: the branch's last one, and the parent's nearest before or at it.

    None where one of them has none after the fork.
    """
    if not branch:
        return None
    last = branch[-1]
    there = [point for point in parent if fork_step < point.step <= last.step]
    if there:
        return there[-1], last
    return None
