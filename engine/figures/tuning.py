"""What a search does: best so far, every trial's curve, two objectives against each other, who worked when."""

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
    WARNING,
    Translate,
    empty_figure,
    new_figure,
    safe,
    thin,
    untranslated,
)
from engine.text import N_

Direction = Literal["max", "min"]
MANY = 400  # markers; more are drawn by WebGL, where a marker costs no element of the page
MOST_CURVES, POINTS_A_CURVE = 200, 60  # 1,000 curves of 100 epochs are a grey area and half a megabyte
MOST_SPANS = 600  # pieces of work in the schedule: the newest
NO_TRIALS = N_("No trial has a result yet")


@dataclass(frozen=True)
class Span:
    """A piece of work: one trial (or one attempt, fold or repeat of it) on one worker."""

    worker: str
    trial: int
    start_s: float  # since the search began
    end_s: float
    outcome: Literal["done", "stopped", "failed", "running", "lost"]


# outcome → name, colour, pattern: the three tell the same, so that colour is never alone
OUTCOMES: dict[str, tuple[str, str, str]] = {
    "done": (N_("done"), ACCENT, ""),
    "running": (N_("running"), COLOURS[2], "/"),
    "stopped": (N_("stopped early"), MUTED, ""),
    "failed": (N_("failed"), WARNING, "x"),
    "lost": (N_("worker lost"), COLOURS[1], "\\"),
}


def scatter_of(points: int) -> Any:
    """The trace class for so many markers."""
    return go.Scattergl if points > MANY else go.Scatter


def ranks(scores: Sequence[float | None], direction: Direction) -> NDArray[np.float64]:
    """How good each score is among all, 0 (worst) to 1 (best); NaN where there is none. Ties share their place.

    Colours follow the rank and not the score: one diverged trial would otherwise take the whole scale for itself.
    """
    values = np.array([math.nan if score is None else score for score in scores], dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    known = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    if known.any():
        _sorted, places = np.unique(values[known] * (1 if direction == "max" else -1), return_inverse=True)
        result[known] = places / max(1, places.max())
    return result


def best_so_far(
    numbers: Sequence[int],
    scores: Sequence[float | None],
    direction: Direction,
    *,
    title: str,
    kept: Sequence[bool] | None = None,
    goal: float | None = None,
    height_px: int = 300,
    translate: Translate = untranslated,
) -> go.Figure:
    """Each trial's score in the order in which they ended, and the best until then.

    Args:
        numbers: of the trials, in the order in which they ended.
        scores: of the same trials; None where a trial has none (failed, still running).
        direction: whether high or low is good.
        title: of the objective, translated.
        kept: which trials a filter lets through; the others stay in grey. All where not given.
        goal: a score to compare with (the baseline's), drawn as a line.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    rows = [
        (place, number, score)
        for place, (number, score) in enumerate(zip(numbers, scores, strict=True))
        if score is not None and math.isfinite(score)
    ]
    if not rows:
        return empty_figure(translate(NO_TRIALS), height_px=height_px)
    places, shown, values = (np.array(column) for column in zip(*rows, strict=True))
    best = (np.maximum if direction == "max" else np.minimum).accumulate(values)
    through = np.ones(len(rows), bool) if kept is None else np.array(kept, bool)[places]
    order = np.arange(1, len(rows) + 1)
    figure = new_figure(translate(N_("Finished trials")), safe(title), height_px=height_px)
    for mask, colour, name in ((~through, MUTED, ""), (through, ACCENT, translate(N_("trials")))):
        if mask.any():
            figure.add_trace(
                scatter_of(len(rows))(
                    x=order[mask],
                    y=values[mask],
                    customdata=shown[mask],
                    mode="markers",
                    name=name,
                    showlegend=bool(name),
                    marker={"color": colour, "size": 7, "opacity": 0.7 if name else 0.2},
                    hovertemplate=translate(N_("trial {n}")).format(n="%{customdata}") + ": %{y:.4g}<extra></extra>",
                )
            )
    x, y = thin(order, best)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name=translate(N_("best so far")),
        line={"color": COLOURS[1], "width": 2.5, "shape": "hv"},
        hoverinfo="skip",
    )
    if goal is not None:
        figure.add_hline(y=goal, line={"color": MUTED, "dash": "dash", "width": 1.5})
    figure.update_yaxes(range=_without_outliers(values, direction))
    figure.update_xaxes(dtick=1 if len(rows) <= 10 else None)
    return figure


def _without_outliers(values: NDArray[np.float64], direction: Direction) -> list[float] | None:
    """A range that a few very bad trials do not flatten: from the best to a little beyond the worst quarter."""
    if len(values) < 8:
        return None
    bad, median, good = np.quantile(values, (0.25, 0.5, 1.0) if direction == "max" else (0.75, 0.5, 0.0))
    worst = values.min() if direction == "max" else values.max()
    limit = bad - 6.0 * (median - bad)
    beyond = limit if abs(worst - median) > abs(limit - median) else worst
    margin = 0.06 * (good - beyond) or 0.5
    return sorted((float(beyond - margin), float(good + margin)))


def trial_curves(
    curves: Mapping[int, Sequence[tuple[float, float]]],
    scores: Mapping[int, float | None],
    direction: Direction,
    *,
    title: str,
    kept: frozenset[int] | None = None,
    marked: int | None = None,
    height_px: int = 360,
    translate: Translate = untranslated,
) -> go.Figure:
    """The course of every trial over its epochs: the best in the accent colour, the others in five shades by rank.

    Args:
        curves: number of the trial → (epoch, value).
        scores: number → score.
        direction: whether high or low is good.
        title: of the metric, translated.
        kept: the trials that a filter lets through; all where not given.
        marked: a trial that is drawn apart, such as the one chosen in the table.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    numbers = [number for number, points in curves.items() if points]
    if not numbers:
        return empty_figure(
            translate(N_("The first curve appears with the first epoch of a trial")), height_px=height_px
        )
    rank = dict(zip(numbers, ranks([scores.get(number) for number in numbers], direction), strict=True))
    chosen = sorted(numbers, key=lambda number: (math.isnan(rank[number]), -np.nan_to_num(rank[number])))[:MOST_CURVES]
    best = next((number for number in chosen if not math.isnan(rank[number])), None)
    figure = new_figure(translate(N_("Epoch")), safe(title), height_px=height_px)
    groups: dict[tuple[str, float], list[int]] = {}
    for number in reversed(chosen):
        if number in (best, marked):
            continue
        through = kept is None or number in kept
        shade = round(0.2 + 0.4 * math.floor(4 * np.nan_to_num(rank[number])) / 4, 2)
        groups.setdefault((ACCENT, shade) if through else (MUTED, 0.12), []).append(number)
    for (colour, opacity), members in sorted(groups.items(), key=lambda entry: entry[0][1]):
        _add_curves(figure, curves, members, {"color": colour, "width": 1.2}, opacity=opacity)
    if best is not None and best != marked:
        name = translate(N_("best: trial {n}")).format(n=best)
        _add_curves(figure, curves, [best], {"color": COLOURS[1], "width": 2.8}, name=name)
    if marked in curves:
        name = translate(N_("trial {n}")).format(n=marked)
        _add_curves(figure, curves, [marked], {"color": COLOURS[4], "width": 2.8, "dash": "dash"}, name=name)
    return figure.update_layout(hovermode="closest")


def _add_curves(
    figure: go.Figure,
    curves: Mapping[int, Sequence[tuple[float, float]]],
    members: Sequence[int | None],
    line: dict[str, Any],
    *,
    opacity: float = 1.0,
    name: str = "",
) -> None:
    """Several curves as one trace with gaps between them: a trace each would cost the browser seconds."""
    x: list[float | None] = []
    y: list[float | None] = []
    label: list[int | None] = []
    for number in members:
        if number is None:
            continue
        epochs, values = zip(*curves[number], strict=True)
        xs, ys = thin(epochs, values, POINTS_A_CURVE)
        x += [*xs.tolist(), None]
        y += [round(value, 6) for value in ys.tolist()] + [None]
        label += [number] * (len(xs) + 1)
    figure.add_scatter(
        x=x,
        y=y,
        text=label,
        mode="lines",
        line=line,
        opacity=opacity,
        name=name,
        showlegend=bool(name),
        hovertemplate="%{text}: %{y:.4g}<extra></extra>",
    )


def pareto(
    numbers: Sequence[int],
    first: Sequence[float | None],
    second: Sequence[float | None],
    front: Sequence[int],
    *,
    titles: tuple[str, str],
    kept: Sequence[bool] | None = None,
    log_second: bool = False,
    height_px: int = 360,
    translate: Translate = untranslated,
) -> go.Figure:
    """Two objectives against each other; the trials that no other beats in both are joined by a line.

    Args:
        numbers: of the trials.
        first: the first objective of each, on the vertical axis.
        second: the second objective of each, on the horizontal axis.
        front: the numbers of the trials that no other beats in both.
        titles: of the objectives, translated.
        kept: which trials a filter lets through.
        log_second: logarithmic horizontal axis (parameters, milliseconds).
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    rows = [
        (x, y, number, kept is None or bool(kept[place]))
        for place, (number, y, x) in enumerate(zip(numbers, first, second, strict=True))
        if x is not None and y is not None and math.isfinite(x) and math.isfinite(y)
    ]
    if not rows:
        return empty_figure(translate(NO_TRIALS), height_px=height_px)
    members = frozenset(front)
    figure = new_figure(safe(titles[1]), safe(titles[0]), height_px=height_px)
    hover = translate(N_("trial {n}")).format(n="%{customdata}") + ": %{x:.4g}, %{y:.4g}<extra></extra>"
    for name, colour, opacity, chosen in (
        ("", MUTED, 0.2, [row for row in rows if not row[3]]),
        (translate(N_("beaten in both")), ACCENT, 0.7, [row for row in rows if row[3] and row[2] not in members]),
    ):
        if chosen:
            figure.add_trace(
                scatter_of(len(rows))(
                    **_columns(chosen),
                    mode="markers",
                    name=name,
                    showlegend=bool(name),
                    marker={"color": colour, "size": 7, "opacity": opacity},
                    hovertemplate=hover,
                )
            )
    best = sorted(row for row in rows if row[2] in members)
    figure.add_scatter(
        **_columns(best),
        mode="lines+markers",
        name=translate(N_("best trade-offs")),
        line={"color": COLOURS[1], "width": 2, "shape": "hv"},
        marker={"color": COLOURS[1], "size": 11, "symbol": "diamond"},
        hovertemplate=hover,
    )
    if log_second and min(row[0] for row in rows) > 0:
        figure.update_xaxes(type="log")
    return figure


def _columns(rows: Sequence[tuple[float, float, int, bool]]) -> dict[str, list[Any]]:
    return {"x": [row[0] for row in rows], "y": [row[1] for row in rows], "customdata": [row[2] for row in rows]}


def schedule(
    spans: Sequence[Span],
    *,
    now_s: float | None = None,
    height_px: int | None = None,
    translate: Translate = untranslated,
) -> go.Figure:
    """Who worked on which trial when: one line a worker, one bar a piece of work.

    Args:
        spans: of all workers; only the newest are drawn where there are very many.
        now_s: seconds since the search began, while it runs.
        height_px: height of the figure; by the number of workers where not given.
        translate: for the words of the figure.
    """
    shown = sorted(spans, key=lambda span: span.end_s)[-MOST_SPANS:]
    workers = sorted({span.worker for span in shown})
    height_px = height_px or 110 + 34 * max(1, min(24, len(workers)))
    if not shown:
        return empty_figure(translate(N_("No worker has begun yet")), height_px=height_px)
    end_s = max(now_s or 0.0, *(span.end_s for span in shown))
    factor, unit = (60.0, N_("Minutes since the start")) if end_s > 180 else (1.0, N_("Seconds since the start"))
    figure = new_figure(translate(unit), height_px=height_px, barmode="overlay", bargap=0.25)
    for outcome, (name, colour, pattern) in OUTCOMES.items():
        members = [span for span in shown if span.outcome == outcome]
        if members:
            figure.add_bar(
                x=[round((span.end_s - span.start_s) / factor, 3) for span in members],
                base=[round(span.start_s / factor, 3) for span in members],
                y=[safe(span.worker) for span in members],
                customdata=[[span.trial, round(span.end_s - span.start_s, 1)] for span in members],
                text=[str(span.trial) for span in members],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                constraintext="inside",
                orientation="h",
                name=translate(name),
                marker={"color": colour, "pattern": {"shape": pattern, "size": 5, "solidity": 0.25}},
                hovertemplate=translate(N_("trial {n}")).format(n="%{customdata[0]}")
                + ": %{customdata[1]} s<extra></extra>",
            )
    if now_s is not None:
        figure.add_vline(x=now_s / factor, line={"color": MUTED, "dash": "dot", "width": 1.5})
    figure.update_yaxes(categoryorder="array", categoryarray=[safe(worker) for worker in reversed(workers)])
    figure.update_xaxes(range=[0, end_s / factor * 1.02 or 1])
    return figure.update_layout(uniformtext={"minsize": 9, "mode": "hide"})
