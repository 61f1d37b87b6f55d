"""How a classifier decides and where it errs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.figures.intervals import error_bars, interval_text
from engine.figures.ranking import (
    Counts,
    average_precision,
    confusion_counts,
    decision_counts,
    roc_area,
)
from engine.figures.theme import (
    ACCENT,
    MUTED,
    SEQUENTIAL,
    WARNING,
    Translate,
    empty_figure,
    look,
    new_figure,
    safe,
    untranslated,
)
from engine.specs.records import Interval
from engine.text import N_

MAX_CURVES = 8  # more curves than colours and dashes can be told apart by
WRITTEN_CLASSES = 14  # up to here figures fit into the cells
CURVE_HEIGHT_PX = 420
DARK_CELL = 0.8  # share from which a cell is so full that only white reads on it
ONE_CLASS = N_("Not defined: all examples belong to one class")


def confusion_matrix(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    classes: Sequence[str],
    *,
    rates: bool = False,
    translate: Translate = untranslated,
) -> go.Figure:
    """Rows by true and predicted class. Each cell carries `customdata` (true code, predicted code) for clicks.

    Args:
        truth: class codes `(rows,)`.
        predicted: class codes `(rows,)`.
        classes: names by code.
        rates: shares of the true class instead of counts.
        translate: for the words of the figure.
    """
    k = len(classes)
    counts = confusion_counts(truth, predicted, k)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [safe(name, 20) for name in classes]
    figure = new_figure(
        translate(N_("Predicted")), translate(N_("True")), height_px=min(820, max(320, 130 + 44 * k)), showlegend=False
    )
    figure.add_heatmap(
        z=shares,  # coloured by share, so that a rare class is seen as well as a frequent one
        zmin=0,
        zmax=1,
        colorscale=SEQUENTIAL,
        showscale=k > WRITTEN_CLASSES,
        colorbar={"thickness": 10, "tickformat": ".0%", "outlinewidth": 0},
        xgap=2,
        ygap=2,
        hoverinfo="skip",
    )
    if k <= WRITTEN_CLASSES:
        _write_cells(figure, counts, shares, rates=rates)
    _add_click_layer(figure, counts, shares, labels, translate)
    ticks = {"tickvals": list(range(k)), "ticktext": labels, "showgrid": False, "showline": False, "ticks": ""}
    figure.update_xaxes(range=[-0.5, k - 0.5], side="bottom", **ticks)
    return figure.update_yaxes(range=[k - 0.5, -0.5], **ticks)


def roc_curves(
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    classes: Sequence[str],
    *,
    threshold: float | None = None,
    translate: Translate = untranslated,
) -> go.Figure:
    """True against false positive rate (Fawcett 2006): one curve for two classes, else one-vs-rest a class.

    Args:
        truth: class codes `(rows,)`.
        probabilities: `(rows, classes)`.
        classes: names by code.
        threshold: for two classes, where the decision stands now.
        translate: for the words of the figure.
    """
    return _ranking_curves(_ROC, truth, probabilities, classes, threshold, translate)


def precision_recall_curves(
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    classes: Sequence[str],
    *,
    threshold: float | None = None,
    translate: Translate = untranslated,
) -> go.Figure:
    """Precision against recall, with the average precision in the legend (Davis & Goadrich 2006). See `roc_curves`."""
    return _ranking_curves(_PRECISION_RECALL, truth, probabilities, classes, threshold, translate)


def class_scores(
    by_class: Sequence[Mapping[str, Interval]], classes: Sequence[str], *, translate: Translate = untranslated
) -> go.Figure:
    """Precision, recall and F1 of each class with their intervals; weakest F1 on top, at most 30 classes."""
    order = sorted(range(len(by_class)), key=lambda label: by_class[label]["f1"].value)[:30]
    if not order:
        return empty_figure(translate(N_("No classes")))
    figure = new_figure(height_px=110 + 42 * len(order))
    names = ((N_("precision"), "precision"), (N_("recall"), "recall"), ("F1", "f1"))
    for number, (title, name) in enumerate(names):
        found = [by_class[label][name] for label in order]
        style = look(number)
        figure.add_scatter(
            x=[value.value for value in found],
            y=[place + (number - 1) * 0.22 for place in range(len(order))],
            mode="markers",
            name=translate(title),
            marker={"color": style["color"], "symbol": style["symbol"], "size": 8},
            error_x=error_bars(found, style["color"]),
            customdata=order,
            hovertext=[interval_text(safe(classes[label]), value) for label, value in zip(order, found, strict=True)],
            hoverinfo="text",
        )
    labels = [f"{safe(classes[label], 24)} ({by_class[label]['support'].value:,.0f})" for label in order]
    lowest = min(by_class[label][name].low for label in order for _title, name in names)
    figure.update_xaxes(range=[max(0.0, math.floor(10 * lowest) / 10) - 0.02, 1.02])
    return figure.update_yaxes(tickvals=list(range(len(order))), ticktext=labels, autorange="reversed")


def _write_cells(figure: go.Figure, counts: NDArray[Any], shares: NDArray[Any], *, rates: bool) -> None:
    """The figures in the cells: muted where there is nothing, white on dark cells, else in the page's own colour."""
    groups = ((counts == 0, MUTED), ((counts > 0) & (shares <= DARK_CELL), None), (shares > DARK_CELL, "#ffffff"))
    for chosen, colour in groups:
        rows, columns = np.nonzero(chosen)
        cells = zip(counts[chosen].tolist(), shares[chosen].tolist(), strict=True)
        figure.add_scatter(
            x=columns,
            y=rows,
            mode="text",
            text=[f"{100 * share:.0f} %" if rates else f"{count:,}" for count, share in cells],
            textfont={"size": 13} if colour is None else {"size": 13, "color": colour},
            hoverinfo="skip",
        )


def _add_click_layer(
    figure: go.Figure, counts: NDArray[Any], shares: NDArray[Any], labels: Sequence[str], translate: Translate
) -> None:
    """Invisible points on the cells: Plotly selects points, not the cells of a heat map."""
    k = len(labels)
    cells = [(true, said) for true in range(k) for said in range(k)]
    true_word, said_word = translate(N_("True")), translate(N_("Predicted"))
    figure.add_scatter(
        x=[said for _true, said in cells],
        y=[true for true, _said in cells],
        mode="markers",
        marker={"symbol": "square", "size": max(6, min(36, 560 // max(k, 1))), "opacity": 0, "color": ACCENT},
        selected={"marker": {"opacity": 0.25}},
        unselected={"marker": {"opacity": 0}},
        customdata=cells,
        hovertext=[
            f"{true_word}: {labels[true]}<br>{said_word}: {labels[said]}<br>"
            f"{counts[true, said]:,} ({100 * shares[true, said]:.1f} %)"
            for true, said in cells
        ],
        hoverinfo="text",
    )
    figure.update_layout(hovermode="closest", hoverdistance=60, dragmode=False)


def _ranked_classes(truth: NDArray[Any], probabilities: NDArray[Any]) -> list[tuple[int, Counts]]:
    """The second of two classes; of many, those with the lowest ROC area, which are worth a look."""
    codes, k = np.asarray(truth), probabilities.shape[1]
    labels = [1] if k == 2 else range(k)
    found = [(label, decision_counts(codes == label, probabilities[:, label])) for label in labels]
    usable = [(label, counts) for label, counts in found if counts.positives and counts.negatives]
    if len(usable) > MAX_CURVES:
        usable = sorted(usable, key=lambda pair: roc_area(pair[1]))[:MAX_CURVES]
    return usable


@dataclass(frozen=True)
class _Plane:
    """What one kind of ranking curve draws."""

    x_title: str  # marked for translation
    y_title: str
    x: Callable[[Counts], NDArray[Any]]
    y: Callable[[Counts], NDArray[Any]]
    area: Callable[[Counts], float]
    chance: Callable[[Counts], tuple[float, float]]  # a guess's heights at 0 and 1
    shape: str


_ROC = _Plane(
    N_("False positive rate"),
    N_("True positive rate"),
    lambda counts: counts.false_positive_rate,
    lambda counts: counts.true_positive_rate,
    roc_area,
    lambda _counts: (0.0, 1.0),
    "linear",
)
_PRECISION_RECALL = _Plane(
    N_("Recall"),
    N_("Precision"),
    lambda counts: counts.true_positive_rate,
    lambda counts: counts.precision,
    average_precision,
    lambda counts: (counts.positives / (counts.positives + counts.negatives),) * 2,
    "vh",
)


def _ranking_curves(
    plane: _Plane,
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    classes: Sequence[str],
    threshold: float | None,
    translate: Translate,
) -> go.Figure:
    curves = _ranked_classes(truth, probabilities)
    if not curves:
        return empty_figure(translate(ONE_CLASS), height_px=CURVE_HEIGHT_PX)
    figure = new_figure(translate(plane.x_title), translate(plane.y_title), height_px=CURVE_HEIGHT_PX)
    for number, (label, counts) in enumerate(curves):
        x, y = _thin_monotone(plane.x(counts), plane.y(counts))
        name = f"{safe(classes[label], 22)} ({plane.area(counts):.3f})"
        style = look(number)
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=name,
            line={"color": style["color"], "dash": style["dash"], "width": 2, "shape": plane.shape},
            hovertemplate=f"%{{x:.3f}}, %{{y:.3f}}<extra>{name}</extra>",
        )
    counts = curves[0][1]
    two = len(classes) == 2
    if two and threshold is not None:
        _mark_threshold(figure, counts, plane.x(counts), plane.y(counts), threshold, translate)
    if two or plane is _ROC:  # the height of a guess's precision differs by class
        _chance(figure, [0, 1], plane.chance(counts), translate(N_("chance")))
    figure.update_xaxes(range=[-0.01, 1.01])
    return figure.update_yaxes(range=[-0.01, 1.03])


def _thin_monotone(x: NDArray[Any], y: NDArray[Any], points: int = 1000) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(x) <= points:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, points).round().astype(int))
    return x[kept], y[kept]


def _mark_threshold(
    figure: go.Figure, counts: Counts, x: NDArray[Any], y: NDArray[Any], threshold: float, translate: Translate
) -> None:
    place = max(int((counts.thresholds >= threshold).sum()) - 1, 0)
    figure.add_scatter(
        x=[x[place]],
        y=[y[place]],
        mode="markers",
        name=f"{translate(N_('threshold'))} {threshold:.2f}",
        marker={"size": 11, "color": WARNING, "symbol": "diamond"},
    )


def _chance(figure: go.Figure, x: Sequence[float], y: Sequence[float], name: str) -> None:
    figure.add_scatter(
        x=x, y=y, mode="lines", name=name, line={"color": MUTED, "dash": "dot", "width": 1}, hoverinfo="skip"
    )
