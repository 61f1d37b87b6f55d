"""What fine-tuning takes and what it did: shares and memory, drift and ranks by block, before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from engine.figures.intervals import error_bars, interval_text
from engine.figures.theme import (
    ACCENT,
    MUTED,
    SEQUENTIAL,
    Translate,
    empty_figure,
    look,
    new_figure,
    safe,
    untranslated,
)
from engine.specs.finetuning_records import BlockChange, DriftPoint
from engine.specs.records import Interval
from engine.text import N_

NO_EPOCH = N_("The first epoch has not ended yet")
ROW_PX, MOST_WRITTEN = 24, 24  # of a heat map: height of a row; columns in which figures are written
STRIPES = {"fillmode": "overlay", "fgcolor": "rgba(255,255,255,0.55)", "size": 6, "solidity": 0.2}
DARK_CELL = 0.75  # share of the largest value from which on a cell is too dark for dark figures


def drift_map(points: Sequence[DriftPoint], *, translate: Translate = untranslated) -> go.Figure:
    """How far each block has moved after each epoch, in percent of the length of its weights.

    Rows are blocks, the one at the input on top; columns are epochs.
    """
    names = list(dict.fromkeys(name for point in points for name in point.blocks))
    if not names:
        return empty_figure(translate(NO_EPOCH))
    table = _table(names, [point.blocks for point in points], 100.0)
    return _heat_map(
        table, names, [point.epoch for point in points], translate, form=".2g", unit=" %", name=N_("moved")
    )


def rank_map(points: Sequence[DriftPoint], *, translate: Translate = untranslated) -> go.Figure:
    """The rank that AdaLoRA leaves each matrix after each epoch; rows are matrices, columns are epochs."""
    names = list(dict.fromkeys(name for point in points for name in point.ranks))
    if not names:
        return empty_figure(translate(NO_EPOCH))
    shown = [point for point in points if point.ranks]
    table = _table(names, [point.ranks for point in shown], 1.0)
    return _heat_map(table, names, [point.epoch for point in shown], translate, form=".0f", unit="", name=N_("rank"))


def share_bar(trainable: int, parameters: int, *, translate: Translate = untranslated) -> go.Figure:
    """How much of a model learns, as one bar; a share that is too small to see is drawn as a thin line all the same."""
    share = trainable / max(1, parameters)
    figure = _strip(height_px=70, rows=1)
    seen = max(share, 0.004) if trainable else 0.0
    parts = ((translate(N_("learns")), seen, ACCENT, share), (translate(N_("stays")), 1 - seen, MUTED, 1 - share))
    for name, width, colour, said in parts:
        figure.add_bar(
            x=[width],
            y=[0],
            orientation="h",
            name=name,
            marker={"color": colour, "opacity": 0.9 if colour == ACCENT else 0.3},
            hovertemplate=f"{name}: {said:.2%}<extra></extra>",
        )
    return figure.update_xaxes(range=[0, 1])


def memory_bar(
    weights: int, gradients: int, optimizer: int, activations: int, *, translate: Translate = untranslated
) -> go.Figure:
    """What a training step holds, by what it is for; sizes in bytes."""
    figure = _strip(height_px=100, rows=2)
    names = (N_("weights"), N_("gradients"), N_("optimizer"), N_("activations"))
    patterns = ("", "/", "x", ".")  # so that colour is not alone
    for place, (name, size) in enumerate(zip(names, (weights, gradients, optimizer, activations), strict=True)):
        text = _bytes(size)
        figure.add_bar(
            x=[size],
            y=[0],
            orientation="h",
            name=f"{translate(name)} {text}",
            marker={"color": look(place)["color"], "pattern": {"shape": patterns[place]} | STRIPES},
            hovertemplate=f"{translate(name)}: {text}<extra></extra>",
        )
    return figure.update_xaxes(range=[0, max(1, weights + gradients + optimizer + activations)])


def _strip(height_px: int, rows: int) -> go.Figure:
    """A figure of one lying bar of several parts, without axes; below it its legend, two names a row."""
    figure = new_figure(height_px=height_px, barmode="stack", bargap=0.0)
    legend = {"traceorder": "normal", "entrywidth": 0.5, "entrywidthmode": "fraction", "y": -0.08, "yanchor": "top"}
    figure.update_layout(margin={"l": 0, "r": 0, "t": 2, "b": 6 + 22 * rows}, legend=legend, hovermode="closest")
    figure.update_xaxes(visible=False, automargin=False)
    return figure.update_yaxes(visible=False, automargin=False)


def _bytes(size: float) -> str:
    """`91_000_000` → `91 MB`, as sizes are written on the page."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} B"


def before_after_bars(
    before: Interval,
    after: Interval,
    title: str,
    *,
    factor: float = 1.0,
    unit: str = "",
    names: tuple[str, str] = (N_("Before"), N_("After")),
    translate: Translate = untranslated,
) -> go.Figure:
    """One metric before and after, with the 95 % intervals.

    Args:
        before: of the body before anything moved.
        after: of the tuned model.
        title: of the metric, translated.
        factor: what values are multiplied with (100 for percent).
        unit: behind the values.
        names: of the two, marked for translation.
        translate: for the words of the figure.
    """
    figure = new_figure(title, "", height_px=150, showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 12, "t": 8, "b": 8})
    labels = [translate(name) for name in names]
    for place, (label, value, colour) in enumerate(zip(labels, (before, after), (MUTED, ACCENT), strict=True)):
        scaled = Interval(value=value.value * factor, low=value.low * factor, high=value.high * factor)
        figure.add_bar(
            x=[scaled.value],
            y=[place],
            orientation="h",
            width=0.56,
            marker={"color": colour, "opacity": 0.4},
            error_x=error_bars([scaled], colour, thickness=2.5, width=8),  # readable on the bar and beside it
            hovertext=[interval_text(label, scaled, ".4g") + unit],
            hoverinfo="text",
        )
    # Bars begin at 0 where that does not hide the difference; two high shares are drawn from where they differ.
    low, high = (f(value.low if f is min else value.high for value in (before, after)) * factor for f in (min, max))
    start = 0.0 if high <= 0 or low / high < 0.6 else max(0.0, low - 1.5 * (high - low))
    figure.update_xaxes(range=[start, high + 0.08 * (high - start)], ticksuffix=unit, nticks=8)
    return figure.update_yaxes(tickvals=[0, 1], ticktext=labels, range=[1.6, -0.6], showgrid=False)


def block_changes(blocks: Sequence[BlockChange], *, translate: Translate = untranslated) -> go.Figure:
    """By block, from the input on top: how alike its outputs are before and after (linear CKA), how far its weights
    moved."""
    from plotly.subplots import make_subplots

    if not any(block.cka is not None or block.drift is not None for block in blocks):
        return empty_figure(translate(N_("Nothing of the body could be compared")))
    titles = [translate(N_("Outputs alike before and after (CKA)")), translate(N_("Weights moved"))]
    figure = make_subplots(1, 2, shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.08)
    figure.update_layout(template=new_figure().layout.template, height=110 + ROW_PX * len(blocks), showlegend=False)
    figure.update_annotations(font={"size": 13})
    places = list(range(len(blocks)))
    alike = [block.cka for block in blocks]
    style = look(0)
    figure.add_scatter(
        x=alike,
        y=places,
        mode="lines+markers",
        line={"color": style["color"], "width": 2},
        marker={"color": style["color"], "symbol": style["symbol"], "size": 8},
        hovertemplate="CKA %{x:.3f}<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_bar(
        x=[None if block.drift is None else 100 * block.drift for block in blocks],
        y=places,
        orientation="h",
        marker={"color": MUTED, "opacity": 0.6},
        hovertemplate="%{x:.3g} %<extra></extra>",
        row=1,
        col=2,
    )
    lowest = min((value for value in alike if value is not None and math.isfinite(value)), default=0.0)
    least = 0.0 if lowest < 0.5 else min(0.95, math.floor(20 * lowest) / 20)
    figure.update_xaxes(range=[least - 0.02 * (1 - least), 1 + 0.04 * (1 - least)], nticks=6, row=1, col=1)
    figure.update_xaxes(ticksuffix=" %", rangemode="tozero", nticks=5, row=1, col=2)
    names = [safe(block.name, 26) for block in blocks]
    figure.update_yaxes(range=[len(blocks) - 0.4, -0.6], showgrid=False)
    return figure.update_yaxes(tickvals=places, ticktext=names, col=1)


def _table(names: Sequence[str], columns: Sequence[Mapping[str, float]], factor: float) -> list[list[float | None]]:
    return [[None if name not in column else factor * column[name] for column in columns] for name in names]


def _heat_map(
    table: Sequence[Sequence[float | None]],
    names: Sequence[str],
    epochs: Sequence[int],
    translate: Translate,
    *,
    form: str,
    unit: str,
    name: str,
) -> go.Figure:
    """Rows from top to bottom, epochs from left to right; the figures stand in the cells while there is room."""
    figure = new_figure(translate(N_("Epoch")), "", height_px=110 + ROW_PX * len(names))
    most = max((value for row in table for value in row if value is not None), default=0.0) or 1.0
    written = len(epochs) <= MOST_WRITTEN and len(names) <= 2 * MOST_WRITTEN
    figure.add_heatmap(
        z=table,
        x=[str(epoch) for epoch in epochs],
        y=[safe(one, 34) for one in names],
        zmin=0.0,
        zmax=most,
        colorscale=SEQUENTIAL,
        xgap=2,
        ygap=2,
        colorbar={"thickness": 10, "outlinewidth": 0, "ticksuffix": unit, "title": {"text": translate(name)}},
        showscale=not written,
        hovertemplate=f"%{{y}}<br>{translate(N_('Epoch'))} %{{x}}: %{{z:{form}}}{unit}<extra></extra>",
    )
    if written:
        labels = [str(epoch) for epoch in epochs], [safe(one, 34) for one in names]
        _write_cells(figure, table, labels, most, f"{{:{form}}}{unit}")
    figure.update_xaxes(type="category", showgrid=False)
    return figure.update_yaxes(autorange="reversed", showgrid=False, type="category")


def _write_cells(
    figure: go.Figure,
    table: Sequence[Sequence[float | None]],
    labels: tuple[Sequence[str], Sequence[str]],
    most: float,
    form: str,
) -> None:
    """The figures in the cells: white on dark cells, else in the page's own colour; `labels` of columns and rows."""
    columns, rows = labels
    cells = [
        (column, row, value)
        for row, values in zip(rows, table, strict=True)
        for column, value in zip(columns, values, strict=True)
        if value is not None
    ]
    for dark in (False, True):
        shown = [cell for cell in cells if (cell[2] > DARK_CELL * most) is dark]
        figure.add_scatter(
            x=[column for column, _row, _value in shown],
            y=[row for _column, row, _value in shown],
            mode="text",
            text=[form.format(value) for _column, _row, value in shown],
            textfont={"size": 11} | ({"color": "#ffffff"} if dark else {}),
            hoverinfo="skip",
            showlegend=False,
        )
