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
    template,
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


@dataclass(frozen=True)
class Panel:
    """One metric of a baseline and its variants, on an axis of its own."""

    title: str  # of the vertical axis, translated
    baseline: Line | None
    variants: Sequence[Line]
    smoothing: float = 0.0  # weight of the moving average
    factor: float = 1.0  # what values are multiplied with (100 for percent)
    unit: str = ""  # behind the values ("%")


def probe_curves(
    panels: Sequence[Panel], *, max_step: int, height_px: int = 440, translate: Translate = untranslated
) -> go.Figure:
    """The variants' curves over the baseline's band, on axes that do not move while the curves fill in.

    The baseline is grey: the mean of its finished seeds and one standard deviation to each side. A variant is the mean
    of its finished seeds; what is still running is a thin line.

    Args:
        panels: from top to bottom, over one axis of steps; the upper one is a little taller.
        max_step: the right end of the axis: the steps of the probe.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    layout: dict[str, Any] = {
        "template": template(),
        "height": height_px,
        "hovermode": "x unified",
        "uirevision": "probe",
        "annotations": [],
        "xaxis": {
            "title": {"text": translate(N_("Step"))},
            "range": [0, max(1, max_step)],
            "anchor": f"y{_number(len(panels))}",
        },
    }
    traces: list[dict[str, Any]] = []
    for place, panel in enumerate(panels):
        low, high = _domain(place, len(panels))
        visible = _visible_range(panel)
        layout[f"yaxis{_number(place + 1)}"] = {
            "title": {"text": panel.title},
            "domain": [low, high],
            "range": visible,
            "showticklabels": visible is not None,
            "ticksuffix": f" {panel.unit}" if panel.unit else "",
            "nticks": 6,
        }
        traces += _panel_traces(panel, f"y{_number(place + 1)}", first=place == 0)
        if not any(seed.points for line in _lines(panel) for seed in line.seeds):
            layout["annotations"].append(_nothing_yet((low + high) / 2, translate))
    return go.Figure(data=traces, layout=layout)  # in one go: each later change would be checked for itself


def _nothing_yet(y: float, translate: Translate) -> dict[str, Any]:
    text = translate(N_("The first point appears in a moment"))
    place = {"x": 0.5, "y": y, "xref": "paper", "yref": "paper"}
    return {"text": text, "showarrow": False, "font": {"color": MUTED}, **place}


def _lines(panel: Panel) -> list[Line]:
    return [line for line in (panel.baseline, *panel.variants) if line is not None]


def _panel_traces(panel: Panel, axis: str, *, first: bool) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = []
    if panel.baseline is not None:
        grey = {"color": MUTED, "dash": "solid"}
        traces += _line_traces(panel, panel.baseline, grey, axis, band=BAND, named=first)
    for line in panel.variants:
        style = look(line.number)
        band = _transparent(str(style["color"])) if len(panel.variants) == 1 else ""
        traces += _line_traces(panel, line, style, axis, band=band, named=first)
    return traces


def _number(place: int) -> str:
    """Plotly calls its first axis "y", the others "y2", "y3"…"""
    return "" if place == 1 else str(place)


def _domain(place: int, count: int) -> tuple[float, float]:
    """The share of the height that a panel takes: the upper one 1.3 times as much as each of the others."""
    gap = 0.06
    unit = (1.0 - gap * (count - 1)) / (count + 0.3)
    top = 1.0 - (unit * 1.3 + gap + (place - 1) * (unit + gap) if place else 0.0)
    return max(0.0, top - unit * (1.0 if place else 1.3)), top


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
        figure.add_trace(_band(x, low * factor, high * factor, _transparent(ACCENT)))
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


def _line_traces(
    panel: Panel, line: Line, style: Mapping[str, Any], axis: str, *, band: str, named: bool
) -> list[dict[str, Any]]:
    """Mean and band of the finished seeds; what is still running thin, or in full where nothing is finished yet."""
    finished = [seed for seed in line.seeds if seed.finished and seed.points]
    running = [seed for seed in line.seeds if not seed.finished and seed.points]
    main = finished or running[:1]
    steps, mean, spread = mean_and_spread(main, panel.smoothing)
    traces = []
    if band and len(main) > 1:
        traces.append(_band(steps, (mean - spread) * panel.factor, (mean + spread) * panel.factor, band, axis))
    x, y = thin(steps, mean * panel.factor, CURVE_POINTS)
    name = safe(line.name, 60)
    common = {"type": "scatter", "yaxis": axis, "legendgroup": name}
    traces.append(
        common
        | {
            "x": x.tolist(),  # so short that a packed array, which a browser has to unpack, gains nothing
            "y": y.tolist(),
            "mode": "lines+markers" if len(x) < 12 else "lines",
            "name": name,
            "showlegend": named,
            "line": {"color": style["color"], "dash": style["dash"], "width": 2.2},
            "marker": {"symbol": style.get("symbol", "circle"), "size": 6, "color": style["color"]},
            "hovertemplate": f"%{{y:.4g}} {panel.unit}<extra>{name}</extra>",
        }
    )
    for seed in running if finished else running[1:]:
        pairs = _smoothed(seed.points, panel.smoothing)
        traces.append(
            common
            | {
                "x": [step for step, _value in pairs],
                "y": [value * panel.factor for _step, value in pairs],
                "mode": "lines",
                "line": {"color": style["color"], "width": 1},
                "opacity": 0.5,
                "showlegend": False,
                "hoverinfo": "skip",
            }
        )
    return traces


def _band(x: NDArray[Any], low: NDArray[Any], high: NDArray[Any], colour: str, axis: str = "y") -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": np.concatenate([x, x[::-1]]).tolist(),
        "y": np.concatenate([high, low[::-1]]).tolist(),
        "yaxis": axis,
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": colour,
        "hoverinfo": "skip",
        "showlegend": False,
    }


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


def _visible_range(panel: Panel) -> list[float] | None:
    """A vertical range that holds the baseline whole and variants near it; a curve that explodes leaves the picture."""
    own = _values(panel.baseline.seeds if panel.baseline is not None else (), panel.smoothing) * panel.factor
    others = [_values(line.seeds, panel.smoothing) * panel.factor for line in panel.variants]
    all_of = np.concatenate([own, *others])
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


def _transparent(colour: str, opacity: float = 0.16) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
