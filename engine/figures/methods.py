"""Methods of fine-tuning side by side: what each gives against what it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from engine.figures.theme import MUTED, Translate, empty_figure, new_figure, safe, untranslated
from engine.text import N_

SMALLEST_PX, LARGEST_PX = 12, 34  # of a method's marker


@dataclass(frozen=True)
class MethodPoint:
    """One method over its seeds.

    Args:
        name: translated.
        scores: of its finished runs, in the unit of the axis.
        trainable: weights that learn.
        memory_bytes: the largest of its runs; None where it was not measured.
        seconds: of a run, the mean; None where it was not measured.
    """

    name: str
    scores: Sequence[float]
    trainable: int
    memory_bytes: float | None = None
    seconds: float | None = None

    @property
    def mean(self) -> float:
        """Of the scores."""
        return float(np.mean(self.scores))

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds (n - 1); 0 with one."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else 0.0


def method_scatter(
    points: Sequence[MethodPoint], y_title: str, *, unit: str = "", translate: Translate = untranslated
) -> go.Figure:
    """Methods side by side: how good each is against how many weights it trains.

    The size of a marker is the memory of its runs, its colour their time, its bar the standard deviation over seeds;
    the name stands beside it, so that neither carries the meaning alone.

    Args:
        points: the methods that have a finished run.
        y_title: of the metric, translated.
        unit: behind its values.
        translate: for the words of the figure.
    """
    shown = [point for point in points if point.scores]
    if not shown:
        return empty_figure(translate(N_("No run has finished yet")), height_px=400)
    figure = new_figure(translate(N_("Weights that learn")), y_title, height_px=420, showlegend=False)
    times = [point.seconds or 0.0 for point in shown]
    figure.add_scatter(
        x=[max(1, point.trainable) for point in shown],
        y=[point.mean for point in shown],
        mode="markers+text",
        text=[safe(point.name, 24) for point in shown],
        textposition=_text_places(shown),
        error_y={
            "type": "data",
            "array": [point.spread for point in shown],
            "color": MUTED,
            "thickness": 1.4,
            "width": 5,
        },
        marker={
            "size": _sizes(shown),
            "color": times,
            "colorscale": [[0.0, "#93b1ea"], [1.0, "#1f4aa0"]],
            "cmin": 0.0,
            "cmax": max(times) or 1.0,
            "showscale": any(times),
            "colorbar": {
                "title": {"text": translate(N_("Seconds a run")), "side": "right"},
                "thickness": 10,
                "outlinewidth": 0,
            },
            "line": {"width": 1, "color": "rgba(255,255,255,0.8)"},
        },
        hovertext=[_method_text(point, y_title, unit, translate) for point in shown],
        hoverinfo="text",
    )
    low, high = (math.log10(max(1, f(point.trainable for point in shown))) for f in (min, max))
    figure.update_xaxes(type="log", range=[low - 0.5, high + 0.7], dtick=1, tickformat="~s")
    return figure.update_yaxes(ticksuffix=unit)


def _method_text(point: MethodPoint, y_title: str, unit: str, translate: Translate) -> str:
    lines = [
        f"<b>{safe(point.name)}</b>",
        f"{y_title}: {point.mean:.4g}{unit} ± {point.spread:.2g}",
        f"{translate(N_('Weights that learn'))}: {point.trainable:,}",
    ]
    if point.memory_bytes:
        lines.append(f"{translate(N_('Memory'))}: {point.memory_bytes / 1e9:.2f} GB")
    if point.seconds:
        lines.append(f"{translate(N_('Seconds a run'))}: {point.seconds:.0f}")
    return "<br>".join(lines)


def _sizes(points: Sequence[MethodPoint]) -> list[float]:
    """By memory, the area in proportion; all alike where none is known."""
    most = max((point.memory_bytes or 0.0 for point in points), default=0.0)
    if not most:
        return [16.0] * len(points)
    return [max(SMALLEST_PX, LARGEST_PX * math.sqrt((point.memory_bytes or 0.0) / most)) for point in points]


def _text_places(points: Sequence[MethodPoint]) -> list[str]:
    """Beside the bar, in turn round the marker, so that neighbours do not write over each other."""
    order = sorted(range(len(points)), key=lambda place: points[place].trainable)
    places = ("top right", "bottom right", "top left", "bottom left")
    return [places[order.index(place) % len(places)] for place in range(len(points))]
