"""One look for every figure: calm, one accent, readable for the colour-blind, light and dark.

Colours come in a fixed order, and each comes with its own dash and marker, so that colour never carries the meaning
alone. The order keeps neighbours apart in lightness and hue for protan, deutan and tritan eyes (after Okabe & Ito
2008). Backgrounds are left transparent: the figure lies on the page's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

Translate = Callable[[str], str]

ACCENT = "#3b6fd4"
COLOURS = (ACCENT, "#d9822b", "#2f9e77", "#8e5bc0", "#c8476b", "#5b8a9a", "#a08326", "#7a7f8a")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star", "triangle-down")
MUTED = "#8a93a3"
WARNING = "#c8476b"
# The page shines through the lower part, so that the same scale reads on white and on dark.
SEQUENTIAL = ((0.0, "rgba(59,111,212,0.03)"), (0.8, "rgba(59,111,212,0.72)"), (1.0, "#1f4aa0"))
DIVERGING = ((0.0, "#b8562b"), (0.25, "#e7b493"), (0.5, "rgba(138,147,163,0.12)"), (0.75, "#93b1ea"), (1.0, "#1f4aa0"))
FONT = (
    '"Source Sans", "Source Sans 3", system-ui, "Segoe UI", "Noto Sans", "PingFang SC", "Microsoft YaHei", '
    '"Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Micro Hei", sans-serif'
)
MAX_POINTS = 2000  # a trace; more cannot be seen and cost the browser and the wire


def untranslated(text: str) -> str:
    """English as it is: the default of every figure's `translate`."""
    return text


@cache  # Plotly checks each of its values, which takes longer than to draw most figures
def template(*, dark: bool = False) -> go.layout.Template:
    """The look of a figure as a Plotly template. It is shared: figures copy it, nobody changes it."""
    text, grid, line = ("#d5dae3", "rgba(213,218,227,0.12)", "#4a5363") if dark else ("#2b3342", "#e8ebf0", "#c5cbd6")
    axis = {
        "gridcolor": grid,
        "zeroline": False,
        "linecolor": line,
        "showline": True,
        "ticks": "outside",
        "tickcolor": line,
        "ticklen": 4,
        "title": {"standoff": 8, "font": {"size": 13}},
        "automargin": True,
        "separatethousands": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(COLOURS),
            "colorscale": {"sequential": SEQUENTIAL, "diverging": DIVERGING},
            "margin": {"l": 8, "r": 12, "t": 28, "b": 8},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "yanchor": "bottom",
                "y": 1.0,
                "xanchor": "left",
                "x": 0,
                "title": {"text": ""},
            },
            "hoverlabel": {
                "font": {"family": FONT, "size": 13, "color": text},
                "bgcolor": "#1b212b" if dark else "#ffffff",
                "bordercolor": line,
                "align": "left",
            },
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": MUTED, "activecolor": ACCENT},
            "barcornerradius": 3,
            "bargap": 0.15,
        }
    )


def themed(figure: go.Figure, *, dark: bool = False) -> go.Figure:
    """The same figure for a light or a dark page."""
    figure.layout.template = template(dark=dark)
    return figure


def new_figure(x_title: str = "", y_title: str = "", *, height_px: int = 320, **layout: Any) -> go.Figure:
    """An empty figure in the house's look, its titles already translated."""
    axes = {"xaxis": {"title": {"text": x_title}}, "yaxis": {"title": {"text": y_title}}}
    return go.Figure(layout={"template": template(), "height": height_px, **axes, **layout})


def empty_figure(message: str, *, height_px: int = 320) -> go.Figure:
    """A figure that says why there is nothing to see (translated), of the size of the one that will come."""
    figure = new_figure(height_px=height_px)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=message, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper", font={"color": MUTED}
    )
    return figure


def look(number: int) -> dict[str, Any]:
    """Colour, dash and marker of the n-th series."""
    place = number % len(COLOURS)
    return {"color": COLOURS[place], "dash": DASHES[place], "symbol": MARKERS[place]}


def safe(text: object, length: int = 40) -> str:
    """A text that a person gave, for labels and hovers: Plotly reads a few HTML tags in them, so none are left."""
    whole = " ".join(str(text).split())
    short = whole if len(whole) <= length else whole[: length - 1] + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def thin(
    x: Sequence[float] | NDArray[Any], y: Sequence[float] | NDArray[Any], points: int = MAX_POINTS
) -> tuple[NDArray[Any], NDArray[Any]]:
    """At most `points` of a curve: the lowest and highest of each stretch, and the first and the last.

    Spikes stay where they are; an even sample would lose them.
    """
    xs, ys = np.asarray(x), np.asarray(y, dtype=np.float64)
    if len(ys) <= points:
        return xs, ys
    stretches = np.array_split(np.arange(len(ys)), (points - 2) // 2)
    kept = {0, len(ys) - 1}
    for stretch in stretches:
        values = np.where(np.isfinite(ys[stretch]), ys[stretch], 0.0)
        kept |= {int(stretch[values.argmin()]), int(stretch[values.argmax()])}
    chosen = np.array(sorted(kept))
    return xs[chosen], ys[chosen]


def sample_rows(rows: int, points: int = MAX_POINTS, seed: int = 0) -> NDArray[np.intp]:
    """Positions of at most `points` rows of a scatter, ascending; the same each time."""
    if rows <= points:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, points, replace=False))
