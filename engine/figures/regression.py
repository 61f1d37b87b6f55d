"""How far predicted numbers lie from the truth, and where."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.figures.theme import ACCENT, MUTED, Translate, empty_figure, new_figure, safe, sample_rows, untranslated
from engine.text import N_

NO_EXAMPLES = N_("No examples")


def predicted_actual(
    truth: NDArray[Any], predicted: NDArray[Any], *, target: str = "", translate: Translate = untranslated
) -> go.Figure:
    """Prediction against truth; a perfect model lies on the line. At most 2,000 points, drawn at random.

    Each point carries its position among the rows as `customdata`.
    """
    actual, said = np.asarray(truth, float), np.asarray(predicted, float)
    if not len(actual):
        return empty_figure(translate(NO_EXAMPLES), height_px=420)
    suffix = f" ({safe(target, 30)})" if target else ""
    figure = new_figure(
        translate(N_("True")) + suffix, translate(N_("Predicted")), height_px=420, showlegend=False, hovermode="closest"
    )
    ends = [float(min(actual.min(), said.min())), float(max(actual.max(), said.max()))]
    figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": MUTED, "dash": "dot"}, hoverinfo="skip")
    _add_points(figure, actual, said)
    return figure


def residuals_predicted(
    truth: NDArray[Any], predicted: NDArray[Any], *, translate: Translate = untranslated
) -> go.Figure:
    """Residual (truth - prediction) against prediction; a shape in the cloud is something the model has not learned."""
    actual, said = np.asarray(truth, float), np.asarray(predicted, float)
    if not len(actual):
        return empty_figure(translate(NO_EXAMPLES), height_px=420)
    figure = new_figure(
        translate(N_("Predicted")), translate(N_("Residual")), height_px=420, showlegend=False, hovermode="closest"
    )
    figure.add_hline(y=0, line={"color": MUTED, "dash": "dot"})
    _add_points(figure, said, actual - said)
    return figure


def residual_histogram(
    truth: NDArray[Any], predicted: NDArray[Any], *, bins: int = 30, translate: Translate = untranslated
) -> go.Figure:
    """How large residuals are. Bars carry `customdata` (from, to) for clicks; the outermost take what lies beyond."""
    residuals = np.asarray(truth, float) - np.asarray(predicted, float)
    if not len(residuals):
        return empty_figure(translate(NO_EXAMPLES))
    low, high = np.quantile(residuals, [0.005, 0.995])  # one wild row must not squeeze all others into one bar
    edges = np.linspace(low, high if high > low else low + 1e-9, bins + 1)
    counts, _edges = np.histogram(np.clip(residuals, edges[0], edges[-1]), edges)
    figure = new_figure(translate(N_("Residual")), translate(N_("Rows")), height_px=420, showlegend=False, bargap=0.02)
    reach = np.stack([edges[:-1], edges[1:]], axis=1)
    reach[0, 0] = min(reach[0, 0], residuals.min())
    reach[-1, 1] = max(reach[-1, 1], residuals.max())
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={"color": ACCENT, "cornerradius": 0},
        customdata=reach,
        hovertemplate="%{customdata[0]:.4g} – %{customdata[1]:.4g}: %{y:,}<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": MUTED, "dash": "dot"})
    return figure


def _add_points(figure: go.Figure, x: NDArray[Any], y: NDArray[Any]) -> None:
    chosen = sample_rows(len(x))
    figure.add_scatter(
        x=x[chosen],
        y=y[chosen],
        mode="markers",
        marker={"color": ACCENT, "size": 6, "opacity": 0.7, "line": {"width": 0}},
        customdata=chosen,
        hovertemplate="%{x:.4g}, %{y:.4g}<extra></extra>",
    )
