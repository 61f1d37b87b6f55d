"""What a tweak does: curves over the baseline's band, and curves drawn further than they were measured.

All of it from plain records. A line is never drawn alone: where there are several seeds their spread is there too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.figures.effects import BAND
from engine.figures.theme import (
    ACCENT,
    MUTED,
    Translate,
    empty_figure,
    look,
    new_figure,
    safe,
    thin,
    untranslated,
)
from engine.figures.training import smooth
from engine.specs.records import Interval
from engine.text import N_

CURVE_POINTS = 300  # a trace; a probe has a few hundred steps, and the figure is sent several times a second
HEADROOM = 0.6  # how far a curve may leave the baseline's range before the axis stops following it


@dataclass(frozen=True)
class SeedCurve:
    """A metric of one probe."""

    points: Sequence[tuple[int, float]]  # (step, value), ascending
    finished: bool = True


@dataclass(frozen=True)
class Line:
    """One document on a chart: its name, a curve for each seed, and the place of its colour."""

    name: str
    seeds: Sequence[SeedCurve]
    number: int = 0


def probe_curves(
    baseline: Line | None,
    variants: Sequence[Line],
    y_title: str,
    *,
    max_step: int,
    smoothing: float = 0.0,
    log_scale: bool = False,
    unit: str = "",
    factor: float = 1.0,
    height_px: int = 360,
    translate: Translate = untranslated,
) -> go.Figure:
    """The variants' curves over the baseline's band, on axes that do not move while the curves fill in.

    Args:
        baseline: drawn grey: the mean of its finished seeds and one standard deviation to each side.
        variants: the mean of the finished seeds of each, and what is still running as a thin line.
        y_title: translated.
        max_step: the right end of the axis: the steps of the probe.
        smoothing: weight of the moving average.
        log_scale: logarithmic vertical axis.
        unit: behind the values ("%").
        factor: what values are multiplied with (100 for percent).
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    lines = ([baseline] if baseline is not None else []) + list(variants)
    if not any(seed.points for line in lines for seed in line.seeds):
        return empty_figure(translate(N_("The first point appears in a moment")), height_px=height_px)
    figure = new_figure(translate(N_("Step")), y_title, height_px=height_px, hovermode="x unified")
    if baseline is not None:
        _add_line(figure, baseline, {"color": MUTED, "dash": "solid"}, smoothing, factor, unit, band=BAND)
    for line in variants:
        style = look(line.number)
        band = _transparent(str(style["color"])) if len(variants) == 1 else ""
        _add_line(figure, line, style, smoothing, factor, unit, band=band)
    figure.update_xaxes(range=[0, max(1, max_step)])
    span = _visible_range(baseline, variants, smoothing, factor, log_scale=log_scale)
    figure.update_yaxes(type="log" if log_scale else "linear", range=span, ticksuffix=f" {unit}" if unit else "")
    figure.update_layout(uirevision="probe")
    return figure


def mean_and_spread(
    seeds: Sequence[SeedCurve], smoothing: float = 0.0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Steps that all seeds have reached, the mean over the seeds, and their standard deviation (n - 1).

    Returns:
        Three arrays `(steps,)`; the spread is NaN with one seed.
    """
    curves = [dict(_smoothed(seed.points, smoothing)) for seed in seeds if seed.points]
    if not curves:
        return np.empty(0), np.empty(0), np.empty(0)
    steps = sorted(set(curves[0]).intersection(*curves[1:]))
    table = np.array([[curve[step] for step in steps] for curve in curves], dtype=np.float64)
    mean = table.mean(axis=0) if steps else np.empty(0)
    spread = table.std(axis=0, ddof=1) if len(curves) > 1 else np.full(len(steps), np.nan)
    return np.array(steps), mean, spread


def extrapolation(
    measured: Sequence[tuple[float, float]],
    curve: Sequence[tuple[float, float, float, float]],
    x_title: str,
    y_title: str,
    *,
    asked: Sequence[tuple[float, Interval]] = (),
    factor: float = 1.0,
    unit: str = "",
    log_x: bool = False,
    height_px: int = 320,
    translate: Translate = untranslated,
) -> go.Figure:
    """What was measured, the curve drawn further with its interval, and the value at what was asked for.

    Args:
        measured: (x, value).
        curve: (x, value, low, high), ascending in x.
        x_title: translated.
        y_title: translated.
        asked: (x, value with interval), marked.
        factor: what values are multiplied with.
        unit: behind the values.
        log_x: logarithmic horizontal axis.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    if not measured and not curve:
        return empty_figure(translate(N_("Nothing measured yet")), height_px=height_px)
    figure = new_figure(x_title, y_title, height_px=height_px, hovermode="closest")
    if curve:
        x, value, low, high = (np.array(column, float) for column in zip(*curve, strict=True))
        _add_band(figure, x, low * factor, high * factor, _transparent(ACCENT))
        figure.add_scatter(
            x=x,
            y=value * factor,
            mode="lines",
            name=translate(N_("drawn further")),
            line={"color": ACCENT, "dash": "dash", "width": 2},
            hovertemplate=f"%{{y:.4g}} {unit}<extra></extra>",
        )
    if measured:
        xs, ys = (np.array(column, float) for column in zip(*measured, strict=True))
        figure.add_scatter(
            x=xs,
            y=ys * factor,
            mode="lines+markers" if len(xs) > 12 else "markers",
            name=translate(N_("measured")),
            line={"color": look(2)["color"], "width": 2},
            marker={"color": look(2)["color"], "size": 5 if len(xs) > 12 else 8, "symbol": "diamond"},
            hovertemplate=f"%{{y:.4g}} {unit}<extra></extra>",
        )
    for at, interval in asked:
        _add_asked(figure, at, interval, factor, unit, translate)
    figure.update_xaxes(type="log" if log_x else "linear")
    figure.update_yaxes(ticksuffix=f" {unit}" if unit else "")
    return figure


def _add_line(
    figure: go.Figure,
    line: Line,
    style: Mapping[str, Any],
    smoothing: float,
    factor: float,
    unit: str,
    *,
    band: str,
) -> None:
    """Mean and band of the finished seeds; what is still running thin, or in full where nothing is finished yet."""
    finished = [seed for seed in line.seeds if seed.finished and seed.points]
    running = [seed for seed in line.seeds if not seed.finished and seed.points]
    main = finished or running[:1]
    steps, mean, spread = mean_and_spread(main, smoothing)
    if band and len(main) > 1:
        _add_band(figure, steps, (mean - spread) * factor, (mean + spread) * factor, band)
    x, y = thin(steps, mean * factor, CURVE_POINTS)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers" if len(x) < 12 else "lines",
        name=safe(line.name, 60),
        line={"color": style["color"], "dash": style["dash"], "width": 2.2},
        marker={"symbol": style.get("symbol", "circle"), "size": 6, "color": style["color"]},
        hovertemplate=f"%{{y:.4g}} {unit}<extra>{safe(line.name, 60)}</extra>",
    )
    for seed in running if finished else running[1:]:
        x, y = thin(*_arrays(_smoothed(seed.points, smoothing), factor), CURVE_POINTS)
        thin_line = {"color": style["color"], "width": 1}
        figure.add_scatter(x=x, y=y, mode="lines", line=thin_line, opacity=0.5, showlegend=False, hoverinfo="skip")


def _add_band(figure: go.Figure, x: NDArray[Any], low: NDArray[Any], high: NDArray[Any], colour: str) -> None:
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=colour,
        hoverinfo="skip",
        showlegend=False,
    )


def _add_asked(
    figure: go.Figure, at: float, interval: Interval, factor: float, unit: str, translate: Translate
) -> None:
    figure.add_scatter(
        x=[at],
        y=[interval.value * factor],
        mode="markers",
        name=translate(N_("asked for")),
        marker={"color": look(1)["color"], "symbol": "star", "size": 13},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [(interval.high - interval.value) * factor],
            "arrayminus": [(interval.value - interval.low) * factor],
            "color": look(1)["color"],
            "thickness": 1.6,
            "width": 6,
        },
        hovertemplate=f"%{{y:.4g}} {unit}<extra></extra>",
    )


def _visible_range(
    baseline: Line | None, variants: Sequence[Line], smoothing: float, factor: float, *, log_scale: bool
) -> list[float] | None:
    """A vertical range that holds the baseline whole and variants near it; a curve that explodes leaves the picture."""
    own = _values(baseline.seeds if baseline is not None else (), smoothing) * factor
    all_of = np.concatenate([own, *(_values(line.seeds, smoothing) * factor for line in variants)])
    if log_scale:
        own, all_of = (np.log10(values[values > 0]) for values in (own, all_of))
    if not len(all_of):
        return None
    if len(own):
        span = max(float(np.ptp(own)), 1e-3 * abs(float(own.mean())), 1e-9)
        low = max(float(all_of.min()), float(own.min()) - HEADROOM * span)
        high = min(float(all_of.max()), float(own.max()) + HEADROOM * span)
    else:
        low, high = float(all_of.min()), float(np.quantile(all_of, 0.98))
    margin = 0.06 * max(high - low, 1e-9)
    return [low - margin, high + margin]


def _values(seeds: Sequence[SeedCurve], smoothing: float) -> NDArray[np.float64]:
    values = [value for seed in seeds for _step, value in _smoothed(seed.points, smoothing)]
    return np.array([value for value in values if math.isfinite(value)], dtype=np.float64)


def _smoothed(points: Sequence[tuple[int, float]], smoothing: float) -> list[tuple[int, float]]:
    values = smooth([value for _step, value in points], smoothing)
    return [(step, float(value)) for (step, _value), value in zip(points, values, strict=True)]


def _arrays(pairs: Sequence[tuple[int, float]], factor: float) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.array([step for step, _value in pairs]), np.array([value for _step, value in pairs]) * factor


def _transparent(colour: str, opacity: float = 0.16) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
