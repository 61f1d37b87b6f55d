"""The hyperparameters of a search as axes, and all of them at once: parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
    sample_rows,
    untranslated,
)
from engine.figures.tuning import NO_TRIALS, Direction, ranks, scatter_of
from engine.text import N_

MOST_LINES = 300  # in parallel coordinates; more are a carpet
RANK_SCALE = ((0.0, "#b9c0cc"), (0.5, "#7fa0e0"), (1.0, "#2f62c9"))  # grey is bad, blue is good, without red and green
SHADES = (
    "#a9b1bf",
    "#93a5c8",
    "#7d98d0",
    "#668bd7",
    "#4f7ddd",
    "#3b6fd4",
)  # the same in steps: one trace of lines each


@dataclass(frozen=True)
class Axis:
    """A hyperparameter (or the objective) with the value that each trial gave it; None where it did not apply."""

    path: str
    title: str  # translated
    values: tuple[float | str | None, ...]
    scale: Literal["linear", "log", "choice"] = "linear"
    choices: tuple[str, ...] = ()  # of a choice, in their order, as they stand in `values`
    labels: tuple[str, ...] = ()  # what a person reads for them, translated

    def bounds(self) -> tuple[float, float]:
        """The smallest and largest known number, a little apart where they are the same."""
        known = [value for value in self.values if isinstance(value, int | float) and math.isfinite(value)]
        if self.scale == "log":
            known = [value for value in known if value > 0]
        low, high = (float(min(known)), float(max(known))) if known else (0.0, 1.0)
        return (low, high) if high > low else (low - abs(low) * 0.1 - 1e-9, high + abs(high) * 0.1 + 1e-9)

    def to_unit(self, value: float | str | None) -> float:
        """Where a value stands on the axis, 0 at its foot and 1 at its head; NaN where it has no place."""
        if value is None:
            return math.nan
        if self.scale == "choice":
            place = self.choices.index(str(value)) if str(value) in self.choices else -1
            return math.nan if place < 0 else place / max(1, len(self.choices) - 1) if len(self.choices) > 1 else 0.5
        number, (low, high) = float(value), self.bounds()
        if self.scale == "log":
            if number <= 0 or low <= 0:
                return math.nan
            number, low, high = math.log(number), math.log(low), math.log(high)
        return (number - low) / (high - low) if math.isfinite(number) else math.nan

    def from_unit(self, place: float) -> float:
        """The number at a place of the axis: the way back from `to_unit`, for ranges."""
        low, high = self.bounds()
        place = min(1.0, max(0.0, place))
        if self.scale == "log" and low > 0:
            return math.exp(math.log(low) + place * (math.log(high) - math.log(low)))
        return low + place * (high - low)

    def units(self) -> NDArray[np.float64]:
        """`to_unit` of every trial, `(trials,)`."""
        return np.array([self.to_unit(value) for value in self.values], dtype=np.float64)

    def chosen_between(self, low: float, high: float) -> tuple[str, ...]:
        """The choices that stand between two places of the axis."""
        return tuple(choice for choice in self.choices if low <= self.to_unit(choice) <= high)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts beside the axis: every choice, or foot and head of a range."""
        if self.scale == "choice":
            names = self.labels or self.choices
            return [(self.to_unit(choice), safe(name, 16)) for choice, name in zip(self.choices, names, strict=True)]
        return [(place, f"{self.from_unit(place):.3g}") for place in (0.0, 1.0)]


def parallel(
    axes: Sequence[Axis],
    scores: Sequence[float | None],
    direction: Direction,
    *,
    numbers: Sequence[int],
    kept: Sequence[bool] | None = None,
    bands: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    marked: int | None = None,
    height_px: int = 380,
    translate: Translate = untranslated,
) -> go.Figure:
    """Parallel coordinates: a line a trial through its value on every axis, bluer where the score is better.

    A box drawn over a stretch of an axis chooses the points in it; the page turns it into a filter.

    Args:
        axes: of the hyperparameters and of the objective, in their order from left to right.
        scores: of each trial; None where it has none.
        direction: whether high or low is good.
        numbers: of the trials.
        kept: which trials a filter lets through; the others stay in grey. All where not given.
        bands: path of an axis → stretches (0 to 1) that a filter lets through, drawn beside the axis.
        marked: a trial that is drawn apart.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    if not numbers or not axes:
        return empty_figure(translate(NO_TRIALS), height_px=height_px)
    places = np.stack([axis.units() for axis in axes], axis=1)  # (trials, axes)
    rank = ranks(scores, direction)
    through = np.ones(len(numbers), bool) if kept is None else np.array(kept, bool)
    rows = _most_telling(rank, through)
    figure = new_figure(height_px=height_px, showlegend=False, hovermode="closest", dragmode="select")
    for style, members in _by_rank(rows, rank, through):
        _add_lines(figure, places, members, style)
    if marked is not None and marked in numbers:
        style = {"line": {"color": COLOURS[4], "width": 3, "dash": "dash"}, "opacity": 1.0}
        _add_lines(figure, places, [list(numbers).index(marked)], style)
    _add_points(figure, axes, places, rows, numbers, translate)
    _add_axes(figure, axes, bands or {})
    figure.update_xaxes(
        range=[-0.35, len(axes) - 0.65 + 0.35],
        tickvals=list(range(len(axes))),
        ticktext=[safe(axis.title, 22) for axis in axes],
        side="top",
        showgrid=False,
        showline=False,
        ticks="",
        fixedrange=True,
    )
    figure.update_yaxes(range=[-0.06, 1.06], visible=False, fixedrange=True)
    figure.update_layout(margin={"t": 44, "b": 12}, newselection={"line": {"color": ACCENT, "width": 1.5}})
    return figure


def _most_telling(rank: NDArray[np.float64], through: NDArray[np.bool_]) -> list[int]:
    """At most `MOST_LINES` trials: the best half of them for certain, the others spread over all."""
    order = np.argsort(-np.nan_to_num(rank, nan=-1.0) - through, kind="stable")
    if len(order) <= MOST_LINES:
        return [int(row) for row in order]
    half = MOST_LINES // 2
    rest = order[half:]
    return [int(row) for row in (*order[:half], *rest[sample_rows(len(rest), MOST_LINES - half)])]


def _by_rank(
    rows: Sequence[int], rank: NDArray[np.float64], through: NDArray[np.bool_]
) -> list[tuple[dict[str, Any], list[int]]]:
    """Groups of rows with the look of their lines: filtered first, then from the worst to the best."""
    groups: dict[int, list[int]] = {}
    for row in rows:
        if not through[row]:
            group = -2
        elif math.isnan(rank[row]):
            group = -1
        else:
            group = min(len(SHADES) - 1, int(rank[row] * len(SHADES)))
        groups.setdefault(group, []).append(row)
    made = []
    for group in sorted(groups):
        share = max(0.0, group / (len(SHADES) - 1))
        colour = MUTED if group < 0 else SHADES[group]
        opacity = 0.1 if group == -2 else 0.35 if group == -1 else 0.3 + 0.6 * share
        line = {"color": colour, "width": 1.0 + 1.2 * share, "dash": "dot" if group == -1 else "solid"}
        made.append(({"line": line, "opacity": opacity}, groups[group]))
    return made


def _add_lines(figure: go.Figure, places: NDArray[np.float64], rows: Sequence[int], style: dict[str, Any]) -> None:
    x: list[float | None] = []
    y: list[float | None] = []
    for row in rows:
        known = [(axis, place) for axis, place in enumerate(places[row]) if not math.isnan(place)]
        x += [axis for axis, _place in known] + [None]
        y += [round(float(place), 3) for _axis, place in known] + [None]
    figure.add_scatter(x=x, y=y, mode="lines", hoverinfo="skip", **style)


def _add_points(
    figure: go.Figure,
    axes: Sequence[Axis],
    places: NDArray[np.float64],
    rows: Sequence[int],
    numbers: Sequence[int],
    translate: Translate,
) -> None:
    """A point where a line crosses an axis: what a box can choose and a hover can name."""
    known = [(axis, row) for row in rows for axis in range(len(axes)) if not math.isnan(places[row, axis])]
    texts = [value_text(axes[axis], axes[axis].values[row]) for axis, row in known]
    figure.add_trace(
        scatter_of(len(known))(
            x=[axis for axis, _row in known],
            y=[round(float(places[row, axis]), 3) for axis, row in known],
            customdata=[[numbers[row], text] for (_axis, row), text in zip(known, texts, strict=True)],
            mode="markers",
            marker={"color": ACCENT, "size": 5, "opacity": 0.5},
            unselected={"marker": {"opacity": 0.5}},
            hovertemplate=translate(N_("trial {n}")).format(n="%{customdata[0]}") + ": %{customdata[1]}<extra></extra>",
        )
    )


def value_text(axis: Axis, value: float | str | None) -> str:
    """A value of an axis for a hover: the label of a choice, four digits of a number."""
    if value is None:
        return "–"
    if axis.scale == "choice":
        names = dict(zip(axis.choices, axis.labels or axis.choices, strict=True))
        return safe(names.get(str(value), str(value)))
    return f"{float(value):.4g}"


def _add_axes(figure: go.Figure, axes: Sequence[Axis], bands: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """The vertical lines with their values, and the stretches that a filter lets through."""
    for number, axis in enumerate(axes):
        figure.add_shape(
            type="line", x0=number, x1=number, y0=0, y1=1, line={"color": MUTED, "width": 1}, layer="below"
        )
        for place, text in axis.ticks():
            figure.add_annotation(
                x=number,
                y=place,
                text=text,
                showarrow=False,
                xanchor="left",
                xshift=6,
                yshift=0,
                font={"size": 11},
                bgcolor="rgba(138,147,163,0.22)",
            )
        for low, high in bands.get(axis.path, ()):
            figure.add_shape(
                type="rect",
                x0=number - 0.05,
                x1=number + 0.05,
                y0=low - 0.012,
                y1=high + 0.012,
                line={"color": ACCENT, "width": 1},
                fillcolor=ACCENT,
                opacity=0.35,
                layer="below",
            )
