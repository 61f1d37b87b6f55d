"""What happens while a model learns: curves of metrics, rate, gradients and the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.figures.theme import (
    ACCENT,
    MUTED,
    WARNING,
    Translate,
    empty_figure,
    look,
    new_figure,
    safe,
    thin,
    untranslated,
)
from engine.specs.records import MetricPoint
from engine.text import N_

LOWER_IS_BETTER = ("loss", "error", "rmse", "mae", "brier")
PART_NAMES = {"train": N_("train"), "val": N_("validation"), "test": N_("test")}
NOTHING_YET = N_("Nothing measured yet")
Curve = Sequence[MetricPoint]
# Metric key → title, unit, factor, logarithmic
GAUGES: dict[str, tuple[str, str, float, bool]] = {
    "learning_rate": (N_("Learning rate"), "", 1.0, False),
    "gradient_norm": (N_("Gradient norm"), "", 1.0, True),
    "samples_per_s": (N_("Examples per second"), "/s", 1.0, False),
    "memory_bytes": (N_("Memory"), "GB", 1e-9, False),
    "cpu_percent": (N_("CPU"), "%", 1.0, False),
    "gpu_percent": (N_("GPU"), "%", 1.0, False),
}


def smooth(values: Sequence[float] | NDArray[Any], weight: float) -> NDArray[np.float64]:
    """Exponential moving average without the pull towards zero at the start (Kingma & Ba 2015, section 3).

    Args:
        values: `(points,)`; gaps (NaN) stay gaps.
        weight: 0 leaves the curve as it is, 0.99 makes it very calm.
    """
    raw = np.asarray(values, dtype=np.float64)
    if weight <= 0 or len(raw) == 0:
        return raw
    result, average, mass = np.full(len(raw), np.nan), 0.0, 0.0
    for place, value in enumerate(raw):
        if math.isfinite(value):
            average = weight * average + (1 - weight) * value
            mass = weight * mass + (1 - weight)
            result[place] = average / mass
    return result


def learning_curves(
    runs: Mapping[str, Mapping[str, Curve]] | Mapping[str, Curve],
    metric: str = "",
    *,
    parts: Sequence[str] = ("train", "val"),
    smoothing: float = 0.0,
    steps_per_epoch: float | None = None,
    show_best: bool = True,
    title: str = "",
    log_scale: bool = False,
    lower_is_better: bool | None = None,
    height_px: int = 320,
    translate: Translate = untranslated,
) -> go.Figure:
    """One metric of one or several runs, train dotted and validation solid, with the best so far marked.

    Args:
        runs: run name → metric key ("val/accuracy") → points, as `api.history` gives them; or one run's points by key.
        metric: the key without its part, such as "loss" or "accuracy"; that of the first key where not given.
        parts: which parts to draw.
        smoothing: weight of the moving average, 0 to 0.999; the raw curve stays visible behind it.
        steps_per_epoch: draw epochs instead of steps.
        show_best: mark the best point of the last part in `parts`.
        title: of the vertical axis, translated; default: the metric's name.
        log_scale: logarithmic vertical axis.
        lower_is_better: which way is up; guessed from the metric's name where not given.
        height_px: height of the figure.
        translate: for the words of the figure.
    """
    named, metric = _by_run(runs, metric)
    figure = new_figure(
        translate(N_("Epoch")) if steps_per_epoch else translate(N_("Step")),
        title or safe(metric.replace("_", " ")),
        height_px=height_px,
        hovermode="x unified" if len(named) == 1 else "closest",
    )
    lower = any(word in metric for word in LOWER_IS_BETTER) if lower_is_better is None else lower_is_better
    drawn = 0
    for number, (name, history) in enumerate(named.items()):
        for part in parts:
            points = history.get(f"{part}/{metric}", ())
            if points:
                label = _curve_name(name, part, len(named), translate)
                style = _part_look(number, part, single=len(named) == 1)
                _add_curve(figure, points, label, style, smoothing, steps_per_epoch, group=name)
                drawn += 1
        watched = history.get(f"{parts[-1]}/{metric}", ())
        if show_best and watched:
            _mark_best(figure, watched, lower, steps_per_epoch, number, translate)
    if not drawn:
        return empty_figure(translate(NOTHING_YET), height_px=height_px)
    if log_scale:
        figure.update_yaxes(type="log")
    return figure


def sparkline(values: Sequence[float], *, height_px: int = 40, width_px: int | None = None) -> go.Figure:
    """A curve without words, for lists: the last point marked."""
    figure = new_figure(height_px=height_px, showlegend=False, hovermode=False)
    figure.update_layout(margin={"l": 2, "r": 4, "t": 2, "b": 2}, width=width_px)
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    if len(values):
        x, y = thin(range(len(values)), values, 80)
        figure.add_scatter(x=x, y=y, mode="lines", line={"color": ACCENT, "width": 1.8})
        figure.add_scatter(x=x[-1:], y=y[-1:], mode="markers", marker={"color": ACCENT, "size": 5})
    return figure


def series(
    curves: Mapping[str, Curve],
    y_title: str,
    *,
    unit: str = "",
    smoothing: float = 0.0,
    log_scale: bool = False,
    from_zero: bool = False,
    steps_per_epoch: float | None = None,
    height_px: int = 240,
    translate: Translate = untranslated,
) -> go.Figure:
    """Any curves over steps on one axis: label (translated) → points."""
    x_title = translate(N_("Epoch")) if steps_per_epoch else translate(N_("Step"))
    figure = new_figure(x_title, y_title, height_px=height_px, hovermode="x unified")
    for number, (name, points) in enumerate(curves.items()):
        if points:
            _add_curve(figure, points, safe(name), look(number), smoothing, steps_per_epoch, group=name, unit=unit)
    if not figure.data:
        return empty_figure(translate(NOTHING_YET), height_px=height_px)
    figure.update_layout(showlegend=len(curves) > 1)
    figure.update_yaxes(type="log" if log_scale else "linear", rangemode="tozero" if from_zero else "normal")
    if unit:
        figure.update_yaxes(ticksuffix=f" {unit}")
    return figure


def learning_rate(points: Curve, *, translate: Translate = untranslated, **options: Any) -> go.Figure:
    """The learning rate over the run."""
    figure = series({"lr": points}, translate(N_("Learning rate")), translate=translate, **options)
    return figure.update_yaxes(exponentformat="power")


def gradient_norm(points: Curve, *, translate: Translate = untranslated, **options: Any) -> go.Figure:
    """The length of the gradient before clipping; a curve that climbs for long announces divergence."""
    title = translate(N_("Gradient norm"))
    return series({title: points}, title, log_scale=True, translate=translate, **options)


def throughput(points: Curve, *, translate: Translate = untranslated, **options: Any) -> go.Figure:
    """Examples a second."""
    title = translate(N_("Examples per second"))
    return series({title: points}, title, from_zero=True, translate=translate, **options)


def machine_use(curves: Mapping[str, Curve], *, translate: Translate = untranslated, **options: Any) -> go.Figure:
    """CPU, memory and GPU in percent: label (translated) → points of 0 to 100."""
    figure = series(curves, translate(N_("In use")), unit="%", from_zero=True, translate=translate, **options)
    return figure.update_yaxes(range=[0, 102])


def learning_rate_finder(found: Mapping[str, Any], *, translate: Translate = untranslated) -> go.Figure:
    """The range test (Smith 2017): loss while the rate grows, with the suggested rate.

    Args:
        found: "learning_rates", "losses" and "suggestion".
        translate: for the words of the figure.
    """
    rates, losses = np.asarray(found["learning_rates"], float), np.asarray(found["losses"], float)
    if not len(rates):
        return empty_figure(translate(NOTHING_YET))
    figure = new_figure(translate(N_("Learning rate")), translate(N_("Loss")), showlegend=False)
    x, y = thin(rates, losses)
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"color": ACCENT}, hovertemplate="%{x:.2e}: %{y:.4g}<extra></extra>"
    )
    figure.update_xaxes(type="log", exponentformat="power")
    best = losses[np.isfinite(losses)]
    if len(best):  # the blow-up at the end would flatten all that matters
        figure.update_yaxes(range=[best.min() - 0.05 * np.ptp(best[: len(best) // 2 + 1]) - 1e-9, _ceiling(best)])
    suggestion = found.get("suggestion")
    if suggestion:
        figure.add_vline(x=float(suggestion), line={"color": WARNING, "dash": "dash", "width": 1.5})
        figure.add_annotation(
            x=math.log10(float(suggestion)),
            y=0.02,  # the loss is high there on the left, and Plotly's buttons come up above
            yref="paper",
            yanchor="bottom",
            xanchor="right",
            xshift=-4,
            showarrow=False,
            text=f"{translate(N_('suggested'))} {float(suggestion):.2e}",
            font={"color": WARNING},
        )
    return figure


def run_gauges(curves: Mapping[str, Curve], *, translate: Translate = untranslated) -> go.Figure:
    """Rate, gradient, throughput and the machine as small figures beside each other, on one axis of steps.

    Args:
        curves: metric key → points; the keys of `GAUGES` are drawn in their order, others after them.
        translate: for the words of the figure.
    """
    from plotly.subplots import make_subplots

    keys = [key for key in GAUGES if curves.get(key)] + [key for key in curves if key not in GAUGES and curves[key]]
    if not keys:
        return empty_figure(translate(NOTHING_YET))
    columns = min(2, len(keys))
    rows = -(-len(keys) // columns)
    titles = [translate(GAUGES[key][0]) if key in GAUGES else safe(key) for key in keys]
    figure = make_subplots(rows, columns, subplot_titles=titles, horizontal_spacing=0.12, vertical_spacing=0.32 / rows)
    figure.update_layout(template=new_figure().layout.template, height=60 + 150 * rows, showlegend=False)
    figure.update_annotations(font_size=13)
    for number, key in enumerate(keys):
        _title, unit, scale, log_scale = GAUGES.get(key, ("", "", 1.0, False))
        x, y = thin([point.step for point in curves[key]], [point.value * scale for point in curves[key]])
        cell = {"row": number // columns + 1, "col": number % columns + 1}
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines" if len(x) > 1 else "markers",
            line={"color": ACCENT, "width": 1.8},
            hovertemplate=f"%{{y:.4g}} {unit}<extra></extra>",
            **cell,
        )
        figure.update_yaxes(
            type="log" if log_scale else "linear",
            ticksuffix=f" {unit}" if unit else "",
            rangemode="normal" if log_scale else "tozero",
            nticks=5,
            exponentformat="power" if log_scale else "SI",
            **cell,
        )
    return figure


def _by_run(
    runs: Mapping[str, Mapping[str, Curve]] | Mapping[str, Curve], metric: str
) -> tuple[dict[str, Mapping[str, Curve]], str]:
    """Curves by run name and key, and the metric, whichever way they came."""
    named: dict[str, Mapping[str, Curve]] = {}
    single: dict[str, Curve] = {}
    for name, value in runs.items():
        if isinstance(value, Mapping):
            named[name] = value
        else:
            single[name] = value
    if single or not named:
        named[""] = single
    keys = [key for history in named.values() for key in history]
    return named, metric or (keys[0].split("/", 1)[-1] if keys else "")


def _ceiling(losses: NDArray[np.float64]) -> float:
    start, low = float(losses[0]), float(losses.min())
    return low + 1.5 * max(start - low, 0.1 * abs(low), 1e-6)


def _curve_name(run: str, part: str, runs: int, translate: Translate) -> str:
    part_name = translate(PART_NAMES[part]) if part in PART_NAMES else safe(part)
    return part_name if runs == 1 else f"{safe(run, 24)} · {part_name}"


def _part_look(number: int, part: str, *, single: bool) -> dict[str, Any]:
    """Validation is solid and in full colour, train dotted: the eye should rest on what counts."""
    style = look(number)
    if part == "train":
        return style | {"dash": "dot", "color": MUTED if single else style["color"]}
    return style | {"dash": "solid" if single else style["dash"]}


def _add_curve(
    figure: go.Figure,
    points: Curve,
    name: str,
    style: Mapping[str, Any],
    smoothing: float,
    steps_per_epoch: float | None,
    *,
    group: str,
    unit: str = "",
) -> None:
    steps = np.array([point.step for point in points], float) / (steps_per_epoch or 1)
    values = np.array([point.value for point in points], float)
    line = {"color": style["color"], "dash": style["dash"], "width": 2}
    mode = "lines+markers" if len(values) == 1 else "lines"
    if smoothing > 0:
        x, y = thin(steps, values)
        figure.add_scatter(
            x=x, y=y, mode=mode, line=line | {"width": 1}, opacity=0.25, showlegend=False, hoverinfo="skip"
        )
    x, y = thin(steps, smooth(values, smoothing))
    figure.add_scatter(
        x=x,
        y=y,
        mode=mode,
        name=name,
        line=line,
        marker={"symbol": style["symbol"], "size": 6},
        legendgroup=group,
        hovertemplate=f"%{{y:.4g}}{' ' + unit if unit else ''}<extra>{name}</extra>",
    )


def _mark_best(
    figure: go.Figure, points: Curve, lower: bool, steps_per_epoch: float | None, number: int, translate: Translate
) -> None:
    finite = [point for point in points if math.isfinite(point.value)]
    if not finite:
        return
    best = (min if lower else max)(finite, key=lambda point: point.value)
    figure.add_scatter(
        x=[best.step / (steps_per_epoch or 1)],
        y=[best.value],
        mode="markers",
        name=f"{translate(N_('best'))} {best.value:.4g}",
        marker={"symbol": "star", "size": 12, "color": look(number)["color"], "line": {"width": 1, "color": "white"}},
        showlegend=number == 0,
        hovertemplate=f"{translate(N_('best'))}: %{{y:.4g}}<extra></extra>",
    )
