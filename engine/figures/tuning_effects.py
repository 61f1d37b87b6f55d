"""What each hyperparameter of a search does to the score: importance, slices, and pairs of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.figures.theme import (
    ACCENT,
    COLOURS,
    MUTED,
    Translate,
    empty_figure,
    new_figure,
    safe,
    untranslated,
)
from engine.figures.tuning import NO_TRIALS, Direction, ranks, scatter_of
from engine.figures.tuning_space import RANK_SCALE, Axis, value_text
from engine.text import N_

GRID = 40  # cells a side of a contour
BANDWIDTH = 0.1  # of an axis: how far a trial speaks for its neighbourhood
HEARD = 0.25  # weight of the trials near a place, below which nothing is said about it


def importance(
    shares: Sequence[tuple[str, float, float | None, float | None]],
    pairs: Sequence[tuple[str, str, float]] = (),
    *,
    height_px: int | None = None,
    translate: Translate = untranslated,
) -> go.Figure:
    """How much of the differences between scores each hyperparameter explains alone, and pairs beyond that.

    Functional analysis of variance on a forest (Hutter, Hoos & Leyton-Brown 2014).

    Args:
        shares: (title, share of the variance, low, high), translated; the ends of the interval may be None.
        pairs: (title, title, share beyond what the two explain alone).
        height_px: height; by the number of bars where not given.
        translate: for the words of the figure.
    """
    alone = sorted(shares, key=lambda entry: entry[1])[-12:]
    together = sorted(pairs, key=lambda entry: entry[2])[-5:]
    if not alone:
        return empty_figure(translate(N_("Importance needs a few more finished trials")), height_px=height_px or 240)
    figure = new_figure(
        translate(N_("Share of the differences explained")),
        height_px=height_px or 90 + 30 * (len(alone) + len(together)),
        barmode="overlay",
    )
    names = [f"{safe(a, 20)} × {safe(b, 20)}" for a, b, _share in together]
    figure.add_bar(
        x=[share for _a, _b, share in together],
        y=names,
        orientation="h",
        name=translate(N_("two together")),
        marker={"color": COLOURS[1], "pattern": {"shape": "/", "size": 5, "solidity": 0.25}},
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        showlegend=bool(together),
    )
    figure.add_bar(
        x=[share for _title, share, _low, _high in alone],
        y=[safe(title, 34) for title, *_rest in alone],
        orientation="h",
        name=translate(N_("alone")),
        marker={"color": ACCENT},
        error_x=_errors(alone),
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        showlegend=bool(together),
    )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    return figure.update_layout(legend={"traceorder": "reversed"})


def _errors(shares: Sequence[tuple[str, float, float | None, float | None]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [None if high is None else max(0.0, high - share) for _title, share, _low, high in shares],
        "arrayminus": [None if low is None else max(0.0, share - low) for _title, share, low, _high in shares],
        "color": MUTED,
        "thickness": 1.5,
        "width": 4,
    }


def slice_plot(
    axis: Axis,
    scores: Sequence[float | None],
    *,
    numbers: Sequence[int],
    title: str,
    kept: Sequence[bool] | None = None,
    height_px: int = 300,
    translate: Translate = untranslated,
) -> go.Figure:
    """The score against one hyperparameter; late trials are darker, so that one sees where the search went.

    Args:
        axis: the hyperparameter.
        scores: of each trial.
        numbers: of the trials.
        title: of the objective, translated.
        kept: which trials a filter lets through.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    rows = [
        row
        for row, score in enumerate(scores)
        if score is not None and math.isfinite(score) and not math.isnan(axis.to_unit(axis.values[row]))
    ]
    if not rows:
        return empty_figure(translate(NO_TRIALS), height_px=height_px)
    through = [kept is None or bool(kept[row]) for row in rows]
    is_choice = axis.scale == "choice"
    jitter = np.random.default_rng(0).uniform(-0.16, 0.16, len(rows))
    xs = (
        [axis.choices.index(str(axis.values[row])) + float(shift) for row, shift in zip(rows, jitter, strict=True)]
        if is_choice
        else [axis.values[row] for row in rows]
    )
    figure = new_figure(safe(axis.title), safe(title), height_px=height_px, showlegend=False)
    figure.add_trace(
        scatter_of(len(rows))(
            x=xs,
            y=[scores[row] for row in rows],
            customdata=[[numbers[row], value_text(axis, axis.values[row])] for row in rows],
            mode="markers",
            marker={
                "color": [numbers[row] for row in rows],
                "colorscale": RANK_SCALE,
                "size": 8,
                "opacity": [0.8 if inside else 0.12 for inside in through],
                "showscale": True,
                "colorbar": {
                    "title": {"text": translate(N_("Trial")), "side": "right", "font": {"size": 12}},
                    "thickness": 10,
                },
            },
            hovertemplate=translate(N_("trial {n}")).format(n="%{customdata[0]}")
            + ": %{customdata[1]} → %{y:.4g}<extra></extra>",
        )
    )
    _scale_axis(figure.update_xaxes, axis)
    return figure


def _scale_axis(update: Any, axis: Axis) -> None:
    if axis.scale == "choice":
        names = [safe(name, 18) for name in axis.labels or axis.choices]
        update(tickvals=list(range(len(names))), ticktext=names, range=[-0.5, len(names) - 0.5], showgrid=False)
    elif axis.scale == "log":
        update(type="log", exponentformat="power")


def contour(
    x: Axis,
    y: Axis,
    scores: Sequence[float | None],
    direction: Direction,
    *,
    numbers: Sequence[int],
    title: str,
    kept: Sequence[bool] | None = None,
    height_px: int = 360,
    translate: Translate = untranslated,
) -> go.Figure:
    """The score over two hyperparameters, smoothed between the trials; white where no trial came near.

    The mean of the trials around a place, weighted by a Gaussian of their distance (Nadaraya 1964, Watson 1964). The
    levels are ranks of scores, so that a few diverged trials do not flatten the rest.

    Args:
        x: the hyperparameter on the horizontal axis.
        y: the one on the vertical axis.
        scores: of each trial.
        direction: whether high or low is good.
        numbers: of the trials.
        title: of the objective, translated.
        kept: which trials a filter lets through; the others leave the picture.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    across, up, rank = x.units(), y.units(), ranks(scores, direction)
    used = ~(np.isnan(across) | np.isnan(up) | np.isnan(rank))
    if kept is not None:
        used &= np.array(kept, bool)
    rows = [int(row) for row in np.flatnonzero(used)]
    if not rows:
        return empty_figure(translate(NO_TRIALS), height_px=height_px)
    columns, lines = _grid(x), _grid(y)
    levels = smoothed(across[rows], up[rows], rank[rows], columns, lines)
    figure = new_figure(safe(x.title), safe(y.title), height_px=height_px, showlegend=False)
    ticks = {"title": {"text": safe(title), "side": "right", "font": {"size": 12}}, "thickness": 10, "tickvals": [0, 1]}
    ticks["ticktext"] = [translate(N_("worst")), translate(N_("best"))]
    shared = {"x": columns, "y": lines, "z": levels, "zmin": 0, "zmax": 1, "colorscale": RANK_SCALE, "colorbar": ticks}
    if "choice" in (x.scale, y.scale):
        figure.add_heatmap(
            **shared,
            opacity=0.85,
            hoverinfo="skip",
            xgap=2 if x.scale == "choice" else 0,
            ygap=2 if y.scale == "choice" else 0,
        )
    else:
        lines_of = {"coloring": "fill", "showlines": True, "start": 0, "end": 1, "size": 0.1}
        figure.add_contour(**shared, contours=lines_of, line={"width": 0.4}, opacity=0.85, hoverinfo="skip")
    figure.add_trace(
        scatter_of(len(rows))(
            x=across[rows].round(4),
            y=up[rows].round(4),
            customdata=[
                [numbers[row], value_text(x, x.values[row]), value_text(y, y.values[row]), scores[row]] for row in rows
            ],
            mode="markers",
            marker={"color": COLOURS[1], "size": 6, "line": {"color": "white", "width": 1}},
            hovertemplate=translate(N_("trial {n}")).format(n="%{customdata[0]}")
            + ": %{customdata[1]}, %{customdata[2]} → %{customdata[3]:.4g}<extra></extra>",
        )
    )
    for axis, update in ((x, figure.update_xaxes), (y, figure.update_yaxes)):
        places, texts = zip(*axis.ticks(), strict=True)
        update(tickvals=places, ticktext=texts, range=[-0.04, 1.04], showgrid=False)
    return figure


def _grid(axis: Axis) -> NDArray[np.float64]:
    if axis.scale == "choice":
        return np.array([axis.to_unit(choice) for choice in axis.choices])
    return np.linspace(0.0, 1.0, GRID)


def smoothed(
    across: NDArray[np.float64],
    up: NDArray[np.float64],
    values: NDArray[np.float64],
    columns: NDArray[np.float64],
    lines: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Kernel mean of `values` `(trials,)` on a grid `(lines, columns)`; NaN where no trial is near.

    Args:
        across: places of the trials on the horizontal axis, 0 to 1.
        up: the same on the vertical axis.
        values: what is averaged.
        columns: places of the grid's columns.
        lines: places of the grid's lines.
    """
    near_x = np.exp(-0.5 * ((columns[:, None] - across[None, :]) / BANDWIDTH) ** 2)  # (columns, trials)
    near_y = np.exp(-0.5 * ((lines[:, None] - up[None, :]) / BANDWIDTH) ** 2)  # (lines, trials)
    weight = near_y @ near_x.T  # (lines, columns): the kernel of two axes is a product
    total = (near_y * values) @ near_x.T
    return np.where(weight > HEARD, total / np.maximum(weight, 1e-12), np.nan)
