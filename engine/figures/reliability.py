"""How far a classifier's probabilities can be trusted, and what a decision on them costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.figures.intervals import wilson
from engine.figures.ranking import calibration_bins, decision_counts
from engine.figures.theme import (
    ACCENT,
    COLOURS,
    MUTED,
    WARNING,
    Translate,
    empty_figure,
    look,
    new_figure,
    thin,
    untranslated,
)
from engine.text import N_

CALIBRATION_HEIGHT_PX = 440  # both stand beside each other


def calibration_curve(
    happened: NDArray[Any], promised: NDArray[Any], *, bins: int = 10, translate: Translate = untranslated
) -> go.Figure:
    """What came true against what was promised, with the number of rows below (Niculescu-Mizil & Caruana 2005).

    Args:
        happened: whether the predicted event came true `(rows,)`.
        promised: its probability `(rows,)`.
        bins: of equal width; each bar carries `customdata` (from, to) for clicks.
        translate: for the words of the figure.
    """
    from plotly.subplots import make_subplots

    if not len(promised):
        return empty_figure(translate(N_("No examples")))
    found = calibration_bins(np.asarray(happened, bool), promised, bins)
    low, high = wilson(found.happened, found.rows)
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    figure.update_layout(template=new_figure().layout.template, height=CALIBRATION_HEIGHT_PX)
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name=translate(N_("perfect")),
        line={"color": MUTED, "dash": "dot"},
        hoverinfo="skip",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=found.promised,
        y=found.happened,
        mode="lines+markers",
        name=translate(N_("model")),
        line={"color": ACCENT, "width": 2},
        marker={"size": 7},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": high - found.happened,
            "arrayminus": found.happened - low,
            "color": ACCENT,
            "thickness": 1,
            "width": 3,
        },
        customdata=found.rows,
        hovertemplate="%{x:.3f} → %{y:.3f} (%{customdata:,})<extra></extra>",
        row=1,
        col=1,
    )
    centres = (found.edges[:-1] + found.edges[1:]) / 2
    figure.add_bar(
        x=centres[found.places],
        y=found.rows,
        width=1 / bins,
        marker={"color": MUTED, "cornerradius": 0},
        showlegend=False,
        customdata=np.stack([found.edges[found.places], found.edges[found.places + 1]], axis=1),
        hovertemplate="%{customdata[0]:.1f} – %{customdata[1]:.1f}: %{y:,}<extra></extra>",
        row=2,
        col=1,
    )
    figure.update_yaxes(title_text=translate(N_("Came true")), range=[-0.02, 1.02], row=1, col=1)
    figure.update_yaxes(title_text=translate(N_("Rows")), row=2, col=1)
    return figure.update_xaxes(title_text=translate(N_("Promised probability")), range=[0, 1], row=2, col=1)


def threshold_curve(
    positive: NDArray[Any],
    scores: NDArray[Any],
    *,
    threshold: float,
    false_positive_cost: float = 1.0,
    false_negative_cost: float = 1.0,
    translate: Translate = untranslated,
) -> go.Figure:
    """Precision, recall and cost an example over all thresholds, with where the slider stands and the cheapest one."""
    counts = decision_counts(np.asarray(positive, bool), scores)
    rows = counts.positives + counts.negatives
    if not rows:
        return empty_figure(translate(N_("No examples")))
    at = np.clip(np.append(counts.thresholds[1:], 0.0), 0, 1)
    place = np.append(np.arange(1, len(counts.thresholds)), len(counts.thresholds) - 1)
    cost = counts.cost(false_positive_cost, false_negative_cost) / rows
    figure = new_figure(translate(N_("Threshold")), translate(N_("Precision, recall")), height_px=360)
    shown = (
        (N_("precision"), counts.precision, 0, "y"),
        (N_("recall"), counts.true_positive_rate, 1, "y"),
        (N_("cost an example"), cost, 4, "y2"),
    )
    for name, values, number, axis in shown:
        x, y = thin(at, values[place])
        style = look(number)
        line = {"color": style["color"], "dash": style["dash"], "width": 2}
        label = translate(name)
        figure.add_scatter(
            x=x, y=y, mode="lines", name=label, line=line, yaxis=axis, hovertemplate=f"%{{y:.3f}}<extra>{label}</extra>"
        )
    cheapest = int(cost.argmin())
    figure.add_scatter(
        x=[min(float(counts.thresholds[cheapest]), 1.0)],
        y=[cost[cheapest]],
        mode="markers",
        name=translate(N_("cheapest")),
        marker={"symbol": "star", "size": 13, "color": COLOURS[4]},
        yaxis="y2",
    )
    figure.add_vline(x=threshold, line={"color": WARNING, "width": 1.5, "dash": "dash"})
    figure.update_layout(
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "title": {"text": translate(N_("Cost an example"))},
            "showgrid": False,
            "tickmode": "auto",
        },
        hovermode="x unified",
    )
    figure.update_layout(yaxis2_rangemode="tozero", yaxis_range=[-0.02, 1.02])
    return figure.update_xaxes(range=[0, 1])


def confidence_histogram(
    confidence: NDArray[Any], correct: NDArray[Any], *, bins: int = 20, translate: Translate = untranslated
) -> go.Figure:
    """How sure the model was, right and wrong apart. Bars carry `customdata` (from, to) for clicks."""
    edges = np.linspace(0, 1, bins + 1)
    sure, right = np.asarray(confidence, float), np.asarray(correct, bool)
    figure = new_figure(
        translate(N_("Probability of the predicted class")),
        translate(N_("Rows")),
        height_px=CALIBRATION_HEIGHT_PX,
        barmode="stack",
    )
    groups = ((N_("right"), right, ACCENT, ""), (N_("wrong"), ~right, COLOURS[1], "/"))
    for name, chosen, colour, pattern in groups:
        counts, _edges = np.histogram(sure[chosen], edges)
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=1 / bins,
            name=translate(name),
            marker={"color": colour, "pattern": {"shape": pattern}, "cornerradius": 0},
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
            hovertemplate=f"%{{customdata[0]:.2f}} – %{{customdata[1]:.2f}}: %{{y:,}}<extra>{translate(name)}</extra>",
        )
    return figure.update_xaxes(range=[max(0.0, float(sure.min()) - 0.05) if len(sure) else 0, 1])
