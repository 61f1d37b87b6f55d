"""How a classifier decides and where it errs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

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
    figure = new_figure(translate(N_("False positive rate")), translate(N_("True positive rate")), height_px=420)
    drawn = 0
    for number, (label, counts) in enumerate(_ranked_classes(truth, probabilities)):
        if not counts.positives or not counts.negatives:
            continue
        x, y = _thin_monotone(counts.false_positive_rate, counts.true_positive_rate)
        name = f"{safe(classes[label], 22)} ({roc_area(counts):.3f})"
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=name,
            line={"color": look(number)["color"], "dash": look(number)["dash"], "width": 2},
            hovertemplate=f"%{{x:.3f}}, %{{y:.3f}}<extra>{name}</extra>",
        )
        if threshold is not None and len(classes) == 2:
            _mark_threshold(figure, counts, counts.false_positive_rate, counts.true_positive_rate, threshold, translate)
        drawn += 1
    if not drawn:
        return empty_figure(translate(ONE_CLASS), height_px=420)
    _chance(figure, [0, 1], [0, 1], translate(N_("chance")))
    figure.update_xaxes(range=[-0.01, 1.01])
    return figure.update_yaxes(range=[-0.01, 1.02])


def precision_recall_curves(
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    classes: Sequence[str],
    *,
    threshold: float | None = None,
    translate: Translate = untranslated,
) -> go.Figure:
    """Precision against recall, with the average precision in the legend (Davis & Goadrich 2006). See `roc_curves`."""
    figure = new_figure(translate(N_("Recall")), translate(N_("Precision")), height_px=420)
    drawn = 0
    for number, (label, counts) in enumerate(_ranked_classes(truth, probabilities)):
        if not counts.positives or not counts.negatives:
            continue
        x, y = _thin_monotone(counts.true_positive_rate, counts.precision)
        name = f"{safe(classes[label], 22)} ({average_precision(counts):.3f})"
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=name,
            line={"color": look(number)["color"], "dash": look(number)["dash"], "width": 2, "shape": "vh"},
            hovertemplate=f"%{{x:.3f}}, %{{y:.3f}}<extra>{name}</extra>",
        )
        if len(classes) == 2:
            share = counts.positives / (counts.positives + counts.negatives)
            _chance(figure, [0, 1], [share, share], translate(N_("chance")))
            if threshold is not None:
                _mark_threshold(figure, counts, counts.true_positive_rate, counts.precision, threshold, translate)
        drawn += 1
    if not drawn:
        return empty_figure(translate(ONE_CLASS), height_px=420)
    figure.update_xaxes(range=[-0.01, 1.01])
    return figure.update_yaxes(range=[-0.01, 1.03])


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
            error_x=_error_bars(found, style["color"]),
            customdata=order,
            hovertext=[_interval_text(safe(classes[label]), value) for label, value in zip(order, found, strict=True)],
            hoverinfo="text",
        )
    labels = [f"{safe(classes[label], 24)} ({by_class[label]['support'].value:,.0f})" for label in order]
    figure.update_xaxes(range=[-0.02, 1.05])
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


def _error_bars(found: Sequence[Interval], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [value.high - value.value for value in found],
        "arrayminus": [value.value - value.low for value in found],
        "color": colour,
        "thickness": 1.2,
        "width": 3,
    }


def _interval_text(name: str, value: Interval) -> str:
    return f"{name}: {value.value:.3f} ({value.low:.3f} – {value.high:.3f})"
